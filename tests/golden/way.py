"""The golden bundle: the recorded input, every stage's output on it, and how to make both again.

``python -m tests.golden.way`` writes ``input.parquet`` and ``way.json`` anew. Do it after a wanted change
only, and read the difference before it is committed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.cycle import small_world as small
from tocsin.model import DAY, HOUR, to_plain, to_table
from tocsin.ops import loop, record

FOLDER = Path(__file__).parent
INPUT, OUTPUT = FOLDER / "input.parquet", FOLDER / "way.json"
DAYS = 12
STRUCK = (206, 207, 208)
"""Hours after the start of the replay whose judgement is kept in full: the stop of three airports begins."""


def number(value: float) -> float | None:
    """A number as kept: seven digits, so that the last bit of another platform's libm does not count."""
    return None if value != value else float(f"{value:.7g}")


def stages(folder: Path) -> dict[str, Any]:
    """Every stage's output on the recorded input."""
    office = small.office(folder, [])
    store, plan = office.store, small.plan()
    table = pq.read_table(INPUT)
    store.load([table.cast(to_table([]).schema)], ingest="golden", at=small.LATER)
    end = small.START + (DAYS - 1) * DAY
    loop.replay(office, start=small.START, end=end, domains=["air_transport"], archives=small.ARCHIVES)
    rows = store.cycles(small.START, end + HOUR, plan.id)
    judged = {}
    for hour in STRUCK:
        for quantity, one in record.decode_judgement(rows[hour].judgement).items():
            judged[f"{rows[hour].at:%m-%dT%H:%M} {quantity}"] = {
                name: [number(float(v)) for v in getattr(one, name)]
                for name in ("values", "expected", "lower", "upper", "tail")
            }
    every = [
        record.decode_levels(r.levels, ["air_transport"], plan.watched)["air_transport"].tolist()
        for r in rows
    ]
    out = {
        "keep": {"rows": table.num_rows, "at the end": store.as_of(end).cells().num_rows},
        "detect": judged,
        "assess": {
            "levels": ["".join(map(str, levels)) for levels in every],
            "at the stop": rows[STRUCK[-1]].summary["assessments"],
        },
        "threshold": [number(r.summary["thresholds"]["air_transport"]) for r in rows[::24]],
        "warn": [to_plain(a) for a in store.list("alert")],
        "approve": [
            {"action": e.decision.action, "subject": e.decision.subject, "actor": e.decision.actor}
            for e in store.audit()
        ],
        "deliver": [
            {"group": i.group, "channel": i.channel, "recipient": i.recipient, "status": i.status}
            for i in store.outbox()
        ],
        "respond": [to_plain(t) for t in store.list("task")],
        "verify": {"verdicts": store.list("verdict"), "outcomes": store.list("outcome")},
    }
    store.close()
    return rounded(json.loads(json.dumps(to_plain(out))))


def rounded(plain: Any) -> Any:
    """Floats of any depth to seven digits; what is a hash of content with unrounded floats is left out."""
    if isinstance(plain, dict):
        return {
            k: rounded(v) for k, v in plain.items() if k not in ("approved_hash", "content_hash", "inputs")
        }
    if isinstance(plain, list):
        return [rounded(v) for v in plain]
    return number(plain) if isinstance(plain, float) else plain


def write() -> None:
    """Make the bundle anew."""
    pq.write_table(to_table(small.flights(7, days=DAYS)), INPUT, compression="zstd")
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(stages(Path(folder)), indent=1, sort_keys=True, ensure_ascii=False)
    OUTPUT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
