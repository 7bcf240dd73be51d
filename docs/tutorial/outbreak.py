# ruff: noqa: E402, T201
# %% [markdown]
# # An outbreak, end to end
#
# Fifty-one states report the weekly cases of a food-borne disease. Reports come late: of the cases of a
# week less than half are known at its end. In a summer week an outbreak begins in three neighbouring
# states. This page goes the whole way with it: **delays → nowcast → detection → budget of false alarms →
# draft of a warning → verification**. The world is invented and drawn from a seed, so that we know what
# really happened; every other step is the code that runs live.
#
# The page is a script, `docs/tutorial/outbreak.py`, run anew at each build of the documents. Type it along,
# or run it whole: `python -m docs.walkthrough docs/tutorial/outbreak.py`.
#
# ## 1. The world

# %%
from datetime import UTC, datetime, timedelta

import numpy as np
from docs.method_pictures import BLUE, GREY, ORANGE, RED
from matplotlib.figure import Figure

from tocsin.geo import load_pack

rng = np.random.default_rng(2001)
pack = load_pack("us")
ISLANDS = {"AS", "GU", "MP", "PR", "VI"}
states = [state for state in pack.at_level("state") if state.code not in ISLANDS]
codes = [state.code for state in states]

WEEKS, FIRST_JUDGED = 416, 290  # eight years; the first ones only teach
week = np.arange(WEEKS)
monday = np.datetime64("2001-01-01") + 7 * week

rate = 0.3e-5  # cases a week and person
season = np.exp(0.5 * np.sin(2 * np.pi * (week - 18) / 52.18))
mean = rate * np.array([state.population for state in states]) * season[:, None]
PHI = 1.4  # variance over mean
usual = rng.negative_binomial(mean / (PHI - 1), 1 / PHI)

print(f"{len(states)} states, {WEEKS} weeks, {usual.sum():,} cases; {usual.sum(1).mean():.0f} a week")

# %% [markdown]
# Outbreaks are planted: the one of this story, and ten more in other states at other times, so that
# detection can be judged on more than one. A case falls ill some weeks after the source opens.

# %%
outbreak = np.zeros_like(usual)


def plant(state: str, begin: int, size: float) -> None:
    """Add an outbreak of `size` standard deviations of a week, spread over the weeks that follow."""
    column = codes.index(state)
    spread = np.sqrt(PHI * mean[begin, column])
    ill = begin + rng.lognormal(0.6, 0.5, int(np.ceil(size * max(spread, 2)))).astype(int)
    np.add.at(outbreak, (ill[ill < WEEKS], column), 1)


STORY = 398
for state, begin, size in (("NY", STORY, 12), ("NJ", STORY, 12), ("CT", STORY + 1, 10)):
    plant(state, begin, size)
others = rng.choice([c for c in codes if c not in ("NY", "NJ", "CT", "PA", "MA")], 10, replace=False)
for state, begin in zip(others, rng.integers(FIRST_JUDGED, STORY - 20, 10), strict=True):
    plant(str(state), int(begin), float(rng.uniform(4, 12)))

cases = usual + outbreak
print(f"the story begins in the week of {monday[STORY]}: {outbreak[STORY:].sum()} cases in NY, NJ and CT")
print("others: " + ", ".join(f"{s}" for s in sorted(map(str, others))))

# %% [markdown]
# ## 2. Reports come late
#
# Each case is reported after a delay of 0 to 5 weeks. What is known at the end of a week is a *reporting
# triangle*: weeks by delays, the lower right corner still in the future.

# %%
DELAYS = np.array([0.42, 0.27, 0.15, 0.09, 0.05, 0.02])
LONGEST = len(DELAYS) - 1
reports = rng.multinomial(cases, DELAYS).transpose(0, 2, 1)  # weeks, delays, states


