"""The command line: thin commands over :mod:`tocsin.ops`.

Nothing heavy is imported before a command runs, so that ``tocsin --help`` answers at once.
"""

from tocsin.cli.main import main

__all__ = ["main"]
