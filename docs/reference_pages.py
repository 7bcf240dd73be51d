"""The part of the reference that the code writes itself: what there is, and with which settings.

Everything here is read from the catalogue, the pack, the settings and the docstrings, so that it cannot
differ from what runs. ``docs/conf.py`` writes the pages at every build; ``tests/docs`` looks for what they
leave out. One file above 600 lines, because every page is a short list of its own and nothing else shares it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import pkgutil
import tempfile
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from docs.markdown import table
from pydantic import BaseModel

import tocsin
from docs import cap_pages, method_pages
from tocsin.api import create_app
from tocsin.catalog import detectors, load_domain
from tocsin.catalog.domain_file import FOLDER as DOMAINS
from tocsin.catalog.plugins import plugins
from tocsin.detect.season import SEASONS
from tocsin.feeds import all_feeds
from tocsin.geo import load_pack
from tocsin.govern.permissions import TABLE
from tocsin.model import Domain, Quantity, Role, errors
from tocsin.ops.config import FILE, Settings, write_settings
from tocsin.ops.datasets import DATASETS
from tocsin.ops.described import described, needs, season
from tocsin.ops.office import open_office
from tocsin.respond.playbook import playbooks
from tocsin.warn.contract import PLUGIN
from tocsin.warn.escalation import load_policy

WALKTHROUGH = "walkthrough"
SKIPPED = frozenset({"tocsin.__main__"})
"""Modules that run when they are imported."""


def write(folder: Path) -> None:
    """Write every page; one that would not change is left alone, so that a second build is quick."""
    wanted = {folder / name: text for name, text in pages().items()}
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    stale = [p for p in folder.rglob("*") if p.suffix in (".md", ".rst") and p not in wanted]
    for path in stale:
        if WALKTHROUGH not in path.parts:  # those pages are written by what they show
            path.unlink()


def pages() -> dict[str, str]:
    """Every page by its path below the folder."""
    tables = {
        "domains": domains_page(),
        "feeds": feeds_page(),
        "detectors": detectors_page(),
        "settings": settings_page(),
        "channels": channels_page(),
        "errors": errors_page(),
        "warning-rules": warning_rules_page(),
        "cap-rules": cap_pages.rules_page(),
        "playbooks": playbooks_page(),
        "http": http_page(),
    }
    return {f"{name}.md": text for name, text in tables.items()} | method_pages.pages() | api_pages()


# ---- words -----------------------------------------------------------------------------------------------


def words(span: timedelta) -> str:
    """A length of time as the domain files write it.

    Examples
    --------
    >>> words(timedelta(hours=3, minutes=5)), words(timedelta(days=45)), words(timedelta(0))
    ('3 h 5 min', '45 d', '0 min')
    """
    seconds = round(span.total_seconds())
    parts = []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts) or "0 min"


def _code(values: Iterable[object]) -> str:
    return ", ".join(f"`{v}`" for v in values)


def _first(text: str | None) -> str:
    """The first sentence of a docstring."""
    lines = inspect.cleandoc(text or "").split("\n\n")[0]
    return " ".join(lines.replace("``", "`").split())


# ---- domains -----------------------------------------------------------------------------------------------


def domains_page() -> str:
    """Every domain with its monitors, budget, criteria, outcome and tests."""
    found = [load_domain(path) for path in sorted(DOMAINS.glob("*.toml"))]
    overview = table(
        ["domain", "title", "regions", "feeds", "monitors", "budget a week", "own tests"],
        [
            [
                f"`{d.id}`",
                d.title,
                d.region_level,
                _code(d.sources),
                len(d.monitors) or "events only",
                "none" if d.budget is None else d.budget.per_week,
                len(tests),
            ]
            for d, tests in found
        ],
    )
    parts = [
        "# Domains",
        (
            "A domain is one file in `src/tocsin/domains`. This page is made from those files "
            "when the documents are "
            "built. [How to add one](../../how-to/add-a-domain.md)."
        ),
        overview,
    ]
    for domain, tests in found:
        parts += [f"## {domain.title} (`{domain.id}`)", *_domain(domain)]
        parts.append("The file's own tests: " + "; ".join(f"*{t.name}*" for t in tests) + ".")
    return "\n\n".join(parts) + "\n"


def _domain(domain: Domain) -> Iterator[str]:
    yield (
        f"Event: {domain.event}. CAP category {domain.category}, response "
        f"{domain.response_type}; default legal "
        f"basis `{domain.legal_basis}`."
    )
    if domain.monitors:
        yield table(
            ["quantity", "detector", "may raise a warning", "watch at a tail of", "judged after", "settings"],
            [
                [
                    f"`{m.quantity.id}`",
                    f"`{m.method}`",
                    "yes" if m.raises else "no",
                    f"{m.watch_tail:g}",
                    words(m.mature),
                    ", ".join(f"{k} = {v}" for k, v in m.settings.items()),
                ]
                for m in domain.monitors
            ],
        )
    if domain.budget is not None:
        b = domain.budget
        yield table(
            ["budget", "value"],
            [
                ["promised a week (`per_week`)", b.per_week],
                ["aimed at (`aim`)", b.aim],
                ["step of the threshold (`gain`), decades", b.gain],
                ["first threshold (`start`), decades", b.start],
                ["shadow phase (`shadow`)", words(b.shadow)],
            ],
        )
    yield table(
        ["criterion", "value"],
        [
            [f"`{f.name}`", words(v) if isinstance(v, timedelta) else v]
            for f in dataclasses.fields(domain.criteria)
            for v in (getattr(domain.criteria, f.name),)
        ],
    )
    if domain.outcome is not None:
        yield f"Outcome. {domain.outcome.text}"
    else:
        yield "Outcome: none is observed, so its warnings stay OPEN in the ledger."


# ---- feeds -------------------------------------------------------------------------------------------------


def feeds_page() -> str:
    """Every feed with its licence and quantities, and the packaged data sets."""
    sources = [feed.SOURCE for feed in all_feeds().values()]
    overview = table(
        ["feed", "title", "publisher", "licence"],
        [[f"`{s.id}`", s.title, s.publisher, f"[{s.licence}]({s.licence_url})"] for s in sources],
    )
    times = table(
        ["feed", "issued every", "as late as", "failed after", "address"],
        [
            [
                f"`{s.id}`",
                words(s.cadence),
                words(s.lag),
                words(s.stale_after),
                f"`{s.url}`" if s.url else "configured, or a packaged archive",
            ]
            for s in sources
        ],
    )
    quantities = table(
        ["quantity", "title", "unit (UCUM)", "kind", "bad when", "step", "bounds", "feed"],
        [_quantity(q, s.id) for s in sources for q in s.quantities],
    )
    packaged = table(
        ["data set", "feed", "package", "file", "SHA-256"],
        [
            [f"`{d.id}`", f"`{d.source}`", f"npm {d.package} {d.release}", f"`{d.file}`", f"`{d.sha256}`"]
            for d in DATASETS
        ],
    )
    return (
        "\n\n".join(
            [
                "# Feeds, licences and quantities",
                (
                    "A feed is one file in `src/tocsin/feeds/sources`. This page is made from the "
                    "declarations that also "
                    "run. `tocsin govern sources` prints the same with what a store really holds. "
                    "[How to add one](../../how-to/add-a-feed.md)."
                ),
                overview,
                "## Times and addresses",
                times,
                "## Quantities",
                quantities,
                "## Packaged data of the demonstration",
                "A file with another hash is refused.",
                packaged,
            ]
        )
        + "\n"
    )


def _quantity(q: Quantity, source: str) -> list[object]:
    bounds = f"{'−∞' if q.lower is None else q.lower} … {'∞' if q.upper is None else q.upper}"
    return [f"`{q.id}`", q.title, f"`{q.unit}`", q.kind, q.bad, words(q.step), bounds, f"`{source}`"]


# ---- detectors ---------------------------------------------------------------------------------------------


def detectors_page() -> str:
    """Every detector and what it is good for; each has a page of its own."""
    parts = [
        "# Detectors",
        (
            "A detector is one file in `src/tocsin/detect/methods`. All of them give one tail "
            "probability, calibrated "
            "on the past ([why](../../explanation/calibration.md)). [How to add "
            "one](../../how-to/add-a-detector.md)."
        ),
        table(
            ["detector", "what it is", "good for", "needs", "season"],
            [
                [f"[`{name}`](methods/{name}.md)", said.title, said.good, _code(needs(kind)), season(kind)]
                for name, kind in detectors().items()
                for said in (described(kind),)
            ],
        ),
        "Seasons: " + ", ".join(f"`{k}` ({n} values)" for k, n in SEASONS.items()) + ".",
        "```{toctree}\n:hidden:\n\n" + "\n".join(f"methods/{name}" for name in detectors()) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


# ---- settings and errors -----------------------------------------------------------------------------------


def channels_page() -> str:
    """Every channel with what a recipient may set."""
    parts = [
        "# Channels",
        (
            "Each recipient in `recipients.toml` has a `channel`, an `address` and what the channel may be "
            "told; [how to configure them](../../how-to/configure-delivery.md). A secret is given as "
            "`NAME_file` or `NAME_env`, never in the file itself."
        ),
    ]
    for name, channel in plugins("tocsin.warn.channels", PLUGIN).items():
        head, _, body = inspect.cleandoc(channel.__doc__ or "").partition("\n\n")
        rows = [[f"`{key}`", words] for key, words in channel.SETTINGS.items()]
        rows += [[f"`{key}_file`, `{key}_env`", words] for key, words in channel.SECRETS.items()]
        parts += [f"## `{name}`", head.replace("``", "`"), body.replace("``", "`")]
        parts += [table(["key", "meaning"], rows)] if rows else []
        parts.append(f"Takes messages of up to {channel.MAX_BYTES:,} bytes.")
    return "\n\n".join(part for part in parts if part) + "\n"


def settings_page() -> str:
    """Every setting of a store with its default."""
    return (
        "\n\n".join(
            [
                "# Settings",
                (
                    f"The settings of a store stand in `{FILE}` in its folder; `tocsin init` writes one with "
                    "explanations. Every key may be left out; an unknown one is refused with the nearest "
                    "that exists."
                ),
                table(["key", "default", "meaning"], settings_rows(Settings, said=_said())),
                "## Environment",
                table(
                    ["variable", "meaning"],
                    [
                        [
                            "`TOCSIN_STORE`",
                            "folder of the store where `--store` is not given; else `.tocsin`",
                        ],
                        [
                            "`TOCSIN_PASSWORD`",
                            "password of the account given with `--as`; else it is asked for",
                        ],
                        [
                            "`TOCSIN_NEW_PASSWORD`",
                            "password that `tocsin accounts add` and `password` set; else it is asked for",
                        ],
                        [
                            "`TOCSIN_NUMPY_ONLY`",
                            "`1` leaves compiled kernels (numba) unused; the numbers are the same",
                        ],
                        [
                            "`TOCSIN_CHROMIUM`",
                            "the browser of the browser tests and of `python -m docs.picture`",
                        ],
                    ],
                ),
                "## What a domain file may set",
                (
                    "See [Domains](domains.md) for the values in use, and "
                    "`tocsin.model.domain` in the [Python reference](api/model.rst) for what each key means."
                ),
            ]
        )
        + "\n"
    )


def settings_rows(
    model: type[BaseModel], prefix: str = "", said: Mapping[str, str] = types.MappingProxyType({})
) -> list[list[object]]:
    """Dotted keys of a settings model, tables unfolded, with what the written settings say of each."""
    rows: list[list[object]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows += settings_rows(kind, f"{prefix}{name}.", said)
        else:
            shown = "empty" if field.default in ((), {}, "") else f"`{field.default}`"
            meaning = said.get(f"{prefix}{name}") or _first(model.__doc__)
            rows.append([f"`{prefix}{name}`", shown, meaning])
    return rows


def _said() -> dict[str, str]:
    """The comment above each key of the settings that ``tocsin init`` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_settings(Path(folder))
        lines = [] if path is None else path.read_text("utf-8").split("\n")
    found: dict[str, str] = {}
    head, comment = "", ""
    for line in lines:
        if line.startswith("#"):
            comment = f"{comment} {line[1:].strip()}".strip()
        elif line.startswith("["):
            head = line.strip("[] ")
            found[head], head, comment = comment, f"{head}.", ""
        elif "=" in line:
            found[head + line.split("=")[0].strip()], comment = comment, ""
        else:
            comment = ""
    return found


