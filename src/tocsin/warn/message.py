"""From an alert of ours to a message of the Common Alerting Protocol, one info for each of its languages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tocsin.cap import CapAlert, CapArea, CapInfo, Circle, Pair, Polygon, check, render
from tocsin.model import (
    Alert,
    Level,
    Matrix,
    Member,
    Region,
    RegionLevel,
    Scheme,
    Translation,
    WarnError,
)
from tocsin.warn.grading import Grading, grading
from tocsin.warn.wording import HEADLINE, shorten

DRILL_WORDS = {
    "Exercise": ("EXERCISE", "This is an exercise: do not act on it."),
    "Test": ("TEST", "This is a test of the system: do not act on it."),
}
"""What is put before headline and description of a drill, by CAP status."""

_DRILL_WORDS_IN = {
    "es": {
        "Exercise": ("EJERCICIO", "Esto es un ejercicio: no actúe por este mensaje."),
        "Test": ("PRUEBA", "Esto es una prueba del sistema: no actúe por este mensaje."),
    },
    "fr": {
        "Exercise": ("EXERCICE", "Ceci est un exercice : n'agissez pas."),
        "Test": ("ESSAI", "Ceci est un essai du système : n'agissez pas."),
    },
    "pt": {
        "Exercise": ("EXERCÍCIO", "Isto é um exercício: não atue."),
        "Test": ("TESTE", "Isto é um teste do sistema: não atue."),
    },
}
"""The same for translations, by the first part of their language; elsewhere the words above stand."""


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
    matrix : Matrix or None
        From which levels are read: what the bands of likelihood are called.
    schemes : tuple of Scheme
        In whose words the level is written too.

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
    matrix: Matrix | None = None
    schemes: tuple[Scheme, ...] = ()

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
        Rings of (lat, lon) by id of an area's region, where they are to be sent too: simplified outward,
        for areas that have no circles.
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
    graded = grading(alert, issuer.matrix, issuer.schemes)
    info = CapInfo(
        language=alert.language,
        category=(alert.category,),
        event=alert.event,
        response_type=(alert.response_type,),
        urgency="Past" if gone else level.urgency,
        severity=level.severity,
        certainty=graded.certainty or level.certainty,
        onset=alert.onset,
        expires=alert.expires,
        sender_name=issuer.name,
        headline=shorten(f"{prefix}: {alert.headline}" if prefix else alert.headline, HEADLINE),
        description=f"{warning} {alert.description}".strip(),
        instruction=f"{warning} {alert.instruction}".strip(),
        web=issuer.web,
        contact=issuer.contact,
        parameter=_parameters(alert, level, graded),
        areas=_areas(alert, issuer, regions, polygons or {}),
    )
    note = f"Correction: {alert.reason}" if alert.correction else alert.reason or None
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
        infos=(info, *(_translated(info, alert, t) for t in alert.translations)),
    )


def _translated(info: CapInfo, alert: Alert, translation: Translation) -> CapInfo:
    """The same info in another language: the same category, codes, times and places, other words."""
    tongue = translation.language.partition("-")[0].casefold()
    words = _DRILL_WORDS_IN.get(tongue, DRILL_WORDS)
    prefix, warning = words.get(alert.status, ("", ""))
    return replace(
        info,
        language=translation.language,
        event=translation.event,
        headline=shorten(f"{prefix}: {translation.headline}" if prefix else translation.headline, HEADLINE),
        description=f"{warning} {translation.description}".strip(),
        instruction=f"{warning} {translation.instruction}".strip(),
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


def _parameters(alert: Alert, level: Level, graded: Grading) -> tuple[Pair, ...]:
    likelihood = "unknown" if math.isnan(alert.likelihood) else f"{alert.likelihood:.2f}"
    pairs = [
        ("tocsin:level", str(level.rank)),
        ("tocsin:level-name", level.name),
        ("tocsin:level-colour", level.colour),
        ("tocsin:likelihood", likelihood),
        ("tocsin:impact", str(alert.impact)),
        ("tocsin:impact-band", graded.impact),
        ("tocsin:level-from", graded.source),
        ("tocsin:domain", alert.domain),
        ("tocsin:chain", alert.chain),
    ]
    if graded.likelihood is not None:
        pairs.append(("tocsin:likelihood-band", graded.likelihood))
    if graded.rare_but_grave:
        pairs.append(("tocsin:rare-but-grave", "unlikely, and grave if it comes"))
    pairs += graded.schemes
    if alert.correction:
        pairs.append(("tocsin:correction", "what this message replaces was wrong"))
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


def _outline(rings: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
    """Rings that receivers can take, together no smaller than the place."""
    from tocsin.cap.simplify import simplify_area  # here, because only areas with an outline need geometry

    return simplify_area(rings)


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
                polygons=() if circles else _outline(polygons.get(place, ())),
                circles=circles,
                geocodes=codes,
            )
        )
    return tuple(areas)
