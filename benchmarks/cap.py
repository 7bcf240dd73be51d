"""Reading CAP messages against other readers in the same run: ``python -m benchmarks.cap [FOLDER]``.

The corpus is a folder in the layout of ``../shared/data/cap`` (its ``PARSED.tsv`` says which files, and which
identifier must be found); without one, messages made here. For each peer two figures: the share of all
messages that it reads (no exception and the right identifier), and the messages a second, its own and ours,
on those that it reads. Ours is :func:`tocsin.cap.read`; beside it stands :func:`tocsin.cap.parse`, which
judges the message, too. The peers leave polygons, circles, lists and most times as text; we read them. Times
are medians of rounds after a warm-up, all readers in turn. The last line is our rate over that of the
quickest peer on the messages which that peer reads.
"""

from __future__ import annotations

import argparse
import copy
import csv
import gc
import importlib
import importlib.metadata
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tocsin.cap import CapAlert, CapArea, CapInfo, parse, read, render

FOLDER = Path(__file__).parents[1].parent / "shared" / "data" / "cap"
SENT = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)
ROUNDS = 7


class Message(NamedTuple):
    """One message with the identifier that a reader must find."""

    content: bytes
    identifier: str


class Reader(NamedTuple):
    """A reader: from bytes to the identifier that it found; ``reset`` comes before each, outside the time."""

    name: str
    read: Callable[[bytes], str]
    reset: Callable[[], None] = lambda: None


