"""A real headless browser. Wants Chromium (Debian: chromium) and Playwright's Python package."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")


class Missing(Exception):
    """What there must be for a browser, and is not."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Playwright's handle on a browser that runs for the time of the block. Raises Missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Missing("Playwright is missing: pip install playwright") from None
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise Missing(f"there is no browser: none of {', '.join(NAMES)} is on the path")
    # Chromium does not sandbox itself under root.
    flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()
