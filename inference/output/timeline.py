"""A picture of a recording: its waveform, and below it the posteriors over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.atomic import atomic
from medusa.errors import ConfigError
from medusa.inference.audio_input import AudioInput
from medusa.inference.cutting.blocks import blocks

COLUMNS = 1200  # the waveform has so many columns: the lowest and highest sample of each
WIDTH, HEIGHT = 11.0, 5.0  # inches
NARROWEST = 90  # A bar with a label is at least this part of the whole.
Floats = npt.NDArray[np.floating]


def draw_timelines(frame: pd.DataFrame, recordings: Sequence[AudioInput], output: Path) -> None:
    """Draw a picture of each recording.

    Args:
        frame: the predictions; see `result_table`.
        recordings: the whole recordings.
        output: a file whose ending is a format of matplotlib (png, svg, pdf). With several
            recordings, it is a folder.

    Raises:
        ConfigError: matplotlib is not installed, or the ending is unknown.
    """
    wholes = {one.path: one for one in recordings}
    shown = [path for path in dict.fromkeys(frame["path"]) if path in wholes]
    if len(shown) > 1 and output.suffix:
        raise ConfigError(
            f"--plot {output}: expected a folder for the pictures of {len(shown)} recordings; name "
            "one without an ending"
        )
    for number, path in enumerate(shown):
        name = f"{number + 1:03d}-{Path(path).stem or 'clip'}.png"
        rows = frame[frame["path"] == path]
        draw_timeline(rows, wholes[path], output if output.suffix else output / name)


def draw_timeline(frame: pd.DataFrame, recording: AudioInput, output: Path) -> None:
    """Draw the waveform of a recording, and below it the posteriors of its utterances."""
    plot = _matplotlib()
    figure, (wave, shares) = plot.subplots(
        2, 1, figsize=(WIDTH, HEIGHT), sharex=True, height_ratios=(1, 2), layout="constrained"
    )
    times, low, high = envelope(recording)
    wave.fill_between(times, low, high, color="0.35", linewidth=0)
    wave.set(ylabel="sample", ylim=(-1, 1), title=recording.path or "clip")
    _draw_posteriors(shares, frame, plot)
    shares.set(xlabel="seconds", ylabel="posterior", ylim=(0, 1))
    shares.set_xlim(recording.start_s, max(recording.end_s, recording.start_s + 0.01))
    figure.legend(*shares.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with atomic(output) as partial:
            figure.savefig(partial, dpi=150, format=output.suffix[1:].lower())
    except ValueError as problem:
        raise ConfigError(f"--plot {output}: {problem}; name a file such as x.png") from problem
    finally:
        plot.close(figure)


def _draw_posteriors(axes: Any, frame: pd.DataFrame, plot: Any) -> None:
    """Stack the posteriors of every utterance as a bar from its start to its end."""
    names = [name for name in frame.columns if name.startswith("p_")]
    colours = plot.colormaps["tab10" if len(names) <= 10 else "tab20"]
    starts = frame["start"].to_numpy(float)
    widths = frame["end"].to_numpy(float) - starts
    bottom = np.zeros(len(frame))
    for number, name in enumerate(names):
        values = frame[name].to_numpy(float)
        label, colour = name.removeprefix("p_"), colours(number)
        axes.bar(starts, values, widths, bottom, align="edge", color=colour, label=label)
        bottom += values
    _write_labels(axes, frame)


def _write_labels(axes: Any, frame: pd.DataFrame) -> None:
    """Write the label into every bar that is wide enough, unless the bar before it has it, too."""
    least_s = (frame["end"].max() - frame["start"].min()) / NARROWEST if len(frame) else 0.0
    before = (float("nan"), "")
    for start, end, label in zip(frame["start"], frame["end"], frame["label"], strict=True):
        if end - start >= least_s and before != (start, label):
            box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}
            middle, style = (start + end) / 2, {"ha": "center", "va": "bottom", "rotation": 90}
            axes.text(middle, 0.02, label, fontsize=8, clip_on=True, bbox=box, **style)
        before = (end, label)


def envelope(recording: AudioInput, columns: int = COLUMNS) -> tuple[Floats, Floats, Floats]:
    """Return the times in seconds, and the lowest and highest sample of each column: (columns,).

    The recording is read block by block.
    """
    duration_s = recording.end_s - recording.start_s
    low, high = np.zeros(columns), np.zeros(columns)
    done = 0
    for block, rate_hz in blocks(recording):
        mono = block.mean(1)
        seconds = (done + np.arange(len(mono))) / rate_hz
        column = np.minimum((seconds / max(duration_s, 1e-9) * columns).astype(int), columns - 1)
        np.minimum.at(low, column, mono)
        np.maximum.at(high, column, mono)
        done += len(mono)
    middles = (np.arange(columns) + 0.5) / columns * duration_s
    return recording.start_s + middles, low, high


def _matplotlib() -> Any:
    """Return `matplotlib.pyplot` without a window; the error names the package to install."""
    try:
        import matplotlib
    except ImportError as problem:
        raise ConfigError(
            "--plot: matplotlib is not installed; run `pip install 'medusa-ser[plot]'`"
        ) from problem
    matplotlib.use("Agg")
    import matplotlib.pyplot

    return matplotlib.pyplot