def known_at(now: int, back: int = 60) -> np.ndarray:
    """Reports of the last weeks by delay, as known at the end of week `now`."""
    rows = reports[now - back + 1 : now + 1].astype(float)
    ages = np.arange(back)[::-1]
    rows[np.arange(LONGEST + 1) > ages[:, None]] = 0
    return rows


told = reports[:, 0].sum() / cases.sum()
print(f"{told:.0%} of the cases are known in their own week")

# %% [markdown]
# ## 3. Nowcast
#
# {py:mod}`tocsin.detect.nowcast` learns the delays from the triangle, pooled over the states, and says what
# the newest counts will become, and how surely.

# %%
from tocsin.detect.nowcast import Delays, Nowcast, corrected
from tocsin.detect.triangle import Triangle


def nowcast(now: int) -> tuple[np.ndarray, np.ndarray]:
    """Estimate and standard deviation of the counts of week `now`, as known at its end."""
    pooled = Triangle(counts=known_at(now).sum(2, keepdims=True))
    shared = Delays.of(pooled)
    delays = Delays(
        reports=np.repeat(shared.reports, len(states), 1), upto=np.repeat(shared.upto, len(states), 1)
    )
    return corrected(reports[now, 0].astype(float), delays, settings=Nowcast(method="bayes.notrunc.bnb"))


estimate = np.full((WEEKS, len(states)), np.nan)
spread = np.full((WEEKS, len(states)), np.nan)
for now in range(60, WEEKS):
    estimate[now], spread[now] = nowcast(now)

judged = slice(FIRST_JUDGED, WEEKS)
near = np.abs(estimate - cases)[judged] <= 1.645 * np.sqrt(spread[judged] ** 2 + 0.25)
first_error = np.abs(reports[:, 0] - cases)[judged].mean()
print(
    f"mean error of the first count: {first_error:.2f} cases; of the nowcast: "
    f"{np.abs(estimate - cases)[judged].mean():.2f}"
)
print(f"the final count lies within 1.6 standard deviations in {near.mean():.0%} of the state-weeks")

# %%
last = slice(WEEKS - 40, WEEKS)
figure = Figure(figsize=(7.6, 2.8), layout="constrained", facecolor="none")
axes = figure.subplots()
column = codes.index("NY")
x = monday[last]
axes.fill_between(
    x,
    np.maximum(estimate - 1.645 * spread, 0)[last, column],
    (estimate + 1.645 * spread)[last, column],
    color=ORANGE,
    alpha=0.25,
    linewidth=0,
)
axes.plot(x, cases[last, column], color=BLUE, label="what the count became")
axes.plot(x, reports[last, 0, column], color=GREY, label="known at the end of the week")
axes.plot(x, estimate[last, column], color=ORANGE, label="nowcast, with 90 %")
axes.axvline(monday[STORY], color=RED, linewidth=0.8, linestyle=":")
axes.set(ylabel="cases a week, New York", ylim=(0, None))
axes.legend(frameon=False, fontsize=8, loc="upper left")

# %% [markdown]
# The dotted line is the week in which the outbreak begins. What is known in time falls short of what is
# normal even while the outbreak grows; the nowcast does not.
#
# ## 4. Detection
#
# Each state is judged by its own past, week by week, by Farrington's method in its flexible form. It looks
# five years back and leaves out the last half year, so that an outbreak does not teach itself to be normal;
# the weeks that teach are complete by then. Three times: with the counts as they were in hindsight, which
# nobody has in time; with the nowcast; and with the first counts.

# %%
from tocsin.catalog import detectors
from tocsin.detect import Now

farrington = detectors()["farrington_flexible"](no_periods=10, past_weeks_not_included=26)
times = monday.astype("datetime64[us]").astype(np.int64)
no_season = np.zeros(len(states), np.int64)


