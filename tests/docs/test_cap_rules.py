"""The page of rules for CAP messages leaves out no rule."""

from __future__ import annotations

from docs.cap_pages import GROUPS, rules_page

from tocsin.cap.profiles import every_rule


def test_every_rule_stands_on_the_page_once() -> None:
    page = rules_page()
    assert [rule for rule in every_rule() if page.count(f"| `{rule}` |") != 1] == []
    assert all(f"## {title}" in page for title in GROUPS.values())
