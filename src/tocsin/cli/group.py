"""How a group of commands is made, so that all of them look alike."""

from __future__ import annotations

import typer


def group(help_: str, *, bare: bool = False) -> typer.Typer:
    """A group of commands with our settings.

    Parameters
    ----------
    help_ : str
        One sentence.
    bare : bool
        Whether the group does something without a verb.
    """
    return typer.Typer(
        help=help_,
        no_args_is_help=not bare,
        invoke_without_command=bare,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
