"""From an alert of ours to a message of the Common Alerting Protocol, one info in the alert's language."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.cap import CapAlert, CapArea, CapInfo, Circle, Pair, Polygon, check, render
from tocsin.model import Alert, Level, Member, Region, RegionLevel, WarnError
from tocsin.warn.wording import HEADLINE, shorten

DRILL_WORDS = {
    "Exercise": ("EXERCISE", "This is an exercise: do not act on it."),
    "Test": ("TEST", "This is a test of the system: do not act on it."),
}
"""What is put before headline and description of a drill, by CAP status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """In whose name messages go out, and how this country writes its places.

    Parameters
    ----------
    sender, name : str
        CAP sender, and its name for people.
    contact, web : str or None
        Of the desk, never of a person.
    geocodes : mapping of RegionLevel to tuple of (name, template)
        Codes of an area by the level of its region; a template may hold ``{id}``, ``{code}`` and ``{tail}``,
        the part of the id after its last dash.
    site_km : float
        Radius of the circle around a site, above zero.

    Examples
    --------
    >>> us = {RegionLevel.COUNTY: (("SAME", "0{tail}"), ("FIPS6", "0{tail}"))}
    >>> Issuer(sender="desk@example.org", name="Desk", geocodes=us).site_km
    10.0
    """

    sender: str
    name: str
    contact: str | None = None
    web: str | None = None
    geocodes: Mapping[RegionLevel, tuple[Pair, ...]] = field(default_factory=dict)
    site_km: float = 10.0

    def __post_init__(self) -> None:
        if not self.site_km > 0:
            raise ValueError(f"site_km: got {self.site_km!r}, allowed: above zero (a point warns of nothing)")

    def codes(self, region: Region) -> tuple[Pair, ...]:
        """Codes of one region, our own id last, so that every area has one."""
        known = {"id": region.id, "code": region.code, "tail": region.id.rsplit("-", 1)[-1]}
        ours = tuple((name, text.format(**known)) for name, text in self.geocodes.get(region.level, ()))
        return (*ours, ("tocsin:region", region.id))


def to_cap(
    alert: Alert,
    *,
    issuer: Issuer,
    levels: Iterable[Level],
    regions: Mapping[str, Region],
    polygons: Mapping[str, tuple[Polygon, ...]] | None = None,
    preview_at: datetime | None = None,
) -> CapAlert:
    """Write an alert as a message of the Common Alerting Protocol 1.2.

    Parameters
    ----------
    alert : Alert
        Issued; with ``preview_at`` also a draft, which then carries the status ``Draft`` and nothing else.
    issuer : Issuer
        Sender, name and codes.
    levels : iterable of Level
        Level scheme of the country pack.
    regions : mapping of str to Region
        All regions of the pack by id.
    polygons : mapping or None
        Rings of (lat, lon) by id of an area's region, where they are to be sent too.
    preview_at : datetime or None
        Instant of a preview.

    Raises
    ------
    WarnError
        If it was never sent and is no preview, or a region or the level is not in the pack.
    """
    sent = alert.sent or preview_at
    if sent is None:
        raise WarnError(f"{alert.id}: sent: got nothing, allowed: an issued warning (or a preview)")
    level = next((row for row in levels if row.rank == alert.level), None)
    if level is None:
        raise WarnError(f"{alert.id}: level: got {alert.level}, allowed: a level of the pack's scheme")
    prefix, warning = DRILL_WORDS.get(alert.status, ("", ""))
    gone = alert.msg_type == "Cancel"
    info = CapInfo(
        language=alert.language,
        category=(alert.category,),
        event=alert.event,
        response_type=(alert.response_type,),
        urgency="Past" if gone else level.urgency,
        severity=level.severity,
        certainty=level.certainty,
        onset=alert.onset,
        expires=alert.expires,
        sender_name=issuer.name,
        headline=shorten(f"{prefix}: {alert.headline}" if prefix else alert.headline, HEADLINE),
        description=f"{warning} {alert.description}".strip(),
        instruction=f"{warning} {alert.instruction}".strip(),
        web=issuer.web,
        contact=issuer.contact,
        parameter=_parameters(alert, level),
        areas=_areas(alert, issuer, regions, polygons or {}),
    )
    note = alert.reason or None
    if prefix:
        note = f"{warning} Number {alert.chain}." + (f" {alert.reason}" if alert.reason else "")
    return CapAlert(
        identifier=alert.id,
        sender=issuer.sender,
        sent=sent,
        status=alert.status if alert.sent else "Draft",
        msg_type=alert.msg_type,
        scope=alert.scope,
        note=note,
        references=alert.references,
        infos=(info,),
    )


