"""Pages that are scripts: run cell by cell, with what they print and draw.

``python -m docs.walkthrough SCRIPT`` runs one and prints the page; ``docs/conf.py`` writes them all. A script
is cut at lines ``# %%`` (code) and ``# %% [markdown]`` (text behind ``# ``). A cell that leaves a new
``figure`` shows it.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
from docs.method_pictures import STYLE
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
SCRIPTS = (HERE / "tutorial" / "outbreak.py",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A script that was run.

    Parameters
    ----------
    text : str
        In Markdown.
    figures : mapping of str to bytes
        SVG by file name.
    """

    text: str
    figures: Mapping[str, bytes] = field(default_factory=dict)


def cells(script: str) -> Iterator[tuple[str, str]]:
    """Cells of a script: ``code`` or ``text``, and what is in them.

    Examples
    --------
    >>> list(cells("# %% [markdown]\\n# # A\\n#\\n# b\\n\\n# %%\\nx = 1\\n"))
    [('text', '# A\\n\\nb'), ('code', 'x = 1')]
    """
    kind, lines = "", list[str]()
    for line in [*script.splitlines(), "# %%"]:
        if line.startswith("# %%"):
            body = "\n".join(lines).strip()
            if body and kind:  # what stands above the first cell is for other tools
                yield kind, body
            kind, lines = ("text" if "[markdown]" in line else "code"), []
        else:
            lines.append(line.removeprefix("#").removeprefix(" ") if kind == "text" else line)


def run(path: Path) -> Page:
    """Run a script from top to bottom in a world of its own.

    Raises
    ------
    Exception
        Whatever a cell raises: a page is not built from a script that broke.
    """
    world: dict[str, Any] = {"__name__": path.stem}
    parts: list[str] = []
    figures: dict[str, bytes] = {}
    shown: Figure | None = None
    for number, (kind, body) in enumerate(cells(path.read_text("utf-8")), start=1):
        if kind == "text":
            parts.append(body)
            continue
        parts.append(f"```python\n{body}\n```")
        said = io.StringIO()
        with mpl.rc_context(STYLE), contextlib.redirect_stdout(said):
            exec(compile(body, f"{path.name}, cell {number}", "exec"), world)  # noqa: S102 - our own page
        if said.getvalue():
            parts.append(f"```text\n{said.getvalue().rstrip()}\n```")
        if world.get("figure") is not shown:
            shown = world["figure"]
            name = f"{path.stem}-{len(figures) + 1}.svg"
            figures[name] = _svg(shown)
            parts.append(f"![Figure {len(figures)} of this page]({name})")
    return Page(text="\n\n".join(parts) + "\n", figures=figures)


def _svg(figure: Figure) -> bytes:
    sink = io.BytesIO()
    with mpl.rc_context(STYLE):
        for axes in figure.axes:
            axes.set_facecolor("none")
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return sink.getvalue()


def write(folder: Path) -> None:
    """Run every script whose page is older than the script or the code that it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    code = max(p.stat().st_mtime for p in (HERE.parent / "src" / "tocsin").rglob("*.py"))
    for path in SCRIPTS:
        target = folder / f"{path.stem}.md"
        newest = max(code, path.stat().st_mtime, Path(__file__).stat().st_mtime)
        if target.exists() and target.stat().st_mtime >= newest:
            continue
        page = run(path)
        for name, content in page.figures.items():
            (folder / name).write_bytes(content)
        target.write_text(page.text, "utf-8")


if __name__ == "__main__":
    sys.stdout.write(run(Path(sys.argv[1])).text)
