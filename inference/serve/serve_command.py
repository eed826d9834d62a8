"""The command `medusa serve`."""

from pathlib import Path

import click

from medusa.options import device_option, set_option, settings_of


@click.command()
@click.argument("model")
@click.option(
    "--host",
    "address",
    default="127.0.0.1",
    show_default=True,
    help="The address to bind to. 0.0.0.0 lets every machine in, without a password.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="The port; 0 chooses a free one.",
)
@device_option()
@set_option(
    "max_bytes=N, max_seconds=S, max_waiting=N, batch=N, cors=ORIGIN,ORIGIN; BACKBONE=PATH, the "
    "present place of a backbone's weights; transcriber=NAME_OR_PATH; docs/serve.md explains each."
)
@click.pass_obj
def serve(
    root: Path, model: str, address: str, port: int, device: str, overrides: tuple[str, ...]
) -> None:
    """Serve a finished head or stack: one page, and a JSON API (medusa-ser[serve]).

    MODEL is the name or the folder of a run, or the folder of a bundle. The page takes a clip from
    a file or from the microphone. The API is described by /openapi.json. No clip is kept, and none
    is logged.
    """
    from medusa.inference.load import load, weights_and_settings
    from medusa.inference.serve.server import require_libraries
    from medusa.inference.serve.server import serve as serve_model
    from medusa.inference.serve.server_options import ServerLimits, ServerOptions

    require_libraries()
    weights, settings = weights_and_settings(overrides, ("max_", "batch=", "cors="))
    limits = settings_of(ServerLimits, settings)
    options = ServerOptions(address=address, port=port, **limits)
    serve_model(load(model, workspace=root, device=device, checkpoints=weights), options)
