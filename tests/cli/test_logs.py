"""What a server tells: in the form asked for, from the level asked for, and no secret in it."""

from __future__ import annotations

import contextlib
import io
import json
import logging

import pytest

from tocsin.cli.logs import LOGGERS, Format, Level, told

LOG = logging.getLogger("tocsin")


def heard(level: Level, form: Format) -> list[str]:
    """Lines of a log in which a job failed on an address with a key."""
    with contextlib.redirect_stderr(io.StringIO()) as err, told(level, form):
        LOG.info("reading")
        LOG.warning("feed %s is failed", "usgs_earthquakes")
        try:
            raise OSError("https://me:hunter2@example.org/f?token=hunter2: refused")
        except OSError:
            LOG.exception("job failed")
        logging.getLogger("uvicorn.told").error("the server")
        logging.getLogger("httpx").error("every address that is asked")
    return err.getvalue().splitlines()


def test_json_lines_have_stable_keys() -> None:
    rows = [json.loads(line) for line in heard(Level.INFO, Format.JSON)]
    assert [r["message"] for r in rows] == [
        "reading",
        "feed usgs_earthquakes is failed",
        "job failed",
        "the server",
    ]
    assert all(set(r) - {"exception"} == {"at", "level", "logger", "thread", "message"} for r in rows)
    assert [r["level"] for r in rows] == ["info", "warning", "error", "error"]
    assert all(r["at"].endswith("Z") for r in rows)
    assert "OSError" in rows[2]["exception"]


def test_plain_lines_have_time_level_and_traceback() -> None:
    lines = heard(Level.WARNING, Format.PLAIN)
    assert lines[0].endswith("Z WARNING tocsin: feed usgs_earthquakes is failed")
    assert any(line.startswith("  Traceback") for line in lines)
    assert "reading" not in "\n".join(lines)


@pytest.mark.parametrize("form", Format)
def test_no_secret_gets_out(form: Format) -> None:
    text = "\n".join(heard(Level.DEBUG, form))
    assert "hunter2" not in text
    assert "example.org" in text


@pytest.mark.parametrize("form", Format)
def test_no_text_can_pass_for_a_line_of_the_log(form: Format) -> None:
    forged = "2026-01-01T00:00:00.000Z ERROR tocsin: forged"
    with contextlib.redirect_stderr(io.StringIO()) as err, told(Level.INFO, form):
        for end in ("\n", "\r\n", "\x85", "\u2028", "\x1b[2K\r"):
            LOG.warning("feed %s is failed %s", "x", f"evil{end}{forged}")
            try:
                raise OSError(f"evil{end}{forged}")
            except OSError:
                LOG.exception("job failed")
    lines = err.getvalue().splitlines()
    assert not any(line.startswith(forged) for line in lines)
    assert not any("\x1b" in line for line in lines)
    if form is Format.JSON:
        assert len([json.loads(line) for line in lines]) == 10
    else:
        begun = [line for line in lines if not line.startswith("  ")]
        assert len(begun) == 10
        assert all(" tocsin: feed x is failed evil" in line or line.endswith(" job failed") for line in begun)


def test_the_level_holds_though_the_server_sets_that_of_its_own_loggers() -> None:
    server = logging.getLogger("uvicorn.error")
    before = server.level
    try:
        with contextlib.redirect_stderr(io.StringIO()) as err, told(Level.ERROR, Format.PLAIN):
            server.setLevel(logging.WARNING)  # as uvicorn does when it is configured
            server.warning("not at this level")
            server.error("the server")
    finally:
        server.setLevel(before)
    assert [line.rpartition(": ")[2] for line in err.getvalue().splitlines()] == ["the server"]


def test_afterwards_everything_is_as_before() -> None:
    before = [(len(logging.getLogger(n).handlers), logging.getLogger(n).level) for n in LOGGERS]
    heard(Level.DEBUG, Format.JSON)
    assert [(len(logging.getLogger(n).handlers), logging.getLogger(n).level) for n in LOGGERS] == before
