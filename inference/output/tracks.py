"""Labels with their times, as other programs show them next to the sound."""

from pathlib import Path

import pandas as pd


def audacity(frame: pd.DataFrame) -> bytes:
    """Return a label track of Audacity: start, end and label, separated by tabs."""
    lines = [
        f"{start:.6f}\t{end:.6f}\t{label} {confidence:.2f}\n"
        for start, end, label, confidence in _labels(frame)
    ]
    return "".join(lines).encode()


def webvtt(frame: pd.DataFrame) -> bytes:
    """Return subtitles in WebVTT: the label, its confidence, and the transcript if there is one."""
    cues = []
    for (start, end, label, confidence), text in zip(
        _labels(frame), frame["transcript"], strict=True
    ):
        spoken = f"\n{_escaped(text)}" if isinstance(text, str) and text.strip() else ""
        cues.append(f"{_clock(start)} --> {_clock(end)}\n{label} ({confidence:.0%}){spoken}\n")
    return "\n".join(["WEBVTT\n", *cues]).encode()


def rttm(frame: pd.DataFrame) -> bytes:
    """Return RTTM (NIST): one line of type SPEAKER for each row, with the label as the name."""
    lines = []
    for path, (start, end, label, confidence) in zip(frame["path"], _labels(frame), strict=True):
        name = "_".join(Path(str(path)).stem.split()) or "clip"
        times = f"{start:.3f} {end - start:.3f}"
        lines.append(f"SPEAKER {name} 1 {times} <NA> <NA> {label} {confidence:.3f} <NA>\n")
    return "".join(lines).encode()


def _labels(frame: pd.DataFrame) -> list[tuple[float, float, str, float]]:
    """Return start, end, label and confidence of every row."""
    columns = (frame["start"], frame["end"], frame["label"], frame["confidence"])
    return list(zip(*columns, strict=True))


def _escaped(text: str) -> str:
    """Return a transcript as the text of a cue: on one line, without markup."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return plain.replace(">", "&gt;")


def _clock(seconds: float) -> str:
    """Return seconds as hours:minutes:seconds.milliseconds."""
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds / 1000:06.3f}"
