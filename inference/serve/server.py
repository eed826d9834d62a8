"""A trained model is served over HTTP until the process is stopped."""

import socket
from contextlib import suppress

from medusa.console import say
from medusa.errors import ConfigError
from medusa.inference.model import Model
from medusa.inference.serve.server_options import ServerOptions

GRACE_S = 10  # so long may requests in progress take when the server stops


def require_libraries() -> None:
    """Raise if a library of the server is missing; a model takes long to load.

    Raises:
        ConfigError: FastAPI, uvicorn or python-multipart is not installed.
    """
    try:
        import uvicorn  # noqa: F401

        import medusa.inference.serve.app  # noqa: F401
    except ImportError as problem:
        raise ConfigError(
            f"serve: {problem.name} is not installed; run `pip install 'medusa-ser[serve]'`"
        ) from problem


def serve(model: Model, options: ServerOptions | None = None) -> None:
    """Serve a model over HTTP until the process is stopped.

    Args:
        model: the model of `load`.
        options: the address and the limits.

    Raises:
        ConfigError: FastAPI or uvicorn is not installed, or the address cannot be used.
        MedusaError: a backbone cannot be loaded.
    """
    require_libraries()
    import uvicorn

    from medusa.inference.serve.app import build_app

    options = options or ServerOptions()
    app = build_app(model, options)
    config = uvicorn.Config(
        app,
        access_log=False,  # `RequestGuard` writes one line for each request.
        log_level="warning",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    family = socket.AF_INET6 if ":" in options.address else socket.AF_INET
    try:
        bound = socket.create_server((options.address, options.port), family=family)
    except OSError as problem:
        raise ConfigError(
            f"{options.address}:{options.port}: {problem.strerror}; expected a free port of this "
            "machine; choose another one with --port"
        ) from problem
    if not options.is_local:
        say("every machine that reaches this address may use the server: it asks for no password")
    shown = f"[{options.address}]" if ":" in options.address else options.address
    say(f"http://{shown}:{bound.getsockname()[1]}  (Ctrl-C stops the server)")
    warm = app.state.queue.warm
    warm.add_done_callback(lambda done: setattr(server, "should_exit", bool(done.exception())))
    with suppress(KeyboardInterrupt):  # Ctrl-C is the usual end.
        server.run(sockets=[bound])
    if warm.done():
        warm.result()
