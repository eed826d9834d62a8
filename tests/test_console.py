"""Progress without a terminal, and times as a reader says them."""

import pytest

from medusa import console
from medusa.console import ProgressLines, Terminal, data_size, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.4, "< 1 s"), (0.6, "1 s"), (59, "59 s"), (59.6, "1.0 min"),
     (150, "2.5 min"), (1800, "30 min"), (3600, "1.0 h"), (9000, "2.5 h")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_without_a_terminal_a_line_comes_every_30_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with Terminal().progress("whisper", 400, "utt", 100) as advance:
        assert isinstance(advance, ProgressLines)
        for _ in range(7):
            now[0] += 10
            advance(20, "2x real time")
    lines = capsys.readouterr().err.splitlines()
    # 60 utterances in 30 s; 240 are left after the first line, 180 after the second
    assert lines == [
        "whisper: 160 of 400 utt, 2.0 utt/s, 2.0 min left; 2x real time",
        "whisper: 220 of 400 utt, 2.0 utt/s, 1.5 min left; 2x real time",
    ]


@pytest.mark.parametrize(
    ("speed", "text"),
    [(12.34, "12.3 utt/s"), (0.5, "0.5 utt/s"), (0.1, "10 s each"), (0, "0.0 utt/s")],
)
def test_slow_work_tells_the_time_of_each_unit(speed: float, text: str) -> None:
    assert console.rate(speed, "utt") == text


@pytest.mark.parametrize(
    ("size", "text"), [(400, "0 kB"), (12_000, "12 kB"), (3_460_000, "3.5 MB"), (7e9, "7.0 GB")]
)
def test_sizes_have_the_unit_in_which_they_are_short(size: float, text: str) -> None:
    assert data_size(size) == text


def test_short_work_reports_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal().progress("x", 3, "utt", 0) as advance:
        for _ in range(3):
            advance()
    assert capsys.readouterr().err == ""