def errors_page() -> str:
    """The tree of errors, and what each means."""
    tree = inspect.cleandoc(errors.__doc__ or "").split("::\n\n")[1].split("\n\nThe message")[0]
    kinds = [k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, errors.TocsinError)]
    kinds.sort(key=lambda k: inspect.getsourcelines(k)[1])
    return (
        "\n\n".join(
            [
                "# Errors and exit status",
                (
                    "Every error that is raised on purpose is in one tree. Its message names the place, "
                    "what was got and "
                    "what is allowed."
                ),
                "```text\n" + inspect.cleandoc("\n" + tree) + "\n```",
                table(["error", "raised when"], [[f"`{k.__name__}`", _first(k.__doc__)] for k in kinds]),
                "## Exit status of the commands",
                table(
                    ["status", "meaning"],
                    [
                        [0, "done"],
                        [1, "done, and something was found wrong"],
                        [2, "wrong use"],
                        [3, "data or store fault"],
                        [4, "not allowed"],
                    ],
                ),
            ]
        )
        + "\n"
    )


# ---- warnings ----------------------------------------------------------------------------------------------


def warning_rules_page() -> str:
    """Levels, laws, permissions, escalation and channels."""
    pack = load_pack("us")
    channels = plugins("tocsin.warn.channels", ("NAME", "MAX_BYTES", "send"))
    return (
        "\n\n".join(
            [
                "# Levels, laws, roles and channels",
                (
                    "Made from the pack `us`, `tocsin.govern.permissions` and `escalation.toml`. The laws "
                    "are a "
                    "demonstration mapping, **not legal advice**."
                ),
                "## Levels",
                table(
                    [
                        "rank",
                        "name",
                        "glyph",
                        "colour",
                        "CAP severity, urgency, certainty",
                        "approved by",
                        "public",
                    ],
                    [
                        [
                            level.rank,
                            level.name,
                            level.glyph,
                            f"`{level.colour}`",
                            f"{level.severity}, {level.urgency}, {level.certainty}",
                            ", ".join(level.issued_by),
                            "yes" if level.public else "no",
                        ]
                        for level in pack.levels
                    ],
                ),
                (
                    "On the picture 254 is *unknown* (watched, but inputs are missing) and 255 *not "
                    "covered*; neither is calm."
                ),
                "## Legal bases",
                table(
                    ["key", "law", "article", "levels", "roles"],
                    [
                        [f"`{x.key}`", x.law, x.article, ", ".join(map(str, x.levels)), ", ".join(x.roles)]
                        for x in pack.laws
                    ],
                ),
                "## Who may do what",
                table(
                    ["permission", *(str(role) for role in Role)],
                    [
                        [f"`{p}`", *("yes" if role in roles else "" for role in Role)]
                        for p, roles in TABLE.items()
                    ],
                ),
                (
                    "Whether *this* officer may approve *this* warning is decided beyond the table: by "
                    "level, law and the "
                    "rule of the second officer ([why](../../explanation/life-of-a-warning.md))."
                ),
                "## Who is called when a warning waits",
                table(
                    ["state", "after", "from level", "who", "what is asked"],
                    [[r.state, words(r.after), r.min_level, r.to, r.text] for r in load_policy()],
                ),
                "## Channels",
                table(
                    ["channel", "what it is", "largest message, bytes"],
                    [[f"`{n}`", _first(m.__doc__), f"{m.MAX_BYTES:,}"] for n, m in channels.items()],
                ),
            ]
        )
        + "\n"
    )


