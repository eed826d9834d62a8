"""The page of the server in Chromium: a file, the microphone, the keyboard, and axe-core."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import medusa
from medusa.tests.reports.browser import opened

pytestmark = pytest.mark.skipif(
    "MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS is not set"
)
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
SHOWN_S = 60


@pytest.fixture(scope="module")
def address(trained: Path) -> Iterator[str]:
    """Serve the tiny stack in a process of its own, and yield its address."""
    words = [sys.executable, "-m", "medusa.cli", "--workspace", str(trained), "serve", "s"]
    with subprocess.Popen([*words, "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        found = next(line.split()[0] for line in lines if line.startswith("http://127.0.0.1"))
        while httpx2.get(f"{found}/readyz", timeout=60).status_code != 200:
            time.sleep(0.2)
        yield found
        process.kill()


def posteriors_of(tab: Any) -> list[str]:
    """Wait for a prediction, and return its label, and the text of each class."""
    tab.locator("#result").wait_for(state="visible", timeout=SHOWN_S * 1000)
    tab.locator("#result[aria-busy=true]").wait_for(state="detached", timeout=SHOWN_S * 1000)
    return [tab.inner_text("#label"), *tab.locator("#bars li").all_inner_texts()]


def problems_of(tab: Any) -> list[str]:
    """Return the violations of axe-core that are serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab).response["violations"]
    return [f"{one['id']}: {one['help']}" for one in found
            if one["impact"] in ("serious", "critical")]  # fmt: skip


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark"), (390, "light")])
def test_a_file_and_the_microphone(
    address: str, trained: Path, clips: list[Path], width: int, scheme: str
) -> None:
    expected = medusa.load(trained / "runs" / "s").predict(clips[:1])
    flags = (*MICROPHONE, f"--use-file-for-fake-audio-capture={clips[1]}")
    with opened(address, width, scheme, flags) as (tab, seen):
        assert problems_of(tab) == []
        with tab.expect_file_chooser() as chooser:
            tab.focus("#choose")
            tab.keyboard.press("Enter")
        chooser.value.set_files(clips[0])
        tab.focus("#send")
        tab.keyboard.press("Enter")
        label, *bars = posteriors_of(tab)
        assert expected["label"][0] in label.lower() and len(bars) == 4
        assert problems_of(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.click("#record")
        tab.wait_for_timeout(2000)
        assert "Stop" in tab.inner_text("#record")
        tab.click("#record")
        tab.locator("#send:enabled").wait_for(timeout=SHOWN_S * 1000)
        tab.click("#send")
        label, *recorded = posteriors_of(tab)
        assert label and len(recorded) == 4
        assert problems_of(tab) == []
        if folder := os.environ.get("MEDUSA_SHOTS"):
            tab.screenshot(path=f"{folder}/{width}-{scheme}.png", full_page=True)
        assert not [one for one in seen if one.startswith("error")]
