"""Rules at their edges: what just fires, what just does not, read from the condition of each."""

from __future__ import annotations

import codecs
import re
import time

import pytest
from lxml import etree

from tests.cap.test_rules import CLEAN
from tocsin.cap import parse, structural_faults
from tocsin.cap.containers import messages_in
from tocsin.cap.profiles import check_profiles
from tocsin.model import ParseError

BARE = CLEAN.partition("?>")[2].encode("ascii", "xmlcharrefreplace").decode().strip()


def fired(old: str, new: str, *, profiles: tuple[str, ...] = ()) -> set[str]:
    assert old in CLEAN, old
    alert, findings = parse(CLEAN.replace(old, new, 1).encode())
    return {f.rule for f in (*findings, *check_profiles(alert, profiles))}


def ring(pairs: str) -> str:
    return re.sub(r"<polygon>[^<]*</polygon>", f"<polygon>{pairs}</polygon>", CLEAN, count=1)


@pytest.mark.parametrize(
    ("old", "new", "rule", "fires"),
    [
        ("<value>RAIN</value>", '<x:note xmlns:x="urn:x"/><value>RAIN</value>', "doc.foreign-element", True),
        ("<info>", '<info xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="info">',
         "doc.foreign-element", True),
        ("<alert ", '<alert xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" ',
         "doc.foreign-element", False),
        ("<event>rain</event>", "<event>rain</event><description>1&amp;frac12; m</description>",
         "info.text.html", True),
        ("<event>rain</event>", "<event>rain</event><description>R&amp;D; x &lt; 5, y &gt; 3</description>",
         "info.text.html", False),
    ],
)  # fmt: skip
def test_marks_of_other_languages(old: str, new: str, rule: str, fires: bool) -> None:
    assert (rule in fired(old, new)) is fires


def times(**texts: str) -> set[str]:
    found = CLEAN
    for name, text in texts.items():
        found = re.sub(rf"<{name}>[^<]*</{name}>\s*", "", found)
        if name != "expires":
            found = re.sub(r"(<expires>)", f"<{name}>{text}</{name}>\\1", found, count=1)
        else:
            found = re.sub(r"(<senderName>)", f"<expires>{text}</expires>\\1", found, count=1)
    return {f.rule for f in parse(found.encode())[1]}


def test_a_year_counts_also_where_the_time_is_no_instant() -> None:
    assert "time.implausible-year" in times(onset="1998-03-14 06:00")
    assert "time.implausible-year" in times(onset="2568-03-14T06:00:00")
    assert "time.implausible-year" not in times(onset="14 March noon")


def test_a_start_that_cannot_be_read_is_not_the_moment_of_sending() -> None:
    assert "info.expires.not-after-start" in times(expires="1999-01-01T00:00:00-00:00")
    both = times(effective="in the morning", expires="1999-01-01T00:00:00-00:00")
    assert "info.expires.not-after-start" not in both
    assert "time.format" in both


def test_midnight_is_written_00_in_every_version_of_python() -> None:
    assert "time.format" in times(onset="2026-03-14T24:00:00+03:00")


@pytest.mark.parametrize(
    ("pairs", "crosses"),
    [
        ("1,1 1,2 2,2 1,1", False),
        ("1,1 1,2 1,3 1,1", True),  # a triangle without area lies on itself
        ("1,1 1,2 2,2 1,2 1,1", True),  # out and back
        ("1,1 1,1 1,2 2,2 1,1", False),  # a pair twice in turn is no edge
    ],
)
def test_edges_of_the_smallest_rings(pairs: str, crosses: bool) -> None:
    _, findings = parse(ring(pairs).encode())
    assert ("area.polygon.crossing" in {f.rule for f in findings}) is crosses


@pytest.mark.parametrize(
    ("height", "fires"),
    [
        ("<ceiling>high</ceiling>", True),
        ("<altitude> </altitude><ceiling>900</ceiling>", True),
        ("<altitude>low</altitude><ceiling>900</ceiling>", False),
        ("<altitude>900</altitude>", False),
    ],
)
def test_a_ceiling_wants_an_altitude(height: str, fires: bool) -> None:
    bare = re.sub(r"<(altitude|ceiling)>[^<]*</\1>\s*", "", CLEAN)
    _, findings = parse(bare.replace("</area>", f"{height}</area>", 1).encode())
    assert ("area.ceiling.no-altitude" in {f.rule for f in findings}) is fires