def write(
    alert: Alert,
    *,
    issuer: Issuer,
    levels: Iterable[Level],
    regions: Mapping[str, Region],
    polygons: Mapping[str, tuple[Polygon, ...]] | None = None,
    preview_at: datetime | None = None,
) -> bytes:
    """Give the message as bytes, once no rule of the standard is broken; parameters as :func:`to_cap`.

    Raises
    ------
    WarnError
        If a rule is broken: a message that receivers would refuse must not leave the house.
    """
    message = to_cap(
        alert, issuer=issuer, levels=levels, regions=regions, polygons=polygons, preview_at=preview_at
    )
    broken = [f for f in check(message) if f.level == "error"]
    if broken:
        raise WarnError(f"{alert.id}: " + "; ".join(f"{f.path}: {f.message} ({f.rule})" for f in broken))
    return render(message)


def _parameters(alert: Alert, level: Level) -> tuple[Pair, ...]:
    likelihood = "unknown" if math.isnan(alert.likelihood) else f"{alert.likelihood:.2f}"
    pairs = [
        ("tocsin:level", str(level.rank)),
        ("tocsin:level-name", level.name),
        ("tocsin:level-colour", level.colour),
        ("tocsin:likelihood", likelihood),
        ("tocsin:impact", str(alert.impact)),
        ("tocsin:domain", alert.domain),
        ("tocsin:chain", alert.chain),
    ]
    if alert.legal_basis:
        pairs.append(("tocsin:legal-basis", alert.legal_basis))
    pairs += [("tocsin:finding", _finding(m)) for m in alert.members]
    pairs += [("tocsin:input", name) for name in alert.inputs]
    return tuple(pairs)


def _finding(member: Member) -> str:
    if math.isnan(member.tail):
        return f"{member.region} event"
    return (
        f"{member.region} observed {member.value:g} expected {member.expected:g} "
        f"in {member.window_h} h tail {member.tail:.1e}"
    )


def _areas(
    alert: Alert,
    issuer: Issuer,
    regions: Mapping[str, Region],
    polygons: Mapping[str, tuple[Polygon, ...]],
) -> tuple[CapArea, ...]:
    """One area for each county (or wider region), with the sites in it."""
    sites: dict[str, list[Member]] = {}
    for member in alert.members:
        region = regions.get(member.region)
        if region is None:
            raise WarnError(
                f"{alert.id}: members: got region {member.region!r}, allowed: a region of the pack"
            )
        around = region.parent if region.level is RegionLevel.SITE else None
        place = around if around in regions and around is not None else region.id
        sites.setdefault(place, [])
        if region.level is RegionLevel.SITE:
            sites[place].append(member)
    areas = []
    for place in sorted(sites, key=lambda p: (regions[p].title, p)):
        region, inside = regions[place], sites[place]
        names = ", ".join(m.name for m in inside)
        circles: tuple[Circle, ...] = tuple(
            (round(regions[m.region].lat, 5), round(regions[m.region].lon, 5), issuer.site_km) for m in inside
        )
        codes = issuer.codes(region)
        codes += tuple(("tocsin:region", m.region) for m in inside if m.region != place)
        areas.append(
            CapArea(
                area_desc=f"{region.title} ({names})" if names else region.title,
                polygons=polygons.get(place, ()),
                circles=circles,
                geocodes=codes,
            )
        )
    return tuple(areas)
