"""The command `medusa predict`."""

from pathlib import Path

import click

from medusa.options import device_option, output_option, set_option, settings_of

MOST_SHOWN = 5  # So many labels are also printed if they are written to a file.
FORMATS = ("csv", "spreadsheet", "jsonl", "parquet", "audformat", "audacity", "webvtt", "rttm")


@click.command()
@click.argument("model")
@click.argument("audio", nargs=-1, required=True)
@output_option("The file, or for the tracks of several recordings the folder.  [default: stdout]")
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="The format; `spreadsheet` is csv in which no cell is a formula.  [default: from the "
    "ending of the file, else csv]",
)
@click.option(
    "--classes",
    metavar="NAME,NAME...",
    help="Choose among these classes only; their posteriors add up to one.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help='A label with less confidence becomes "unsure".',
)
@click.option(
    "--workspace",
    "kept",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the features and transcripts in this folder, and use those that it has.  "
    "[default: nothing is kept]",
)
@click.option(
    "--vad",
    is_flag=True,
    help="Cut long recordings into utterances at silences (silero-vad; medusa-ser[vad]).",
)
@click.option(
    "--window-s",
    type=float,
    help="Cut recordings into windows of this length instead, in seconds.",
)
@click.option(
    "--hop-s",
    type=float,
    help="The seconds from window to window; one row each, the mean of the windows that contain "
    "it.  [default: half of a window]",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="A picture of the posteriors over time: a file such as x.png, or for several recordings "
    "a folder (medusa-ser[plot]).",
)
@device_option()
@set_option(
    "BACKBONE=PATH, the present place of a backbone's weights; transcriber=NAME_OR_PATH, the "
    "Whisper model that makes the transcripts; vad_threshold=SHARE, vad_silence_s=S, "
    "vad_least_s=S, vad_longest_s=S, vad_pad_s=S; on=ray, workers=N, a cluster; docs/predict.md "
    "explains each."
)
@click.pass_obj
def predict(
    root: Path,
    model: str,
    audio: tuple[str, ...],
    output: Path | None,
    kind: str | None,
    classes: str | None,
    threshold: float | None,
    kept: Path | None,
    vad: bool,
    window_s: float | None,
    hop_s: float | None,
    plot: Path | None,
    device: str,
    overrides: tuple[str, ...],
) -> None:
    """Predict the emotion of recordings with a finished head or stack.

    MODEL is the name or the folder of a run, or a bundle. AUDIO is any number of files, folders
    and tables: a csv with a column `path` (and, if wanted, start, end, text, language), or a
    manifest. With - it is standard input: one path a line, or the bytes of one recording.

    Every row of the result has a recording's path and times, the posteriors, the label and its
    confidence, the attributes, the transcript and flags. Recordings that cannot be read are named
    at the end, and the exit code is then 1.
    """
    import sys
    from tempfile import TemporaryDirectory

    from medusa.console import say
    from medusa.inference.cutting.options import CutOptions, FurtherPredictOptions
    from medusa.inference.load import load, weights_and_settings
    from medusa.inference.output.tables import format_of, write_predictions
    from medusa.inference.recordings import from_stdin, recordings_of
    from medusa.inference.result_table import result_table
    from medusa.strict import parts_of

    format_of(output, kind)
    wanted = parts_of(classes) if classes is not None else None
    weights, settings = weights_and_settings(overrides)
    further = settings_of(FurtherPredictOptions, settings)
    cluster = {name: further.pop(name) for name in ("on", "workers") if name in further}
    cut = CutOptions(vad=vad, window_s=window_s, hop_s=hop_s, **further)
    found = load(model, workspace=root, device=device, checkpoints=weights, **cluster)
    result_table([], found.classes, wanted, threshold)  # Mistakes are found before the work.
    inputs = [from_stdin(sys.stdin.buffer.read()) if one == "-" else [one] for one in audio]
    with TemporaryDirectory() as scratch:
        named = [one for several in inputs for one in several]
        recordings, problems = recordings_of(named, Path(scratch))
        result = found.predict_recordings(recordings, kept, cut).with_problems(problems)
        frame = result_table(result.rows, found.classes, wanted, threshold)
        write_predictions(frame, output, kind)
        if plot is not None:
            from medusa.inference.output.timeline import draw_timelines

            draw_timelines(frame, recordings, plot)
    say(result.summary(len(recordings), found.card["name"]))
    if output is not None and len(frame) <= MOST_SHOWN:
        for row in frame.itertuples():
            say(f"{row.path}: {row.label} ({row.confidence:.2f})")
    result.raise_problems()