def corpus(folder: Path | None) -> tuple[list[Message], str]:
    """Messages, and in words where they are from."""
    if folder is not None and (folder / "PARSED.tsv").is_file():
        with (folder / "PARSED.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        found = [Message((folder / row["file"]).read_bytes(), row["identifier"]) for row in rows]
        return found, f"{len(found)} real messages of {folder}"
    found = list(made(400))
    return found, f"{len(found)} messages made here (no folder with PARSED.tsv given)"


def made(count: int) -> Sequence[Message]:
    """Messages of one or two languages and one to six areas, as weather services send them."""
    rng = random.Random(1)  # noqa: S311 - the same messages in every run
    messages = []
    for n in range(count):
        areas = tuple(_area(rng, n, k) for k in range(rng.randint(1, 6)))
        infos = tuple(_info(language, areas) for language in ("en", "fr")[: rng.randint(1, 2)])
        identifier = f"2.49.0.1.0.{n}"
        alert = CapAlert(identifier=identifier, sender="desk@example.org", sent=SENT, infos=infos)
        messages.append(Message(render(alert), identifier))
    return messages


def _area(rng: random.Random, n: int, k: int) -> CapArea:
    lat, lon = rng.uniform(-60, 60), rng.uniform(-170, 170)
    ring = [(round(lat + rng.random(), 4), round(lon + rng.random(), 4)) for _ in range(rng.randint(3, 120))]
    return CapArea(
        area_desc=f"Area {k} of message {n}",
        polygons=((*ring, ring[0]),),
        geocodes=(("SAME", f"0{n:05d}"), ("UGC", f"WAZ{k:03d}")),
    )


def _info(language: str, areas: tuple[CapArea, ...]) -> CapInfo:
    return CapInfo(
        language=language,
        category=("Met",),
        event="Heavy rain",
        response_type=("Prepare",),
        urgency="Expected",
        severity="Severe",
        certainty="Likely",
        event_code=(("SAME", "FFW"),),
        effective=SENT,
        onset=SENT + timedelta(hours=6),
        expires=SENT + timedelta(hours=24),
        sender_name="The desk",
        headline="Heavy rain from noon",
        description="Between 80 and 120 mm in twelve hours. " * 8,
        instruction="Stay away from the rivers. " * 4,
        web="https://example.org/1",
        parameter=(("rain_mm", "120"), ("awareness_level", "3; orange; Severe")),
        areas=areas,
    )


def peers() -> tuple[list[Reader], list[str]]:
    """The other readers that are installed, and lines on those that are not."""
    found, absent = [], []
    for name, load in (("cap-tools", _cap_tools), ("capparser", _capparser), ("capparselib", _capparselib)):
        try:
            version = importlib.metadata.version(name)
            found.append(Reader(f"{name} {version}", *load()))
        except ImportError:  # PackageNotFoundError is one
            absent.append(f"{name}: not installed here, not measured")
    return found, absent


def _cap_tools() -> tuple[Callable[[bytes], str]]:
    from cap_tools.models import Alert
    from xsdata.formats.dataclass.context import XmlContext
    from xsdata.formats.dataclass.parsers import XmlParser

    parser = XmlParser(context=XmlContext())  # made once, as its documentation says, so that it can remember

    def run(content: bytes) -> str:
        return str(parser.from_bytes(content, Alert).identifier)

    return (run,)


def _capparser() -> tuple[Callable[[bytes], str], Callable[[], None]]:
    capparser = importlib.import_module("capparser")
    first = copy.deepcopy(capparser.Info.__init__.__defaults__)

    def run(content: bytes) -> str:
        return str(capparser.parse(stringXML=content).identifier[0])

    def reset() -> None:  # its default list remembers: after one info of two categories it reads no other
        capparser.Info.__init__.__defaults__ = copy.deepcopy(first)

    return run, reset


def _capparselib() -> tuple[Callable[[bytes], str]]:
    parsers = importlib.import_module("capparselib.parsers")

    def run(content: bytes) -> str:
        return str(parsers.CAPParser(content.decode()).as_dict()[0]["cap_id"])

    return (run,)


OURS = (
    Reader("tocsin, read", lambda content: read(content)[0].identifier),
    Reader("tocsin, read and checked", lambda content: parse(content)[0].identifier),
)


def reads(reader: Reader, messages: Sequence[Message]) -> list[Message]:
    """Messages that a reader reads: no exception, and the identifier that stands there."""
    found = []
    for message in messages:
        reader.reset()
        try:
            if " ".join(reader.read(message.content).split()) == message.identifier:
                found.append(message)
        except Exception:  # noqa: BLE001, S112 - any exception at all is "not read"
            continue
    return found


def rate(reader: Reader, messages: Sequence[Message]) -> float:
    """Messages a second in one round."""
    spent = 0.0
    for message in messages:
        reader.reset()
        began = time.perf_counter()
        reader.read(message.content)
        spent += time.perf_counter() - began
    return len(messages) / spent


def medians(readers: Sequence[Reader], messages: Sequence[Message], rounds: int) -> list[float]:
    """Median rates of several readers on the same messages, a round of each in turn."""
    for reader in readers:
        rate(reader, messages)  # warm
    gc.collect()
    measured: list[list[float]] = [[] for _ in readers]
    for _ in range(rounds):
        for reader, found in zip(readers, measured, strict=True):
            found.append(rate(reader, messages))
    return [statistics.median(found) for found in measured]


def main(arguments: Sequence[str]) -> int:
    """Print the table and the ratio; give the exit status."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.cap", description=__doc__)
    options.add_argument("folder", nargs="?", type=Path, default=FOLDER if FOLDER.is_dir() else None)
    options.add_argument("--made", action="store_true", help="take messages made here, whatever is there")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = options.parse_args(arguments)
    if chosen.made:
        chosen.folder = None
    if chosen.folder is not None and not (chosen.folder / "PARSED.tsv").is_file():
        print(f"{chosen.folder}: got no PARSED.tsv", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")  # of the peers, on what they cannot convert
    messages, words = corpus(chosen.folder)
    print(f"{words}, {sum(len(m.content) for m in messages) / len(messages) / 1000:.1f} kB on average")
    others, absent = peers()
    print(f"{'reader':<28}{'read':>8}{'messages/s':>12}{'ours there':>12}{'ratio':>8}")
    row: Any = "{:<28}{:>8.1%}{:>12,.0f}{:>12}{:>8}".format
    for reader, found in zip(OURS, medians(OURS, messages, chosen.rounds), strict=True):
        print(row(reader.name, len(reads(reader, messages)) / len(messages), found, "", ""))
    ratios: dict[float, float] = {}
    for peer in others:
        its = reads(peer, messages)
        if not its:
            print(f"{peer.name:<28}{'0.0%':>8}  reads none of them")
            continue
        own, ours = medians((peer, OURS[0]), its, chosen.rounds)
        ratios[own] = ours / own
        print(row(peer.name, len(its) / len(messages), own, f"{ours:,.0f}", f"{ours / own:.2f}"))
    for line in absent:
        print(line)
    if not ratios:
        print("no peer to measure against: install the extra bench", file=sys.stderr)
        return 2
    print(f"ratio {ratios[max(ratios)]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
