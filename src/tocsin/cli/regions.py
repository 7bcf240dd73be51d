"""``tocsin regions``: the places that are watched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import Json, Packages

if TYPE_CHECKING:
    from tocsin.model import Region

app = group("The places that are watched, from the nation down to a site.")

Pack = Annotated[str, typer.Option("--pack", help="The country.")]
NODE_MODULES = Path("node_modules")


@app.command("list", epilog="Example: tocsin regions list --level site")
def list_(
    level: Annotated[
        str | None, typer.Option("--level", help="nation, state, county or site; all if not given.")
    ] = None,
    inside: Annotated[str | None, typer.Option("--in", metavar="REGION", help="Only those in it.")] = None,
    pack: Pack = "us",
    json: Json = False,
) -> None:
    """List regions."""
    from tocsin.geo import load_pack
    from tocsin.model import RegionLevel

    country = load_pack(pack)
    levels = [str(one) for one in RegionLevel]
    if level is not None and level not in levels:
        raise typer.BadParameter(f"--level: got {level!r}, allowed: {', '.join(levels)}")
    chosen: list[Region] = []
    for one in levels if level is None else [level]:
        found = country.at_level(one) if inside is None else country.within(inside, one)
        chosen += found
    _emit(chosen, json=json)


@app.command(epilog="Example: tocsin regions show US-53033")
def show(
    region: Annotated[str, typer.Argument(metavar="REGION")], pack: Pack = "us", json: Json = False
) -> None:
    """Show one region with what lies around, in and beside it."""
    from tocsin.geo import load_pack
    from tocsin.model import to_plain

    country = load_pack(pack)
    found = country.region(region)
    output.fields(
        {
            **to_plain(found),
            "population_note": country.description.populations.caveat,
            "ancestors": [r.id for r in country.ancestors(region)],
            "children": len(country.children(region)),
            "sites": [r.id for r in country.within(region, "site") if r.id != region],
            "neighbours": [r.id for r in country.neighbours(region)],
        },
        as_json=json,
    )


@app.command(epilog="Example: tocsin regions find 'king county'")
def find(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="A name, code or id.")] = None,
    lat: Annotated[float | None, typer.Option("--lat", min=-90, max=90, help="Latitude of a point.")] = None,
    lon: Annotated[float | None, typer.Option("--lon", min=-180, max=180, help="Longitude of it.")] = None,
    pack: Pack = "us",
    json: Json = False,
) -> int:
    """Find regions by name or code, or the county around a point; exit 1 when there is none."""
    from tocsin.geo import load_pack

    country = load_pack(pack)
    found: list[Region]
    if lat is not None and lon is not None:
        county = country.county_at(lat, lon)
        found = [] if county is None else [country.region(county)]
    elif text is not None:
        found = list(country.find(text))
    else:
        raise typer.BadParameter("got neither a text nor --lat and --lon")
    _emit(found, json=json)
    return DONE if found else FOUND_WRONG


@app.command(epilog="Example: tocsin regions build --packages node_modules --out build/pack-us")
def build(
    packages: Packages = NODE_MODULES,
    out: Annotated[Path | None, typer.Option("--out", help="Folder; that of the pack if not given.")] = None,
    json: Json = False,
) -> None:
    """Make the files of the pack again from the packages that publish its parts."""
    from tocsin.geo.build import build_pack

    built = build_pack(packages, out=out)
    output.emit(
        [{"file": name, "sha256": sha} for name, sha in built.files.items()],
        ["file", "sha256"],
        as_json=json,
        title=str(built.folder),
    )


def _emit(found: list[Region], *, json: bool) -> None:
    from tocsin.model import to_plain

    output.emit(
        [to_plain(r) for r in found],
        ["id", "title", "level", "code", "parent", "population", "timezone"],
        as_json=json,
        title="Regions",
    )
