"""Adaptive conformal calibration around another method.

Good where a method's middle is right and its spread is not: after a change of the spread, for counts under a
normal method. Not good with few past periods: it learns from ``origins`` forecasts that the member would have
made.

The member's forecasts from past moments are compared with what came; each quantile is moved by a quantile of
its errors, at an effective level that follows the outcomes (:mod:`tocsin.forecast.conformal`).

Cost: ``origins`` times that of the member.

References
----------
Gibbs, Candès (2021), Adaptive conformal inference under distribution shift, NeurIPS 34, arXiv:2106.00170.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from tocsin.catalog import forecasters
from tocsin.forecast import make
from tocsin.forecast.backtest import backtest
from tocsin.forecast.conformal import calibrated
from tocsin.forecast.contract import Floats, Forecaster, Why, require, whole
from tocsin.model import ConfigError, Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """Calibrate the quantiles of a member by its past errors.

    Parameters
    ----------
    member : str
        Name of another method.
    settings : mapping
        Its parameters.
    origins : int
        Past moments from which it forecasts.
    gain : float
        Step of an effective level at each outcome.
    least : float or None
        Smallest possible value.
    """

    NAME: ClassVar[str] = "conformal"

    member: str = "seasonal_naive"
    settings: Mapping[str, Any] = field(default_factory=dict)
    origins: int = 100
    gain: float = 0.01
    least: float | None = None

    def __post_init__(self) -> None:
        allowed = sorted(set(forecasters()) - {"conformal"})
        if self.member not in allowed:
            raise ConfigError("conformal", "member", self.member, allowed)
        whole("conformal", "origins", self.origins, 1)
        if not 0 < self.gain < 1:
            raise ConfigError("conformal", "gain", self.gain, "a number within 0 to 1")
        self._made()

    def _made(self) -> Forecaster:
        return make(self.member, **self.settings)

    def quantiles(self, panel: Panel, steps: int, levels: Sequence[float], why: Why | None = None) -> Floats:
        """Quantiles of the next periods."""
        given = require("conformal", steps, levels)
        member = self._made()
        now = member.quantiles(panel, steps, levels, why)
        told, came = backtest(member, panel, steps, levels, self.origins)
        out = calibrated(now, told, came, given, self.gain)
        return out if self.least is None else np.maximum(out, self.least)


FORECASTER = Conformal
