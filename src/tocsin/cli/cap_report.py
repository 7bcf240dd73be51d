"""What ``tocsin cap check`` and ``tocsin cap show`` draw for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tocsin.cli import output

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from tocsin.cap import CapAlert, CapArea, CapInfo
    from tocsin.ops.messages import Judged

MARKS = {"errors": ("✗", "red"), "warnings": ("!", "yellow"), "infos": ("·", "dim")}
LEVELS = {"error": ("errors",), "warning": ("errors", "warnings"), "info": tuple(MARKS)}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Signs by which a message could steer a terminal."""
_PLACES = 3
"""Places of one rule that are shown; the others are counted."""
_SEVERITY = {"Extreme": "bold red", "Severe": "red", "Moderate": "yellow", "Minor": "green"}


def report(judged: Sequence[Judged], level: str) -> None:
    """Print every message with what is wrong with it, then what to do first."""
    from rich.text import Text

    console = output.console()
    count: Counter[str] = Counter()
    wrong = 0
    for one in judged:
        row = one.row()
        wrong += one.wrong
        console.print(_head(one, row), soft_wrap=True)
        for key in LEVELS[level]:
            for line in _grouped(row[key], *MARKS[key]):
                console.print(line, soft_wrap=True)
        count.update({f["rule"] for key in LEVELS[level] for f in row[key]})
    files = len({one.file for one in judged})
    console.print()
    kinds = Counter(one.kind for one in judged)
    what = ", ".join(_many(number, kind) for kind, number in kinds.items())
    summary = f"{what} in {_many(files, 'file')}: {len(judged) - wrong} without an error"
    if wrong:
        summary += f", {wrong} with: mend ✗ first, a message with one does not conform to CAP"
    console.print(Text(summary, style="bold"), soft_wrap=True)
    if count and len(judged) > 1:
        often = ", ".join(f"{rule} ({n})" for rule, n in count.most_common(5))
        console.print(f"most often: {often}", soft_wrap=True)
    if level != "info":
        more = "recommendations" if level == "warning" else "warnings and recommendations"
        console.print(f"--level info shows {more} too; --json is for programs", style="dim", soft_wrap=True)


def _head(one: Judged, row: Mapping[str, Any]) -> Text:
    from rich.text import Text

    line = Text("FAIL " if one.wrong else "ok   ", style="bold red" if one.wrong else "bold green")
    line.append(f"{one.file}", style="bold")
    if one.alert is not None:
        version = "without namespace" if one.alert.version == "none" else f"CAP {one.alert.version}"
        verdicts = {True: "valid by the schema", False: "not valid by the schema", None: "no XML"}
        schema = verdicts[one.xsd_valid]
        line.append(safe(f"  {one.alert.identifier or '–'}  {version}, {schema}"), style="default")
    else:
        line.append(f"  {one.kind}")
    counts = [f"{len(row[key])} {key if len(row[key]) != 1 else key[:-1]}" for key in MARKS if row[key]]
    line.append(f"  {', '.join(counts) or 'nothing to say'}", style="dim")
    return line


def _grouped(findings: Sequence[Mapping[str, str]], mark: str, style: str) -> list[Text]:
    """One rule once, with its first places, then what to do."""
    from rich.text import Text

    groups: dict[str, list[Mapping[str, str]]] = {}
    for finding in findings:
        groups.setdefault(finding["rule"], []).append(finding)
    lines = []
    for rule, found in groups.items():
        lines.append(Text(f"  {mark} {rule}", style=style))
        for finding in found[:_PLACES]:
            place = f"{finding['path']}: " if finding["path"] else ""
            lines.append(Text(safe(f"      {place}{finding['message']}")))
        if len(found) > _PLACES:
            lines.append(Text(f"      and {_many(len(found) - _PLACES, 'place')} more", style="dim"))
        if "advice" in found[0]:
            lines.append(Text(f"    → {found[0]['advice']} [{found[0]['source']}]", style="dim"))
    return lines


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def safe(text: str) -> str:
    """Text of strangers for a terminal: a control character becomes a mark.

    Examples
    --------
    >>> safe("rain" + chr(27) + "[2J")
    'rain�[2J'
    """
    return _CONTROL.sub("\ufffd", text)


