"""Every error of Tocsin, in one tree.

::

    TocsinError
    ├── FeedError            a publisher or its bytes are at fault
    │   ├── FetchError       the bytes could not be had (``retry`` says whether to try again)
    │   ├── ParseError       the bytes are not what the publisher documents
    │   └── ShapeError       they parse, but break what was declared (unit, bounds, region, time)
    ├── StoreError           the store refuses or is damaged
    │   ├── ConflictError    somebody else was first; read again, then decide
    │   ├── NotFoundError    what was asked for by name is not kept
    │   └── PastError        the past would change
    ├── MethodError          a method cannot judge: the finding is *unknown*, never calm
    ├── WarnError            a warning may not do that
    │   ├── TransitionError  not from this state
    │   ├── AuthorityError   not by this officer, not without this legal basis
    │   └── ChannelError     a channel did not take it (``retry`` says whether to try again)
    ├── RespondError         a playbook, task or resource is wrong
    └── ConfigError          a setting is wrong: names file and key, what was got, what is allowed

The message says what was got, what is allowed and who can do something about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TocsinError(Exception):
    """Root of every error that Tocsin raises on purpose."""


class FeedError(TocsinError):
    """A publisher or its bytes are at fault."""


class FetchError(FeedError):
    """The bytes could not be had.

    Parameters
    ----------
    message : str
        What was asked, what came back.
    retry : bool
        Whether the same call may succeed later.
    """

    def __init__(self, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.retry = retry


class ParseError(FeedError):
    """The bytes are not what the publisher documents."""


class ShapeError(FeedError):
    """The record parses but breaks what its source or quantity declares."""


class StoreError(TocsinError):
    """The store refuses, or is damaged."""


class ConflictError(StoreError):
    """Somebody else was first: read again, then decide."""


class NotFoundError(StoreError):
    """What was asked for by its name is not kept, or was not known by then."""


class PastError(StoreError):
    """What was known in the past would change."""


class MethodError(TocsinError):
    """A method cannot judge these data: the finding is *unknown*, never calm."""


class WarnError(TocsinError):
    """A warning may not do that."""


class TransitionError(WarnError):
    """The warning's state does not allow this step."""


class AuthorityError(WarnError):
    """This officer may not do this, or the legal basis is missing."""


class ChannelError(WarnError):
    """A channel did not take the message.

    Parameters
    ----------
    message : str
        What the channel said.
    retry : bool
        Whether the same message may be sent again with the same idempotency key.
    """

    def __init__(self, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.retry = retry


class RespondError(TocsinError):
    """A playbook, task or resource is wrong."""


class ConfigError(TocsinError):
    """A setting is wrong.

    Parameters
    ----------
    file : str
        File or place of the setting.
    key : str
        Dotted key.
    got : object
        The value found.
    allowed : iterable of str, or str
        What may stand there; the nearest allowed word is suggested.

    Examples
    --------
    >>> print(ConfigError("air.toml", "bad", "hihg", ["high", "low"]))
    air.toml: bad: got 'hihg', allowed: high, low. Did you mean 'high'?
    """

    def __init__(self, file: str, key: str, got: object, allowed: Iterable[str] | str) -> None:
        self.file, self.key, self.got = file, key, got
        if isinstance(allowed, str):
            text, near = allowed, []
        else:
            choices = list(allowed)
            text = ", ".join(choices)
            near = difflib.get_close_matches(str(got), choices, n=1)
        hint = f". Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"{file}: {key}: got {got!r}, allowed: {text}{hint}")
