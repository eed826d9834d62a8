"""A page in the system's Chromium, driven by Playwright; nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
# Tests in a browser run wherever Chromium is installed.
IN_BROWSER = pytest.mark.skipif(
    PROGRAM is None and "MEDUSA_LONG_TESTS" not in os.environ,
    reason="Chromium is not installed, and MEDUSA_LONG_TESTS is not set",
)


@contextmanager
def opened(
    page: Path | str, width: int = 1200, scheme: str = "light", flags: tuple[str, ...] = ()
) -> Iterator[tuple[Any, list[str]]]:
    """Yield the open page, a file or an address, and its console messages, errors and requests."""
    from playwright.sync_api import sync_playwright

    assert PROGRAM, "expected the program chromium, found none; install it (apt install chromium)"
    seen: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, args=[*FLAGS, *flags])
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        tab = context.new_page()
        tab.set_default_timeout(120_000)
        tab.on("console", lambda message: seen.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: seen.append(f"error: {error}"))
        tab.on("request", lambda request: seen.append(f"request: {request.url[:40]}"))
        tab.goto(page if isinstance(page, str) else page.as_uri())
        yield tab, seen
        browser.close()
