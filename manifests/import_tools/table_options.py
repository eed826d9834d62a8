"""The options of importers that read one table: they name its columns and its classes."""

from pathlib import Path

import click

HELP = {
    "id": "Column with the utterance's name.",
    "path": "Column with the recording's file.",
    "label": "Column with the consensus class; empty where there is none.",
    "speaker": "Column with the speaker.",
    "gender": "Column with the speaker's gender.",
    "language": "Column with the language.",
    "split": "Column with the corpus's own split.",
    "text": "Column with the transcript.",
    "start": "Column with the segment's start in the file, in seconds.",
    "duration": "Column with the segment's length, in seconds.",
    "arousal": "Column with arousal, 1 to 7.",
    "valence": "Column with valence, 1 to 7.",
    "dominance": "Column with dominance, 1 to 7.",
}
OPTIONS = [
    *(click.Option([f"--{name}"], metavar="COLUMN", help=text) for name, text in HELP.items()),
    click.Option(
        ["--soft"],
        metavar="CLASS=COLUMN,...",
        help="Columns with soft labels, and with that the classes and their order.",
    ),
    click.Option(
        ["--counts"],
        is_flag=True,
        help="The soft label columns count votes: divide each row by its sum.",
    ),
    click.Option(
        ["--classes"],
        metavar="CLASS,...",
        help="The classes and their order (default: the labels there are, sorted).",
    ),
    click.Option(
        ["--no-consensus"],
        metavar="LABEL,...",
        help="Labels that stand for no consensus, such as x,other.",
    ),
    click.Option(
        ["--audio"],
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder that paths are relative to (default: the csv's).",
    ),
    click.Option(["--name"], help="The label scheme's name (default: the csv's name)."),
]
