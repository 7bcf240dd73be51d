"""Cases of the methods for continuous quantities."""

from __future__ import annotations

from typing import Any

from tocsin.catalog import detectors
from tocsin.detect.contract import Floats
from tocsin.testing.detectors import Case, counts, readings

METHODS = detectors()


def _far(values: Floats) -> Floats:
    return values + 25


SIMPLE: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    ("ewma", "ewma", {}, {}),
    ("ewma-nominal", "ewma", {"side": "high", "phase1": 300, "calibrate": False}, {"pooled": False}),
    ("ewma_cusum", "ewma_cusum", {}, {}),
    ("ewma_cusum-high", "ewma_cusum", {"side": "high", "k": 1.0}, {}),
    ("robust_z", "robust_z", {}, {}),
    ("robust_z-season", "robust_z", {"season": "month", "side": "high"}, {}),
    ("page_hinkley", "page_hinkley", {}, {}),
    ("shiryaev_roberts", "shiryaev_roberts", {}, {}),
    ("bocpd", "bocpd", {}, {}),
    ("seasonal_residual", "seasonal_residual", {}, {}),
    ("spectral_residual", "spectral_residual", {}, {}),
    ("spot", "spot", {"phase1": 200}, {}),
    ("spot-both", "spot", {"phase1": 200, "side": "both", "calibrate": False}, {"pooled": False}),
    ("dspot", "dspot", {"phase1": 180}, {}),
)
CASES = {
    name: Case(detector=METHODS[method](**settings), normal=readings, fault=_far, warm=400, **more)
    for name, method, settings, more in SIMPLE
}
for _model in ("poisson", "nb"):
    CASES[f"bocpd-{_model}"] = Case(
        detector=METHODS["bocpd"](model=_model, kept=12, phase1=24),
        normal=lambda rng, n_times, n: rng.poisson(20.0, (n_times, n)).astype(float),
        fault=lambda values: 3 * values + 25,
        warm=400,
    )
CASES["seasonal_residual-day"] = Case(
    detector=METHODS["seasonal_residual"](side="high"), normal=counts, fault=lambda values: 3 * values + 25
)
