"""`medusa stress`: predict degraded recordings with a run."""

from pathlib import Path

import click

from medusa.options import device_option, format_option, json_option, seed_option, set_option


@click.command()
@click.argument("run")
@click.option("--split", default="test", show_default=True, help="The split to predict.")
@click.option(
    "--only",
    multiple=True,
    metavar="CONDITION",
    help="Only this condition, such as telephone. May be repeated.  [default: all]",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the features in this folder, so that a second run continues.",
)
@device_option()
@seed_option("The seed of noise and echoes.")
@set_option("BACKBONE=PATH, the present place of a backbone's weights.")
@format_option("The format of the table.")
@json_option()
@click.pass_obj
def stress(
    root: Path,
    run: str,
    split: str,
    only: tuple[str, ...],
    keep: Path | None,
    device: str,
    seed: int,
    overrides: tuple[str, ...],
    form: str,
    as_json: bool,
) -> None:
    """Degrade the recordings of a split, predict them, and compare with the unchanged ones.

    The conditions are noise at 20, 10 and 5 dB, a low level, clipping, a telephone band, MP3,
    reverberation, and silence before the recording. All features are made anew from the changed
    sound. Every condition is compared in pairs, with p values corrected for their number.
    """
    import json

    from medusa.inference.load import weights_and_settings
    from medusa.inference.stress.degradations import DEGRADATIONS
    from medusa.inference.stress.print_stress import table_of
    from medusa.inference.stress.stress_run import stress as stress_run
    from medusa.reports.tables.result_table import FORMATS
    from medusa.workspace import Workspace

    found = stress_run(
        Workspace.open(root),
        run,
        split=split,
        conditions=only or tuple(DEGRADATIONS),
        keep=keep,
        device=device,
        checkpoints=weights_and_settings(overrides)[0],
        seed=seed,
    )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        click.echo(FORMATS[form](table_of(found)))
