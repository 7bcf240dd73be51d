"""Find a Chromium for the browser tests, or install one, or say what to do.

``python -m tests.browser.chromium`` prints its path. In order: ``TOCSIN_CHROMIUM``, the ``PATH``, what
Playwright installed earlier, the system's packages (where we are root on Debian), Playwright's own build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--font-render-hinting=none",
    "--disable-lcd-text",
)

ADVICE = (
    "No Chromium found. Do one of these, then run again:\n"
    "  set TOCSIN_CHROMIUM to the path of a Chromium or Chrome;\n"
    "  on Debian or Ubuntu: sudo apt-get install chromium;\n"
    "  elsewhere: .venv/bin/python -m playwright install chromium"
)


def find() -> str | None:
    """Path of a Chromium that is here already."""
    named = os.environ.get("TOCSIN_CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise SystemExit(f"TOCSIN_CHROMIUM: got {named!r}, allowed: the path of a Chromium")
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _playwrights()


def _playwrights() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def install() -> None:
    """Install a Chromium by the system's packages, else by Playwright."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet: dict[str, Any] = {
            "check": False,
            "stdout": subprocess.DEVNULL,
            "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        }
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        packages = ["chromium", "fonts-noto-core"]
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], **quiet)
        if find():
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    """Print the path, after installing one if there is none."""
    if find() is None:
        print("No Chromium found; installing one.", file=sys.stderr)
        install()
    path = find()
    if path is None:
        raise SystemExit(ADVICE)
    print(path)


if __name__ == "__main__":
    main()