def playbooks_page() -> str:
    """Every playbook with its tasks."""
    folder = Path(tocsin.__file__).parent / "respond" / "playbooks"
    parts = [
        "# Playbooks",
        "When a warning is issued, the playbook of its domain and level opens these tasks. Owners are roles.",
    ]
    for name in playbooks():
        file = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
        parts += [
            f"## {file['title']} (`{name}`)",
            f"Domain `{file['domain']}`, levels {', '.join(map(str, file['levels']))}.",
            table(
                ["task", "what", "owner", "due after", "after", "from level"],
                [
                    [
                        f"`{t['id']}`",
                        t["title"],
                        t["owner"],
                        f"{t['due_minutes']} min",
                        _code(t.get("after", ())),
                        t.get("min_level", ""),
                    ]
                    for t in file["tasks"]
                ],
            ),
        ]
    return "\n\n".join(parts) + "\n"


# ---- HTTP --------------------------------------------------------------------------------------------------


def http_page() -> str:
    """Every route of the API with the permission that it asks for."""
    with tempfile.TemporaryDirectory() as folder:
        office = open_office(Path(folder) / "store")
        with contextlib.closing(office.store):
            described = create_app(office, clock=lambda: datetime(2001, 1, 1, tzinfo=UTC)).openapi()
    rows = [
        [f"`{method.upper()}`", f"`{path}`", f"`{route['x-permission']}`", _sentence(route)]
        for path, methods in described["paths"].items()
        for method, route in methods.items()
    ]
    intro = (
        "Made from the OpenAPI that the server gives at `/api/v1/openapi.json`. *open* asks for no log-in; "
        "the other permissions are in [Levels, laws, roles and channels](warning-rules.md). "
        "How the API behaves: [HTTP API](../api.md)."
    )
    return (
        "\n\n".join(["# HTTP routes", intro, table(["method", "path", "permission", "what it does"], rows)])
        + "\n"
    )


