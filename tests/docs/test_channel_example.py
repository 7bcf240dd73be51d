"""The channel of the page holds what the page says: it passes every shipped check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.pages import DOCS, blocks, written
from tocsin.testing import channels as suite
from tocsin.warn.contract import PLUGIN, Audience, Message, Recipient
from tocsin.warn.text import short_text


@pytest.fixture(scope="module")
def pager() -> Any:
    module: Any = ModuleType("pager")
    source = blocks(written()[DOCS / "how-to/add-a-channel.md"], "python")[0]
    exec(compile(source, "pager.py", "exec"), module.__dict__)  # noqa: S102
    return module


@dataclass
class Spool:
    """A gateway with a spool folder for each audience."""

    channel: Any
    root: Path
    name: str = "spool"

    def recipient(self, audience: Audience) -> Recipient:
        folder = self.root / self.name / audience
        if self.name == "spool":
            folder.mkdir(parents=True, exist_ok=True)
        return Recipient(id=f"to-{audience}", channel="pager", address=str(folder), audience=audience)

    def wrong_recipient(self) -> Recipient:
        return replace(self.recipient(Audience.PUBLIC), settings={"limit": "long"})

    def form(self, given: Message) -> str:
        return short_text(given, 240)

    def arrived(self) -> Sequence[str]:
        return [p.read_text() for p in sorted(self.root.rglob("*.txt"))]

    def break_down(self) -> None:
        self.name = "gone"


def test_it_has_every_name_of_a_channel(pager: Any) -> None:
    assert [name for name in PLUGIN if not hasattr(pager, name)] == []


@pytest.mark.parametrize("check", suite.checks().values(), ids=suite.checks().keys())
def test_the_channel_of_the_page_passes(check: Any, pager: Any, tmp_path: Path) -> None:
    check(Spool(pager, tmp_path))
