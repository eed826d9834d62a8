"""A trained model is served over HTTP until the process is stopped."""

from medusa.console import say
from medusa.errors import ConfigError
from medusa.inference.model import Model
from medusa.inference.serve.server_options import ServerOptions

GRACE_S = 10  # so long may requests in progress take when the server stops


def serve(model: Model, options: ServerOptions | None = None) -> None:
    """Serve a model over HTTP until the process is stopped.

    Args:
        model: the model of `load`.
        options: the address and the limits.

    Raises:
        ConfigError: FastAPI or uvicorn is not installed, or the address cannot be used.
        MedusaError: a backbone cannot be loaded.
    """
    try:
        import uvicorn

        from medusa.inference.serve.app import build_app
    except ImportError as problem:
        raise ConfigError(
            f"serve: {problem.name} is not installed; run `pip install 'medusa-ser[serve]'`"
        ) from problem
    options = options or ServerOptions()
    app = build_app(model, options)
    config = uvicorn.Config(
        app,
        host=options.address,
        port=options.port,
        access_log=False,  # `RequestGuard` writes one line for each request.
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    try:
        bound = config.bind_socket()
    except SystemExit as problem:
        raise ConfigError(
            f"{options.address}:{options.port}: expected a free port of this machine; choose "
            "another one with --port"
        ) from problem
    if not options.is_local:
        say("every machine that reaches this address may use the server: it asks for no password")
    say(f"http://{options.address}:{bound.getsockname()[1]}  (Ctrl-C stops the server)")
    warm = app.state.queue.warm
    warm.add_done_callback(lambda done: setattr(server, "should_exit", bool(done.exception())))
    server.run(sockets=[bound])
    if warm.done():
        warm.result()