def draw(alert: CapAlert) -> None:
    """Print one message as people read it: what it is, then each language, then where."""
    from rich.text import Text

    console = output.console()
    if alert.status != "Actual":
        console.print(
            Text(
                safe(f"{alert.status.upper() or 'UNKNOWN STATUS'}: no warning for the public"),
                style="bold reverse",
            )
        )
    kind = {"Cancel": "ends an earlier warning", "Update": "replaces an earlier warning"}.get(
        alert.msg_type, ""
    )
    console.print(
        Text(safe(f"{alert.msg_type} {alert.identifier}") + (f", {kind}" if kind else ""), style="bold")
    )
    _fields(
        console,
        {
            "sender": alert.sender,
            "sent": _time(alert.sent),
            "scope": alert.scope,
            "source": alert.source,
            "restriction": alert.restriction,
            "addresses": alert.addresses,
            "codes": alert.code,
            "note": alert.note,
            "names": alert.references,
            "incidents": alert.incidents,
            "could not be read": [f"{name}: {text}" for name, text in alert.unread],
        },
    )
    for i, info in enumerate(alert.infos, 1):
        console.print()
        _info(console, info, i, len(alert.infos))
    if not alert.infos:
        console.print("  without info")


def _info(console: Any, info: CapInfo, number: int, of: int) -> None:
    from rich.text import Text

    title = Text(f"{number}/{of} " if of > 1 else "", style="dim")
    title.append(safe(info.headline or info.event or "without headline"), style="bold")
    title.append(f"  [{info.language or 'en-US'}]", style="dim")
    console.print(title, soft_wrap=True)
    judged = Text("  ")
    judged.append(info.severity or "–", style=_SEVERITY.get(info.severity, "default"))
    judged.append(f" · {info.urgency or '–'} · {info.certainty or '–'} · {', '.join(info.category) or '–'}")
    console.print(judged)
    _fields(
        console,
        {
            "event": info.event,
            "from": _time(info.onset or info.effective),
            "until": _time(info.expires) or "not said",
            "description": info.description,
            "instruction": info.instruction,
            "do": info.response_type,
            "for": info.audience,
            "by": info.sender_name,
            "web": info.web,
            "contact": info.contact,
            "event codes": _pairs(info.event_code),
            "parameters": _pairs(info.parameter),
            "files": [
                f"{r.resource_desc} ({r.mime_type or '–'}): {r.uri or 'in the message'}"
                for r in info.resources
            ],
            "could not be read": [f"{name}: {text}" for name, text in info.unread],
        },
    )
    rows = [_area(area) for area in info.areas]
    output.emit(rows, ["area", "shape", "codes", "height"], as_json=False, empty="  without area")


def _area(area: CapArea) -> dict[str, Any]:
    shapes = [f"polygon of {len(ring)} pairs" for ring in area.polygons]
    shapes += [f"{radius:g} km around {lat:g},{lon:g}" for lat, lon, radius in area.circles]
    shapes += [f"{name} not readable" for name, _ in area.unread if name in ("polygon", "circle")]
    height = "" if area.altitude is None else f"from {area.altitude:g} ft"
    height += "" if area.ceiling is None else f" to {area.ceiling:g} ft"
    codes = _pairs(area.geocodes)
    if len(codes) > 12:
        codes = [*codes[:12], f"and {len(codes) - 12} more"]
    return {
        "area": safe(area.area_desc),
        "shape": "; ".join(shapes),
        "codes": [safe(code) for code in codes],
        "height": height.strip(),
    }


def _pairs(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{name} {value}" for name, value in pairs]


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(sep=" ", timespec="minutes")


def _fields(console: Any, values: Mapping[str, Any]) -> None:
    from rich.text import Text

    shown = {name: safe(output.words_of(value)) for name, value in values.items() if value}
    width = max(map(len, shown), default=0)
    for name, words in shown.items():
        line = Text(f"  {name:<{width}}  ", style="dim")
        line.append(words.replace("\n", "\n" + " " * (width + 4)), style="default")
        console.print(line, soft_wrap=True)
