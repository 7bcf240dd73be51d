"""Farrington flexible: counts against all of the last years, with season and trend.

Good for weekly or monthly counts of many diseases at once, rare to common: the routine method of several
national institutes. Not good without three or more years of history, for daily counts with a rhythm of the
week (add them up), or where reporting delays make the newest weeks incomplete (nowcast them first).

A quasi-Poisson regression is fitted to the last ``b`` years: a factor of ``no_periods`` seasons (the weeks
within ``w`` of today's, in every year, are the season at hand; the rest of the year is cut into blocks of
nearly equal length) and a linear trend. Baseline weeks with a large Anscombe residual (past outbreaks) are
weighted down and the fit is repeated. The trend stays if ``b`` is at least 3, if its p-value is below
``p_threshold_trend`` and if it does not lead beyond the largest count of the baseline; else all is done
again without it. The last ``past_weeks_not_included`` weeks do not teach, so that an outbreak that has
begun does not hide itself. The bound is the 1 - ``alpha`` quantile of a negative binomial count
(``nbPlugin``), the same with the mean at its own upper limit (``muan``), or an upper limit on a scale where
counts are nearly symmetric (``delta``, power ``powertrans``). With fewer than ``limit54`` = (5, 4) cases in
the last 4 weeks there is no bound and no alarm; the tail is still given. :func:`explain` shows every number
of one judgement.

The defaults are those of Noufaily et al. (R's own are ``no_periods=1``, ``past_weeks_not_included=w``,
``threshold_method="delta"``, ``p_threshold_trend=0.05``, ``alpha=0.05``).

``compatible="surveillance-1.20"`` reproduces the faults of R's ``farringtonFlexible`` (the first is still
there in 1.26):

- After the second fit its working weights are overwritten by the prior ones, so that standard errors come
  out too small (by 1.5 on rare series, up to 18 on large counts), and the trend is kept too often.
- The score of ``nbPlugin`` and ``muan`` takes the logarithm of the mean for the mean. A bound of zero then
  gives an alarm or none by the sign of a logarithm; here a count above the bound alarms, whatever the mean.
- Where the season was always empty, the fit runs to a mean near zero, or does not converge and all is NA,
  with an expected count of 0. Here the count then has the predictive distribution by Jeffreys' prior
  (expected: half a case in all those weeks), so that a first case is rare, not impossible.
- With ``dates``, times of the baseline count from its first row, today's from its first known row: where the
  oldest weeks are missing, a trend is read off at the wrong week. Here both count alike.

The effect, on the 140 series of the simulation study after Noufaily et al. (49 weeks each, alpha 0.005, ten
seasons; share of quiet weeks that alarm, share of outbreaks found; here against R): ``delta`` with the
trend always 0.0047 and 0.400 against 0.0048 and 0.400; ``delta`` with the trend if p < 0.05 0.0047 and
0.421 against 0.0051 and 0.421, the trend staying in 43 % of the weeks against 67 %; ``muan`` 0.0006 and
0.214 against 0.0012 and 0.271, its bounds being 8 % higher in the median; ``nbPlugin`` with the trend
always: the same alarms.

Bad input: a missing or negative count is unknown (tail NaN) and does not teach, a population that is
missing, zero or negative makes that period unknown. Where fewer values are known than the regression has
terms, where it does not converge, and before ``b`` years are there, everything is NaN. Constant series:
dispersion 1, no alarm. Weeks of 53-week years are found by date (``dates``); without, ``freq`` periods are
a year. A period that is not in the panel is no reference: with ``dates`` the week is then unknown.
Duplicate times are refused before there is a panel.

Cost: ``8 (52.4 b + w)`` bytes of state a series, 2.1 kB with the defaults, twice that with populations; 60 to
80 µs a series and week on one core (R: 10 ms; ``python -m benchmarks.farrington``).

References
----------
Noufaily, Enki, Farrington, Garthwaite, Andrews, Charlett (2013), Statistics in Medicine 32:1206,
doi:10.1002/sim.5595;
Farrington, Andrews, Beale, Catchpole (1996), Journal of the Royal Statistical Society A 159:547,
doi:10.2307/2983331;
Salmon, Schumacher, Höhle (2016), Journal of Statistical Software 70(10), doi:10.18637/jss.v070.i10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect import baseline, calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.detect.expectation import (
    Bound,
    Expectation,
    Rules,
    empty_season,
    expect,
    p_of_trend,
    passes,
)
from tocsin.detect.weeks import ReferenceWeeks
from tocsin.model import MethodError
from tocsin.stats import glm, negative_binomial


@dataclass(frozen=True, slots=True, kw_only=True)
class FarringtonFlexible(ReferenceWeeks):
    """Quasi-Poisson regression on the last years, and a bound for the count to come.

    The other parameters are those of :class:`tocsin.detect.weeks.ReferenceWeeks`.

    Parameters
    ----------
    no_periods : int
        Seasons; 1: only the windows are used.
    past_weeks_not_included : int or None
        The last periods that do not teach; None: ``w``.
    p_threshold_trend : float
        The trend stays if its p-value is below; with 1 always, unless it leads beyond what was seen.
    threshold_method : str
        ``delta``, ``nbPlugin`` or ``muan``.
    powertrans : str
        Scale of the ``delta`` bound: ``2/3``, ``1/2`` or ``none``.
    alpha : float
        Probability of a count above the bound.
    population_offset : bool
        Whether the rate is modelled, the populations being given.
    """

    NAME: ClassVar[str] = "farrington_flexible"

    b: int = 5
    no_periods: int = 10
    past_weeks_not_included: int | None = 26
    weights_threshold: float = 2.58
    p_threshold_trend: float = 1.0
    threshold_method: str = "nbPlugin"
    alpha: float = 0.005
    population_offset: bool = False

    @property
    def GIVEN(self) -> tuple[str, ...]:
        """Populations, if rates are modelled."""
        return ("population",) if self.population_offset else ()

    def __post_init__(self) -> None:
        ReferenceWeeks.__post_init__(self)
        one_of(self.NAME, "threshold_method", self.threshold_method, ("delta", "nbPlugin", "muan"))
        baseline.whole(self.NAME, "no_periods", self.no_periods, 1)
        if self.past_weeks_not_included is not None:
            baseline.whole(self.NAME, "past_weeks_not_included", self.past_weeks_not_included, 0)
        positive(self.NAME, "p_threshold_trend", self.p_threshold_trend, zero=True)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return self.begin(n, population=self.population_offset)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        found, verdict = self._judged(state, values, now)
        tail = calibration.tail_of(state["scores"], verdict.p) if self.calibrate else verdict.p
        baseline.push(state, values, now)
        return state, Step.of(
            values,
            tail=tail,
            expected=verdict.expected,
            upper=verdict.upper,
            alarm=verdict.alarm,
            details={
                "score": verdict.score,
                "pvalue": verdict.p,
                "phi": found.phi,
                "trend_used": found.trend_used,
            },
        )

    def _judged(self, state: State, values: Floats, now: Now) -> tuple[Expectation, _Verdict]:
        frame = self._frame(state, now)
        if frame is None:
            found = Expectation.unknown(len(values))
        else:
            back, design = frame
            past = baseline.rows(state, back)
            found = expect(
                past,
                design,
                self._rules(),
                level=self.no_periods - 1,
                time=self._time_now(past, design),
                population=baseline.rows(state, back, "population") if self.population_offset else None,
                population_now=now.of("population") if self.population_offset else None,
            )
        count = baseline.counts(values)
        few = baseline.few(state, count, self.limit54, strict=self.compatible != "")
        return found, self._verdict(count, found, few, frame is not None)

    def _rules(self) -> Rules:
        return Rules(
            trend=self.tries_trend,
            p_trend=self.p_threshold_trend,
            reweight=self.reweight,
            weights_threshold=self.weights_threshold,
            dispersion="overwritten" if self.compatible else "pearson",
        )

    def _frame(self, state: State, now: Now) -> tuple[NDArray[np.int64], glm.Design] | None:
        """Periods back of the baseline and their design; None while the history is too short."""
        left_out = self.w if self.past_weeks_not_included is None else self.past_weeks_not_included
        weeks = self.compared(state, now, no_periods=self.no_periods, left_out=left_out)
        if weeks is None:
            return None
        back, level = weeks
        time = -back.astype(float)
        if self.dates:
            days = baseline.days(state, back)
            unit = 7 if self.freq == 52 or len(days) < 2 else days[1] - days[0]
            time = (days - now.time // baseline.DAY_US) / unit
        return back, glm.Design(level=level, time=time)

    def _time_now(self, past: Floats, design: glm.Design) -> Floats:
        """Time of the period judged, shape (n,): 0, as times count from it.

        R's slip, reproduced if ``compatible``: by dates the times of the baseline count from its first row,
        that of now from its first *known* row.
        """
        if not (self.compatible and self.dates):
            return np.zeros(past.shape[1])
        first = np.argmax(np.isfinite(past), axis=0)
        return np.asarray(design.time[0] - design.time[first])

    def _verdict(self, count: Floats, e: Expectation, few: NDArray[np.bool_], judged: bool) -> _Verdict:
        z = float(special.ndtri(1 - self.alpha))
        with np.errstate(all="ignore"):
            mean = e.mean
            if self.threshold_method == "delta":
                bound = Bound.of(e, self.powertrans)
                upper, p = bound.upper(z), special.ndtr(-bound.z(count))
            else:
                rate = np.exp(e.eta + z * e.se) if self.threshold_method == "muan" else mean
                # An upper limit that overflows says nothing.
                rate = np.where(np.isfinite(rate), rate, np.nan)
                size = np.where(e.phi > 1, rate / (e.phi - 1), np.inf)
                upper = negative_binomial.quantile(1 - self.alpha, rate, size)
                p = negative_binomial.tail(count, rate, size)
            if self.compatible:
                centre = mean if self.threshold_method == "delta" else e.eta
                score = (count - centre) / (upper - centre)
                alarm = (score > 1) & (count > 0) & ~few
                shown = np.where(few | np.isnan(upper), np.nan, mean)
                shown = np.where(np.isnan(mean) & judged, 0.0, shown)
            else:
                mean, upper, p = empty_season(e, count, mean, upper, p, 1 - self.alpha)
                over = np.where(count > upper, np.inf, 0.0)
                score = np.where(upper > mean, (count - mean) / (upper - mean), over)
                alarm, shown = (count > upper) & (count > 0) & ~few, mean
        return _Verdict(
            expected=shown,
            upper=np.where(few, np.nan, upper),
            score=np.where(np.isnan(count + upper), np.nan, score),
            p=np.where(np.isnan(count), np.nan, p),
            alarm=alarm,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Verdict:
    expected: Floats
    upper: Floats
    score: Floats
    p: Floats
    alarm: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """Why a count was judged as it was; names as in R's ``surveillance`` and in the reference cases.

    Parameters
    ----------
    rows : mapping of str to ndarray of float64
        One entry a row of the baseline, oldest first: its period counted from 1 (``t_index``), ``response``,
        ``wtime``, ``seasgroup``; fitted means, leverages, Anscombe residuals and weights of the passes, with
        a trend and as finally decided.
    numbers : mapping of str to float
        Dispersions, p-values of the trend, linear predictor, its standard errors, mean, bound, score.
    coefficients : mapping of str to float
        Of the final fit; levels against the first one.
    """

    rows: Mapping[str, Floats]
    numbers: Mapping[str, float]
    coefficients: Mapping[str, float]


def explain(
    method: FarringtonFlexible,
    values: Floats,
    *,
    times: NDArray[np.int64],
    population: Floats | None = None,
) -> Explanation:
    """Say how the last value of one series is judged, with every number on the way.

    Parameters
    ----------
    method : FarringtonFlexible
        With its settings.
    values : ndarray of float64, shape (n_times,)
        The series up to and including the value to judge.
    times : ndarray of int64, shape (n_times,)
        First instants of the periods, microseconds since 1970.
    population : ndarray of float64, shape (n_times,), or None
        If the method has ``population_offset``.

    Raises
    ------
    MethodError
        When the history is too short, or no regression can be fitted.

    Examples
    --------
    >>> method = FarringtonFlexible(b=3, no_periods=1, past_weeks_not_included=3, dates=False)
    >>> times = np.arange(180) * 7 * 86_400_000_000
    >>> why = explain(method, np.tile([2.0, 3.0, 4.0, 3.0], 45), times=times)
    >>> len(why.rows["t_index"]), round(why.numbers["mu_now"], 6), why.coefficients.keys()
    (21, 3.033045, dict_keys(['(Intercept)', 'wtime']))
    """
    state = method.start(1)
    given = {} if population is None else {"population": population}
    nows = [
        Now(time=int(t), season=np.zeros(1, np.int64), given={k: g[[i]] for k, g in given.items()})
        for i, t in enumerate(times)
    ]
    for value, now in zip(values[:-1], nows[:-1], strict=True):
        baseline.push(state, np.array([value]), now)
    frame = method._frame(state, nows[-1])
    found, verdict = method._judged(state, values[-1:], nows[-1])
    if frame is None or np.isnan(found.eta[0]):
        raise MethodError(f"{method.NAME}: got {len(values)} periods, of which no baseline could be fitted")
    back, design = frame
    counts = baseline.rows(state, back)
    time_now = method._time_now(counts, design)
    zero = float(design.time[0]) if method.dates else -float(len(values))
    there = baseline.rows(state, back, "population") if method.population_offset else None
    known = np.isfinite(counts[:, 0]) & (True if there is None else there[:, 0] > 0)
    back, design = back[known], glm.Design(level=design.level[known], time=design.time[known])
    response = glm.Response.of(counts[known], None if there is None else there[known])
    rules = method._rules()
    with_trend = passes(response, design, rules, trend=True) if method.trend else None
    kept = bool(found.trend_used[0])
    final = with_trend if kept and with_trend else passes(response, design, rules, trend=False)
    level = method.no_periods - 1
    log_now = 0.0 if population is None else float(np.log(population[-1]))
    variance = float(final.second.at(level, time_now)[1][0])

    rows = {
        "t_index": (len(values) - back).astype(float),
        "response": response.count[:, 0],
        "wtime": design.time - zero,
        "seasgroup": design.level + 1.0,
        "mu_pass1_final": final.first.mean[:, 0],
        "mu_pass2_final": final.second.mean[:, 0],
        "anscombe_final": final.residual[:, 0],
        "omega_final": final.weight[:, 0],
    }
    numbers = {
        "t": float(len(values)),
        "observed": float(values[-1]),
        "wtime_now": float(time_now[0]) - zero,
        "max_baseline": float(response.count.max()),
        "trend_kept": float(kept),
        "phi_final": float(final.phi[0]),
        "dispersion_pearson_final_unclamped": float(final.pearson[0]),
        "dispersion_in_predict": float(final.of_errors(rules)[0]),
        "eta_now": float(found.eta[0]),
        "se_eta_used": float(found.se[0]),
        "se_eta_with_proper_weights": float(np.sqrt(variance * final.pearson[0])),
        "mu_now": float(found.mean[0]),
        "upperbound": float(verdict.upper[0]),
        "expected": float(verdict.expected[0]),
        "score": float(verdict.score[0]),
        "pvalue": float(verdict.p[0]),
        "alarm": float(verdict.alarm[0]),
    }
    if with_trend is not None:
        rows["mu_pass1_trend"] = with_trend.first.mean[:, 0]
        rows["hat_pass1_trend"] = with_trend.leverage[:, 0]
        rows["anscombe_trend"] = with_trend.residual[:, 0]
        rows["omega_trend"] = with_trend.weight[:, 0]
        p_proper = p_of_trend(with_trend.second, with_trend.pearson)
        numbers["phi_pass1_with_trend"] = float(with_trend.phi_first[0])
        numbers["phi_pass2_with_trend"] = float(with_trend.phi[0])
        numbers["trend_p_value_used"] = float(p_of_trend(with_trend.second, with_trend.of_trend(rules))[0])
        numbers["trend_p_value_with_proper_weights"] = float(p_proper[0])
        numbers["mu_with_trend"] = float(np.exp(with_trend.second.at(level, time_now)[0][0] + log_now))
    slope, intercept = float(final.second.slope[0]), final.second.intercept[:, 0]
    coefficients = {"(Intercept)": float(intercept[0]) + slope * zero}
    coefficients |= {"wtime": slope} if kept else {}
    coefficients |= {
        f"seasgroups{k + 1}": float(intercept[k] - intercept[0]) for k in range(1, len(intercept))
    }
    return Explanation(rows=rows, numbers=numbers, coefficients=coefficients)


DETECTOR = FarringtonFlexible
