"""The control charts of counts in the worlds that they are made for: steady counts, shares of trials."""

from __future__ import annotations

import numpy as np

from tocsin.detect.methods.categorical_cusum import CategoricalCusum
from tocsin.detect.methods.cusum import Cusum
from tocsin.detect.methods.e_detector import EDetector
from tocsin.detect.methods.glr import Glr
from tocsin.detect.methods.outbreakp import OutbreakP
from tocsin.detect.methods.rogerson import Rogerson
from tocsin.testing.detectors import Case


def steady(rng, n_times, n):
    """Poisson counts of mean 12."""
    return rng.poisson(12.0, (n_times, n)).astype(float)


def shares(rng, n_times, n):
    """Cases out of 200 trials at a share of 0.1."""
    return rng.binomial(200, 0.1, (n_times, n)).astype(float)


def expected(n_times, n):
    return {"expected": np.full(n, 12.0)}


def trials(n_times, n):
    return {"trials": np.full(n, 200.0)}


def outbreak(values):
    return values + 40


CASES = {
    "cusum": Case(detector=Cusum(phase1=100), normal=steady, fault=outbreak, warm=400),
    "cusum-given": Case(
        detector=Cusum(m="given", head_start=0.5, reset=True, trans="anscombe"),
        normal=steady,
        fault=outbreak,
        given=expected,
        warm=400,
    ),
    "cusum-glm": Case(detector=Cusum(m="glm", phase1=104), normal=steady, fault=outbreak, warm=400),
    "glr": Case(detector=Glr(M=20), normal=steady, fault=outbreak, warm=400),
    "glr-known-size": Case(
        detector=Glr(theta=0.6, mu0="given", M=5), normal=steady, fault=outbreak, given=expected, warm=400
    ),
    "glr-negative-binomial": Case(
        detector=Glr(M=4, alpha=0.1, mu0="given"), normal=steady, fault=outbreak, given=expected, warm=400
    ),
    "rogerson": Case(detector=Rogerson(), normal=steady, fault=outbreak, given=expected, warm=400),
    "outbreakp": Case(detector=OutbreakP(), normal=steady, fault=outbreak, warm=400),
    "e_detector": Case(detector=EDetector(), normal=steady, fault=outbreak, warm=400),
    "e_detector-counts": Case(
        detector=EDetector(model="counts"), normal=steady, fault=outbreak, given=expected, warm=400
    ),
    "categorical_cusum": Case(
        detector=CategoricalCusum(), normal=shares, fault=outbreak, given=trials, warm=400
    ),
}
