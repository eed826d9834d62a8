"""`medusa import-checkpoint`: a run of weights of the published code."""

from pathlib import Path

import click

from medusa.options import device_option, force_option, missing_option, text_option


@click.command("import-checkpoint")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--like",
    type=click.Choice(["medusa-published"]),
    required=True,
    help="The code that wrote the file.",
)
@click.option(
    "--backbones",
    help="The features of the modalities, comma-separated, in the order of `legs`; for their names "
    "see `medusa fit-head`.  [default: all]",
)
@click.option("--name", help="The name of the run.  [default: the name of the file]")
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="The utterances in a batch, on which the predictions depend.",
)
@text_option("The source of the texts of text features: `manifest` or a transcripts table.")
@device_option()
@missing_option("What to do with utterances that lack features.")
@force_option("Import again, replacing a run of this name.")
@click.pass_obj
def import_checkpoint(
    root: Path,
    file: Path,
    like: str,
    backbones: str | None,
    name: str | None,
    batch: int,
    text: str | None,
    device: str,
    missing: str,
    force: bool,
) -> None:
    """Make a run of FILE, a state dict of the published code of MEDUSA.

    FILE is read by torch.load(weights_only=True), or as safetensors. The run predicts all splits,
    and can be evaluated and stacked. The published code lets attention read the padding, so its
    predictions depend on the batches: they are made in the order of the table, split by split.
    """
    from medusa.heads.imported.import_checkpoint import import_checkpoint as make_run
    from medusa.heads.runs.run_dir import SUMMARY
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    run = make_run(
        Workspace.open(root),
        file,
        name=name,
        like=like,
        features=parts_of(backbones or ""),
        batch=batch,
        text=text,
        drop_missing=missing == "drop",
        device=device,
        force=force,
    )
    score = run.read_json(SUMMARY)["dev_macro_f1"]
    click.echo(
        f"{run.name}: dev macro-F1 {score:.3f} on balanced draws (chance {1 / 8:.3f}); "
        f"predicted in batches of {batch} in the order of the table"
    )
