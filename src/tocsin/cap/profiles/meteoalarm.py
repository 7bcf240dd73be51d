"""MeteoAlarm: the parameters by which the European warnings get their colour and their sign."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert
from tocsin.cap.rulebook import rules

TITLE = "MeteoAlarm (Europe), the form of its parameters"
_SOURCE = "MeteoAlarm profile and messages seen"

RULES = rules(
    ("meteoalarm.awareness-level", "error", _SOURCE,
     'an info has no parameter awareness_level of the form "N; colour; Severity"',
     'Give for instance "3; orange; Severe".'),
    ("meteoalarm.awareness-type", "error", _SOURCE,
     'an info has no parameter awareness_type of the form "N; Type"', 'Give for instance "10; Rain".'),
    ("meteoalarm.level-severity", "warning", _SOURCE,
     "the colour of awareness_level and severity do not go together",
     "Pair yellow with Moderate, orange with Severe, red with Extreme, green with Minor."),
)  # fmt: skip
_LEVEL = re.compile(
    r"\s*[1-4]\s*;\s*(green|yellow|orange|red)\s*;\s*(Minor|Moderate|Severe|Extreme)\s*;?\s*", re.I
)
_TYPE = re.compile(r"\s*\d{1,2}\s*;\s*[^\s;][^;]*;?\s*", re.ASCII)
_SEVERITY = {"green": "Minor", "yellow": "Moderate", "orange": "Severe", "red": "Extreme"}


def check(alert: CapAlert) -> Iterator[Finding]:
    """Findings of this profile on a message."""
    for i, info in enumerate(alert.infos, 1):
        path = f"alert/info[{i}]"
        levels = [value for name, value in info.parameter if name == "awareness_level"]
        types = [value for name, value in info.parameter if name == "awareness_type"]
        level = next((found for value in levels if (found := _LEVEL.fullmatch(value))), None)
        if level is None:
            said = f'got {_list(levels)}, allowed: "N; colour; Severity"'
            yield RULES["meteoalarm.awareness-level"].at(f"{path}/parameter", said)
        if not any(_TYPE.fullmatch(value) for value in types):
            said = f'got {_list(types)}, allowed: "N; Type"'
            yield RULES["meteoalarm.awareness-type"].at(f"{path}/parameter", said)
        if level is not None and info.severity != _SEVERITY[level[1].lower()]:
            said = (
                f"got {level[1]} and {info.severity}, allowed: {level[1]} and {_SEVERITY[level[1].lower()]}"
            )
            yield RULES["meteoalarm.level-severity"].at(f"{path}/severity", said)


def _list(values: list[str]) -> str:
    return ", ".join(repr(value[:40]) for value in values[:5]) or "none"