@pytest.mark.parametrize(("version", "type_", "fires"), [
    ("1.1", "<mimeType> </mimeType>", True), ("1.1", "", False), ("1.2", "", True),
    ("1.1", "<mimeType>image/png</mimeType>", False), ("1.1", "<mimeType>image</mimeType>", True),
])  # fmt: skip
def test_a_type_is_judged_where_it_is_present(version: str, type_: str, fires: bool) -> None:
    text = re.sub(r"<mimeType>[^<]*</mimeType>", type_, CLEAN.replace("cap:1.2", f"cap:{version}"))
    _, findings = parse(text.encode())
    assert ("resource.mimetype" in {f.rule for f in findings}) is fires


def test_profiles_look_at_what_is_there_not_at_what_could_be_read() -> None:
    unread = re.sub(r"<expires>[^<]*", "<expires>tomorrow", CLEAN)
    alert, _ = parse(unread.encode())
    assert "ipaws.expires" not in {f.rule for f in check_profiles(alert, ["ipaws"])}
    cancel = re.sub(r"<effective>[^<]*", "<effective>now", CLEAN.replace(">Alert<", ">Cancel<"))
    alert, _ = parse(cancel.encode())
    assert alert.infos[0].effective is None
    assert "cap-au.cancel-effective" in {f.rule for f in check_profiles(alert, ["cap-au"])}


@pytest.mark.parametrize(
    ("sent", "valid"),
    [
        ("2001-02-28T10:54:00-08:00\n", True),
        (" 2001-02-28T10:54:00-08:00", False),
        ("2001-02-28T10:54:00Z ", True),
        ("2001-02-28T10:54:00", True),
        ("2001-02-28T10:54:00 ", False),
    ],
)
def test_blanks_around_a_time_of_old_versions_are_judged_as_libxml2_does(sent: str, valid: bool) -> None:
    old = re.sub(r"<sent>[^<]*", f"<sent>{sent}", CLEAN.replace("cap:1.2", "cap:1.1"))
    faults = structural_faults(etree.fromstring(old.encode()))
    assert ("alert/sent" not in {f.path for f in faults}) is valid


PROLOG = "<?xml version='1.0' encoding='{}'?>\n"


@pytest.mark.parametrize(
    ("declared", "codec", "word"),
    [
        ("cp437", "cp437", "Überflutung"), ("IBM037", "cp037", "Regen"), ("ibm-1047x", "cp037", None),
        ("windows-31j", "cp932", "大雨①"), ("x-sjis", "cp932", "大雨"), ("ks_c_5601-1987", "cp949", "호우뷁"),
        ("windows-874", "cp874", "ฝนตกหนัก"), ("rot13", "latin-1", None), ("unicode_escape", "ascii", None),
    ],
)  # fmt: skip
def test_character_sets_that_only_python_knows(declared: str, codec: str, word: str | None) -> None:
    text = PROLOG.format(declared) + BARE.replace("<event>rain", f"<event>{word or 'rain'}", 1)
    content = text.encode(codec)
    if word is None:
        with pytest.raises(ParseError, match=r"doc\.not-well-formed"):
            parse(content)
    else:
        assert parse(content)[0].infos[0].event == word


def test_a_document_type_is_refused_in_every_character_set() -> None:
    text = PROLOG.format("IBM037") + '<!DOCTYPE alert [<!ENTITY a "b">]>' + BARE
    assert messages_in(text.encode("cp037")).outcome == "refused"
    text = PROLOG.format("cp437") + '<!DOCTYPE alert [<!ENTITY a "b">]>' + BARE
    assert messages_in(text.encode("cp437")).outcome == "refused"


@pytest.mark.parametrize("space", ["", ' xmlns="http://purl.org/atom/ns#"'])
def test_a_feed_without_the_namespace_of_atom_is_read(space: str) -> None:
    head = "<id>f</id><title>t</title><updated>2026-03-14T06:00:00Z</updated>"
    entry = f"<entry>{head}<link href='1.xml'/></entry>"
    found = messages_in(f"<feed{space}>{head}{entry}</feed>".encode(), base="https://met.example/feed")
    assert (found.kind, found.outcome, found.links) == ("atom", "links", ("https://met.example/1.xml",))


def test_a_text_that_comments_split_takes_no_longer_than_its_length() -> None:
    split = CLEAN.replace("Heavy rain from noon", "<!--x-->y" * 100_000, 1).encode()
    start = time.process_time()
    alert, _ = parse(split)
    assert alert.infos[0].headline == "y" * 100_000
    assert time.process_time() - start < 2  # the square took five


def test_a_declaration_in_letters_is_not_in_utf_16() -> None:
    content = (PROLOG.format("UTF-16") + BARE).encode()
    for more in (b"", b"\n"):  # an even and an odd number of bytes
        rules = {f.rule for f in messages_in(content + more).findings}
        assert rules == {"doc.not-well-formed", "doc.encoding"}
    assert messages_in(codecs.BOM_UTF16_LE + (PROLOG.format("UTF-16") + BARE).encode("utf-16-le")).messages
