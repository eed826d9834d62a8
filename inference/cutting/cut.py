"""Recordings are cut into utterances, and the predictions of windows are averaged."""

from collections.abc import Mapping, Sequence

from medusa.console import progress, say
from medusa.errors import MedusaError
from medusa.extract.inputs.utterances import LONGEST_S
from medusa.inference.audio_input import AudioInput
from medusa.inference.cutting.options import CutOptions
from medusa.inference.cutting.windows import averaged, window_times
from medusa.inference.prediction import Predicted

Pieces = list[tuple[AudioInput, list[AudioInput]]]
"""Every recording with its pieces."""


def cut_recordings(
    recordings: Sequence[AudioInput], options: CutOptions
) -> tuple[Pieces, list[str]]:
    """Return the pieces of every recording, and a sentence for each that cannot be cut.

    Args:
        recordings: files, segments of files, or clips.
        options: the settings; without `vad` and `window_s`, a recording is its only piece.
    """
    pieces: Pieces = []
    problems = []
    if options.vad:
        seconds = sum(one.end_s - one.start_s for one in recordings)
        with progress("finding speech", seconds, "s") as advance:
            for one in recordings:
                try:
                    pieces.append((one, _spoken(one, options)))
                except MedusaError as problem:
                    problems.append(str(problem))
                advance(one.end_s - one.start_s)
        return pieces, problems
    for one in recordings:
        if options.window_s is not None:
            pieces.append((one, _windows(one, options)))
        elif one.end_s - one.start_s > LONGEST_S:
            problems.append(
                f"{one.path}: expected at most {LONGEST_S / 60:g} minutes in one utterance, found "
                f"{(one.end_s - one.start_s) / 60:.1f}; cut it with --vad or --window-s"
            )
        else:
            pieces.append((one, [one]))
    return pieces, problems


def _spoken(one: AudioInput, options: CutOptions) -> list[AudioInput]:
    """Return the stretches of speech."""
    from medusa.inference.cutting.speech import speech_times

    times = speech_times(one, options)
    if not times:
        say(f"{one.path}: no speech was found, so the result has no row of it")
    return [one.piece(one.start_s + start, one.start_s + end) for start, end in times]


def _windows(one: AudioInput, options: CutOptions) -> list[AudioInput]:
    times = window_times(one.end_s - one.start_s, options.window_s or 0.0, options.hop)
    return [one.piece(one.start_s + start, one.start_s + end) for start, end in times]


def joined(
    pieces: Pieces, found: Mapping[int, Predicted], options: CutOptions
) -> list[tuple[AudioInput, Predicted]]:
    """Return the rows of the results: the predicted pieces, or the means of windows.

    Args:
        pieces: the recordings with their pieces.
        found: the predictions by the number of the piece, over all recordings.
        options: the settings of the cutting.
    """
    rows: list[tuple[AudioInput, Predicted]] = []
    number = 0
    for whole, parts in pieces:
        own = [(part, found.get(number + index)) for index, part in enumerate(parts)]
        number += len(parts)
        predicted = [(part, one) for part, one in own if one is not None]
        rows += averaged(whole, predicted, options.hop) if options.window_s else predicted
    return rows
