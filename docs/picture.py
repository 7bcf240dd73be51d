"""The picture of the README, light and dark: ``python -m docs.picture [--store .tocsin]``.

Starts the server on a store that ``make demo`` has built, opens the page in Chromium at the moment of the
demonstration and writes ``docs/_static/picture.png`` and ``picture-dark.png``. Needs a store, the built front
and a Chromium: the one of ``TOCSIN_CHROMIUM``, one on the path, else Playwright's own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize, sync_playwright

from tocsin.model import iso
from tocsin.ops.demo import OPEN_AT

HERE = Path(__file__).resolve().parent
READY = "Tocsin is ready: "
SIZE: ViewportSize = {"width": 1440, "height": 900}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PICTURES: dict[Literal["light", "dark"], str] = {"light": "picture.png", "dark": "picture-dark.png"}
WAIT_MS = 60_000


def chromium() -> str | None:
    """Path of the browser; None for Playwright's own."""
    return os.environ.get("TOCSIN_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def served(store: Path) -> Iterator[str]:
    """Serve a store on a free port and give its address."""
    command = [sys.executable, "-m", "tocsin", "serve", "--store", str(store), "--no-live"]
    command += ["--port", "0", "--at", iso(OPEN_AT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            if server.stdout is None:
                raise RuntimeError("the server has no standard output")
            line = next((text for text in server.stdout if text.startswith(READY)), None)
            if line is None:
                raise RuntimeError(f"{' '.join(command)}: ended with {server.wait()} before it was ready")
            yield line.removeprefix(READY).strip()
        finally:
            server.terminate()
            server.wait(30)


def take(address: str, folder: Path) -> list[Path]:
    """Photograph the page in both colour schemes."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage"]
        )
        for scheme, name in PICTURES.items():
            page = browser.new_page(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
            page.goto(address)
            page.wait_for_selector("html[data-ready]", state="attached", timeout=WAIT_MS)
            page.wait_for_selector("html[data-busy=false]", state="attached", timeout=WAIT_MS)
            page.screenshot(path=folder / name)
            taken.append(folder / name)
            page.close()
        browser.close()
    return taken


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures and name them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--store", type=Path, default=Path(".tocsin"), help="built by 'make demo'")
    parser.add_argument("--folder", type=Path, default=HERE / "_static")
    given = parser.parse_args(arguments)
    if not given.store.is_dir():
        parser.error(f"{given.store}: no store; run 'make demo' first, or name one with --store")
    with served(given.store) as address:
        for path in take(address, given.folder):
            sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
