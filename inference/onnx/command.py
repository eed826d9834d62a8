"""`medusa export-onnx`: heads and stackers for programs without PyTorch."""

from pathlib import Path

import click

from medusa.options import output_option


@click.command("export-onnx")
@click.argument("model")
@output_option("The ONNX file to write.", metavar="FILE", required=True, dir_okay=False)
@click.pass_obj
def export_onnx(root: Path, model: str, output: Path) -> None:
    """Write MODEL, a run or a stack, as one ONNX file from features to posteriors.

    The file is compared with PyTorch, and nothing is written if they differ by more than 1e-4. The
    classes and the specification of each feature are in its metadata.
    """
    from medusa.inference.load import load
    from medusa.inference.onnx.export import export_onnx as export

    found = export(load(model, workspace=root, device="cpu"), output)
    click.echo(
        f"{found.path}: reads features of {', '.join(found.inputs)}; "
        f"differs from PyTorch by at most {found.difference:.1g}"
    )
