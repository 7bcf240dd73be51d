"""The page of rules for CAP messages, written by the rulebook and the profiles themselves."""

from __future__ import annotations

from collections.abc import Iterable

from docs.markdown import table

from tocsin.cap.profiles import profiles
from tocsin.cap.rulebook import RULES, Rule

GROUPS = {
    "doc": "The document",
    "alert": "The message",
    "text": "Values",
    "time": "Times",
    "info": "One language of the message",
    "pair": "Names with values",
    "resource": "Files",
    "area": "Where",
    "signature": "Signatures",
    "set": "Sets of messages",
    "feed": "Feeds",
}


def rules_page() -> str:
    """Every rule by what it is about, then those of each profile."""
    parts = [
        "# Rules for CAP messages",
        (
            "What `tocsin cap check` looks at ([how to](../../how-to/check-cap-messages.md), "
            "[why so](../../explanation/reading-cap.md)). An *error* breaks the standard or misleads a "
            "machine, a *warning* makes a message worse, an *info* is worth knowing."
        ),
    ]
    for prefix, title in GROUPS.items():
        parts += [f"## {title}", _table(r for r in RULES.values() if r.id.split(".")[0] == prefix)]
    for profile in profiles().values():
        parts += [f"## Profile `{profile.name}`", f"{profile.title}.", _table(profile.rules.values())]
    return "\n\n".join(parts) + "\n"


def _table(rules: Iterable[Rule]) -> str:
    rows = [[f"`{r.id}`", r.level, _plain(r.condition), _plain(r.advice), r.source] for r in rules]
    return table(["rule", "level", "is broken when", "what to do", "source"], rows)


def _plain(text: str) -> str:
    """Signs that Markdown would take for its own."""
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