def _sentence(route: Mapping[str, Any]) -> str:
    return _first(route.get("description") or route.get("summary"))


# ---- Python ------------------------------------------------------------------------------------------------


def modules() -> list[str]:
    """Every public module of the package, by name."""
    found = pkgutil.walk_packages(tocsin.__path__, "tocsin.")
    public = [m.name for m in found if not any(part.startswith("_") for part in m.name.split(".")[1:])]
    return sorted(m for m in public if m not in SKIPPED)


def api_pages() -> dict[str, str]:
    """One page for each part of the package, and one that lists them in the order of the shelves."""
    groups: dict[str, list[str]] = {}
    for name in modules():
        groups.setdefault(name.split(".")[1], []).append(name)
    pages = {f"api/{group}.rst": _api_page(group, names) for group, names in groups.items()}
    rows = [
        [f"[`tocsin.{g}`]({g}.rst)", _first(importlib.import_module(f"tocsin.{g}").__doc__)] for g in groups
    ]
    toc = "\n".join(["```{toctree}", ":hidden:", "", *groups, "```"])
    intro = inspect.cleandoc(tocsin.__doc__ or "")
    pages["api/index.md"] = (
        "\n\n".join(
            [
                "# Python",
                "Made from the docstrings. `import tocsin` needs no server.",
                f"```text\n{intro}\n```",
                table(["part", "what it is"], rows),
                toc,
            ]
        )
        + "\n"
    )
    return pages


def _api_page(group: str, names: Sequence[str]) -> str:
    title = f"tocsin.{group}"
    lines = [title, "=" * len(title), "", ".. currentmodule:: tocsin", ""]
    for name in names:
        lines += [f"``{name}``", "-" * (len(name) + 4), "", f".. automodule:: {name}", ""]
    return "\n".join(lines)