def judge(newest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tail and expectation of each week: `newest` is judged, what it became is learned."""
    state = farrington.start(len(states))
    tails, expected = np.full(newest.shape, np.nan), np.full(newest.shape, np.nan)
    for now, values in enumerate(newest):
        told = Now(time=int(times[now]), season=no_season)
        trial, step = farrington.step({k: v.copy() for k, v in state.items()}, values.astype(float), told)
        tails[now], expected[now] = step.tail, step.expected
        state, _ = farrington.step(state, cases[now].astype(float), told)
        state["scores"] = trial["scores"]  # a tail is calibrated on what was judged
    return tails, expected


seen = {"hindsight": cases, "nowcast": np.round(estimate), "first counts": reports[:, 0]}
tails, expected = {}, {}
for name, newest in seen.items():
    tails[name], expected[name] = judge(newest)
    story = tails[name][STORY : STORY + 4, codes.index("NY")]
    print(f"{name:13} smallest tail in New York in the first four weeks: {np.nanmin(story):.1g}")

# %% [markdown]
# ## 5. A budget of false alarms
#
# A tail of 0.01 sounds rare, but fifty-one states a week make it one false alarm in two weeks. So the
# promise is made for the whole country: *at most one false alarm in four weeks*. The controller ([how it
# works](../../../explanation/budget.md)) moves one threshold for all states: down a little each week, up for
# each alarm that the laboratory did not confirm. Its verdicts come four weeks late.

# %%
from tocsin.detect.budget import next_threshold
from tocsin.model import Budget

WEEK = timedelta(days=7)
LATE = 4
budget = Budget(per_week=0.25, aim=0.2, gain=0.15, start=2.5, shadow=timedelta(0))
recent = np.zeros_like(outbreak, dtype=bool)  # outbreak cases this week or in the two before
for lag in range(3):
    recent[lag:] |= outbreak[: WEEKS - lag] > 0


def controlled(tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Alarms and thresholds, week by week, with verdicts that come late."""
    alarm = np.zeros(tail.shape, bool)
    threshold = np.full(WEEKS, budget.start)
    for now in range(FIRST_JUDGED, WEEKS):
        wrong = int((alarm[now - LATE] & ~recent[now - LATE]).sum())
        threshold[now] = next_threshold(threshold[now - 1], budget, WEEK, wrong)
        with np.errstate(invalid="ignore"):
            alarm[now] = tail[now] <= 10.0 ** -threshold[now]
    return alarm, threshold


alarms = {}
for name, tail in tails.items():
    alarms[name], threshold = controlled(tail)
    wrong = (alarms[name] & ~recent)[judged].sum()
    weeks = WEEKS - FIRST_JUDGED
    print(
        f"{name:13} {wrong} false alarms in {weeks} weeks: {wrong / weeks:.2f} a week, promised "
        f"{budget.per_week}; threshold now 10^-{threshold[-1]:.1f}"
    )

# %% [markdown]
# ## 6. The draft of a warning
#
# The first week of the story in which the nowcast alarms: findings that are near each other become one
# draft. It is a proposal. A duty officer submits it, another officer approves it, on a legal basis.

# %%
from tocsin.model import Bad, Criteria, Detection, Domain, Kind, Monitor, Quantity
from tocsin.warn import propose

counted = Quantity(
    id="health.cases", domain="health", title="Cases", unit="1", kind=Kind.COUNT, bad=Bad.HIGH, step=WEEK
)
health = Domain(
    id="health",
    title="Health",
    category="Health",
    event="More cases than normal",
    response_type="Monitor",
    sources=(),
    region_level="state",
    monitors=(Monitor(quantity=counted, method="farrington_flexible", raises=True),),
    budget=budget,
    criteria=Criteria(group_km=400.0, hold=timedelta(days=14), severe_members=3),
    outcome=None,
    texts={
        "headline": "More cases than normal: $places",
        "description": "$findings State of knowledge: reports until $until.",
        "instruction": "Health offices: compare strains and ask for common exposures.",
    },
    legal_basis="ipaws",
)
alarm, threshold = controlled(tails["nowcast"])
begun = [w for w in range(STORY, WEEKS) if alarm[w, [codes.index(c) for c in ("NY", "NJ", "CT")]].any()]
now = begun[0]
at = datetime.fromisoformat(str(monday[now])).replace(tzinfo=UTC) + WEEK
findings = [
    Detection(
        quantity=counted.id,
        region=state.id,
        method="farrington_flexible",
        valid_time=at - WEEK,
        ends=at,
        known_at=at,
        value=float(estimate[now, i]),
        expected=float(expected["nowcast"][now, i]),
        tail=float(tails["nowcast"][now, i]),
        threshold=float(threshold[now]),
        window_h=7 * 24,
        alarm=True,
    )
    for i, state in enumerate(states)
    if alarm[now, i]
]
context = propose.Context(
    at=at,
    domain=health,
    regions=pack.regions,
    pack="us",
    sender="tocsin@example.org",
    likelihood=float("nan"),
    inputs=("walkthrough",),
)
for proposal in propose.propose(context, findings, (), ()):
    draft = proposal.alert
    print(f"{draft.state}, level {draft.level}, {at:%d %B %Y}, by {draft.author}")
    print(draft.headline)
    print(draft.description)
    print(draft.instruction)

# %% [markdown]
# ## 7. Was it right?
#
# Since the world is invented, every alarm has a verdict at once. An outbreak is found when its state alarms
# while it lasts; the delay counts from its first case.

# %%
from tocsin.stats.contingency import contingency

print(f"{'':13} {'found':>7} {'median delay':>13} {'share of alarms that were right':>32}")
planted = [("NY", STORY), ("NJ", STORY), ("CT", STORY + 1)]
planted += [(str(s), int(np.argmax(outbreak[:, codes.index(str(s))] > 0))) for s in others]
for name, alarm in alarms.items():
    delays = []
    for state, begin in planted:
        column = codes.index(state)
        struck = np.flatnonzero(recent[begin:, column])
        hit = [w for w in struck if alarm[begin + w, column]]
        delays.append(hit[0] if hit else np.inf)
    table = contingency(alarm[judged], recent[judged])
    found = np.isfinite(delays)
    right = 1 - float(table.false_alarm_ratio)
    print(f"{name:13} {found.sum():>3} / {len(planted)} {np.median(delays):>9.0f} weeks {right:>32.0%}")

# %%
figure = Figure(figsize=(7.6, 3.6), layout="constrained", facecolor="none")
rows = figure.subplots(3, 1, sharex=True)
for axes, state in zip(rows, ("NY", "NJ", "CT"), strict=True):
    column = codes.index(state)
    axes.plot(x, cases[last, column], color=BLUE, linewidth=1)
    axes.plot(x, expected["nowcast"][last, column], color=ORANGE, linewidth=1)
    for name, place in (("nowcast", 1.0), ("first counts", 0.85)):
        on = alarms[name][last, column]
        axes.plot(
            x[on],
            np.full(on.sum(), place * cases[last, column].max()),
            "v" if place == 1 else "x",
            color=RED if place == 1 else GREY,
            markersize=5,
            linestyle="none",
            label=name,
        )
    axes.set(ylabel=state, ylim=(0, None))
rows[0].legend(frameon=False, fontsize=8, loc="upper left", title="alarm by")

# %% [markdown]
# ## What to take away
#
# - Judge what the count *will be*, not what has come in. The first counts hide most outbreaks; the nowcast
#   finds a good part of what hindsight would, later, because half a count is half as sure.
# - State the promise for the country, not for one series; the controller holds it, whatever the method.
# - A finding is a draft. People decide; the ledger says how often they were right
#   ([the life of a warning](../../../explanation/life-of-a-warning.md)).
#
# The same with your own table: [judge a CSV of your own](../../../how-to/judge-a-csv.md).
