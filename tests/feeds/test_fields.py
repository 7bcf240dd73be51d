from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.feeds.formats.fields import Fields, each, read_json
from tocsin.model import ParseError, Raw

AT = datetime(2001, 2, 28, tzinfo=UTC)


def raw(content: bytes) -> Raw:
    return Raw(source="s", url="doc.json", fetched_at=AT, media_type="", content=content)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\xe9", "byte 0 is no UTF-8"),
        (b"", "allowed: JSON"),
        (b"{", "allowed: JSON"),
        (b"[NaN]", "got the number NaN"),
        (b"[-Infinity]", "got the number -Infinity"),
        (b"[1e999]", "got the number 1e999"),
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b"[" * 200_000, "nested too deeply"),
        (b"1" * 10_000, "allowed: JSON"),
        ("[1]".encode("utf-16"), "is no UTF-8"),
    ],
)
def test_json_that_is_refused(content: bytes, error: str) -> None:
    with pytest.raises(ParseError, match=error):
        read_json(raw(content))


def test_a_byte_order_mark_is_allowed() -> None:
    assert read_json(raw(b"\xef\xbb\xbf[1]")) == [1]


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("number", True), ("number", "1"), ("number", 10**400), ("number", float("nan")),
        ("whole", 1.0), ("whole", None), ("whole", False), ("text", " "), ("text", None), ("text", 5),
        ("optional_text", 5), ("milliseconds", 10**30), ("milliseconds", "1"), ("instant", "2001-02-28"),
        ("instant", "soon"), ("instant", "0001-01-01T00:00:00+14:00"), ("record", []), ("needed", None),
        ("many", {}), ("many", None), ("texts", [1]), ("texts", "a"),
    ],
)  # fmt: skip
def test_a_field_of_another_type_is_refused_by_its_path(method: str, value: Any) -> None:
    with pytest.raises(ParseError, match=r"^list\[3\]\.name: got .* allowed: "):
        getattr(Fields({"name": value}, "list[3]"), method)("name")


def test_nothing_is_none_where_it_may_be() -> None:
    f = Fields({"b": None, "c": " "}, "x")
    assert [f.number("a"), f.optional_text("b"), f.optional_text("c")] == [None] * 3
    assert (f.instant("a"), f.record("b")) == (None, None)
    assert f.texts("a") == []
    assert f.number("zero") is None
    assert Fields({"zero": 0}, "x").number("zero") == 0.0  # zero is a value


def test_the_rest_is_told_down_to_inner_objects() -> None:
    f = Fields({"a": 1, "b": {"c": 2, "d": 3}}, "x")
    f.needed("b").number("c")
    assert [found.path for found in f.rest()] == ["x.a", "x.b.d"]


def read(record: Fields) -> Iterator[float | None]:
    yield record.number("v")


def test_one_broken_record_does_not_cost_the_others() -> None:
    values, findings = each([{"v": 1}, {"v": "x"}, {"v": 3, "w": 0}, {"v": 4, "w": 0}], "records", read)
    assert values == [1.0, 3.0, 4.0]
    assert [(f.rule, f.path) for f in findings] == [
        ("feed.unknown-field", "records[*].w"),
        ("feed.broken-record", "records[1]"),
    ]
    assert "(2 of 4)" in findings[0].message


def test_more_than_half_broken_is_refused_whole() -> None:
    with pytest.raises(ParseError, match="2 of 3 records are broken"):
        each([{"v": 1}, {"v": "x"}, 7], "records", read)
    assert each([], "records", read) == ([], [])
