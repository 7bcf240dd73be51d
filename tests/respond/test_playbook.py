"""A playbook that is wrong is refused by file, key, what was got and what is allowed."""

from __future__ import annotations

import pytest

from tocsin.model import ConfigError
from tocsin.respond import load, playbook_for, playbooks
from tocsin.testing.playbooks import alert_for

GOOD = """
title = "Flood"
domain = "flood"
levels = [3, 2]

[roles]
gauge_reader = "Reads the gauges"

[[tasks]]
id = "read"
title = "Read the gauges"
owner = "gauge_reader"
due_minutes = 10

[[tasks]]
id = "tell"
title = "Tell the town"
owner = "duty_officer"
due_minutes = 20
after = ["read"]
min_level = 3
"""


def write(folder, text, name="flood.toml"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_it_reads_what_is_there(tmp_path):
    book = load(write(tmp_path, GOOD))
    assert (book.id, book.title, book.domain, book.levels) == ("flood", "Flood", "flood", (2, 3))
    read, tell = book.steps
    assert (read.owner, read.due.total_seconds(), read.after, read.min_level) == ("gauge_reader", 600, (), 1)
    assert (tell.after, tell.min_level) == (("read",), 3)
    assert book.roles == {"gauge_reader": "Reads the gauges"}


FAULTS = [
    (('title = "Flood"\n', ""), r"flood.toml: title: got 'nothing', allowed: a value: this key is required"),
    (("levels =", "level ="), r"level: got 'level', allowed: domain, levels.*Did you mean 'levels'"),
    (("[3, 2]", "[]"), r"levels: got \[\]"),
    (("[3, 2]", "[0]"), r"levels\[0\]: got 0"),
    (
        ('"duty_officer"', '"duty_oficer"'),
        r"tasks\[1\]\.owner: got 'duty_oficer'.*Did you mean 'duty_officer'",
    ),
    (('owner = "duty_officer"', 'owner = "Jane Doe"'), r"tasks\[1\]\.owner: got 'Jane Doe'"),
    (
        ('after = ["read"]', 'after = ["reed"]'),
        r"tasks\[1\]\.after: got 'reed', allowed: read. Did you mean 'read'",
    ),
    (
        ('after = ["read"]', 'after = ["tell"]'),
        r"tasks\.after: got 'tell after tell', allowed: tasks of which none",
    ),
    (
        ("due_minutes = 10", 'due_minutes = 10\nafter = ["tell"]'),
        r"after: got 'tell', allowed: a task that opens",
    ),
    (("due_minutes = 20", "due_minutes = 5"), r"tasks\[1\]\.due_minutes: got 5.0, allowed: at least 10"),
    (("due_minutes = 10", "due_minutes = nan"), r"tasks\[0\]\.due_minutes: got nan"),
    (("due_minutes = 10", "due_minutes = 0"), r"tasks\[0\]\.due_minutes: got 0"),
    (("due_minutes = 10", 'due_minutes = "10"'), r"tasks\[0\]\.due_minutes: got '10'"),
    (
        ("due_minutes = 10", "due_minute = 10"),
        r"tasks\[0\]\.due_minute.*Did you mean 'due_minutes'",
    ),
    (('id = "tell"', 'id = "read"'), r"tasks\[\d\]\.id: got 'read', allowed: an id that stands once"),
    (("gauge_reader =", "viewer ="), r"owner: got 'gauge_reader'"),
    (('title = "Flood"', "title = Flood"), r"flood.toml: the file: .*allowed: TOML in UTF-8"),
]


@pytest.mark.parametrize(("change", "words"), FAULTS, ids=[str(n) for n in range(len(FAULTS))])
def test_what_is_wrong_is_named(change, words, tmp_path):
    old, new = change
    assert old in GOOD
    with pytest.raises(ConfigError, match=words):
        load(write(tmp_path, GOOD.replace(old, new)))


def test_a_ring_of_three(tmp_path):
    ring = "".join(
        f'[[tasks]]\nid = "{a}"\ntitle = "x"\nowner = "analyst"\ndue_minutes = 9\nafter = ["{b}"]\n'
        for a, b in ("ab", "bc", "ca")
    )
    with pytest.raises(ConfigError, match=r"tasks\.after: got '\w after \w after \w after \w'"):
        load(write(tmp_path, 'title = "x"\ndomain = "x"\nlevels = [2]\n' + ring))


def test_a_role_of_the_desk_is_not_redefined(tmp_path):
    text = GOOD.replace("gauge_reader =", 'analyst = "Reads"\ngauge_reader =')
    with pytest.raises(ConfigError, match=r"roles\.analyst: got 'analyst', allowed: a name that the desk's"):
        load(write(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.toml: the file"):
        load(tmp_path / "no.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="allowed: TOML in UTF-8"):
        load(tmp_path / "bytes.toml")
    with pytest.raises(ConfigError, match="allowed: lower-case words joined by _"):
        load(write(tmp_path, GOOD, "Big Flood.toml"))
    with pytest.raises(ConfigError, match="allowed: a folder of playbooks"):
        playbooks(tmp_path / "nowhere")


def test_one_level_has_one_playbook(tmp_path):
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("[3, 2]", "[4]"), "great_flood.toml")
    books = playbooks(tmp_path)
    assert sorted(books) == ["flood", "great_flood"]
    assert playbook_for(alert_for(books["great_flood"], 4), books.values()) is books["great_flood"]
    write(tmp_path, GOOD.replace("[3, 2]", "[1, 2]"), "little_flood.toml")
    with pytest.raises(
        ConfigError, match=r"little_flood.toml: levels: got 2, allowed: a level that flood.toml"
    ):
        playbooks(tmp_path)


def test_no_playbook_for_another_domain(tmp_path):
    books = playbooks()
    other = load(write(tmp_path, GOOD))
    assert playbook_for(alert_for(other, 2), books.values()) is None
