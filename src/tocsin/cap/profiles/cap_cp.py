"""CAP-CP: the Canadian profile, of the National Public Alerting System."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert
from tocsin.cap.rulebook import rules

TITLE = "CAP-CP 0.4 and 1.0 (Canada)"
_SOURCE = "CAP-CP 0.4, 1.0"

RULES = rules(
    ("cap-cp.code", "error", _SOURCE, "no code begins with profile:CAP-CP:",
     "Add <code>profile:CAP-CP:0.4</code>."),
    ("cap-cp.eventcode", "error", _SOURCE,
     "an info has no eventCode whose name begins with profile:CAP-CP:Event",
     "Give the code of the list of events, named profile:CAP-CP:Event:0.4."),
    ("cap-cp.geocode", "error", _SOURCE,
     "an area has no geocode whose name begins with profile:CAP-CP:Location",
     "Give the code of the place, named profile:CAP-CP:Location:0.3."),
    ("cap-cp.bilingual", "info", _SOURCE, "there is not at least one English and one French info",
     "Give an info in each of the two languages."),
)  # fmt: skip


def check(alert: CapAlert) -> Iterator[Finding]:
    """Findings of this profile on a message."""
    if not any(code.startswith("profile:CAP-CP:") for code in alert.code):
        yield RULES["cap-cp.code"].at("alert/code", f"got {_list(alert.code)}, allowed: profile:CAP-CP:…")
    for i, info in enumerate(alert.infos, 1):
        path = f"alert/info[{i}]"
        names = [name for name, _ in info.event_code]
        if not any(name.startswith("profile:CAP-CP:Event") for name in names):
            said = f"got {_list(names)}, allowed: profile:CAP-CP:Event:…"
            yield RULES["cap-cp.eventcode"].at(f"{path}/eventCode", said)
        for k, area in enumerate(info.areas, 1):
            names = [name for name, _ in area.geocodes]
            if not any(name.startswith("profile:CAP-CP:Location") for name in names):
                said = f"got {_list(names)}, allowed: profile:CAP-CP:Location:…"
                yield RULES["cap-cp.geocode"].at(f"{path}/area[{k}]/geocode", said)
    spoken = {(info.language or "en-US").lower()[:2] for info in alert.infos}
    if not {"en", "fr"} <= spoken:
        said = f"got {', '.join(sorted(spoken)) or 'none'}, recommended: en and fr"
        yield RULES["cap-cp.bilingual"].at("alert/info", said)


def _list(values: list[str] | tuple[str, ...]) -> str:
    return ", ".join(repr(value[:60]) for value in values[:5]) or "none"
