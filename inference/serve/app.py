"""The application: its routes, its page and its layers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse

from medusa.inference.model import Model
from medusa.inference.serve.error_body import RESPONSES, add_handlers
from medusa.inference.serve.guard import REQUEST_ID, RequestGuard
from medusa.inference.serve.page import page_and_policy
from medusa.inference.serve.predict_route import predict_route, require_ready
from medusa.inference.serve.request_queue import RequestQueue
from medusa.inference.serve.schemas import Health, ModelFacts
from medusa.inference.serve.server_options import ServerOptions


def build_app(model: Model, options: ServerOptions | None = None) -> FastAPI:
    """Return the application that serves a model.

    Args:
        model: the model.
        options: the limits.
    """
    options = options or ServerOptions()
    queue = RequestQueue(model, options.batch)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        queue.start()
        yield
        queue.close()

    # The pages of FastAPI's own documentation load scripts from elsewhere.
    app = FastAPI(
        title="medusa",
        version="1",
        summary="Speech emotion recognition",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.queue = queue
    app.include_router(predict_route(queue, options.max_seconds))
    _add_facts(app, queue, facts_of_model(model, options))
    add_handlers(app)
    app.add_middleware(RequestGuard, options=options)
    if options.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.origins,
            allow_methods=["GET", "POST"],
            allow_headers=[REQUEST_ID],
            expose_headers=[REQUEST_ID],
        )
    return app


def _add_facts(app: FastAPI, queue: RequestQueue, facts: ModelFacts) -> None:
    """Add the page, the facts about the model, and the state of the server."""
    page, policy = page_and_policy()

    @app.get("/", include_in_schema=False)
    async def show_page() -> HTMLResponse:
        return HTMLResponse(page, headers={"content-security-policy": policy})

    @app.get("/v1/model")
    async def model() -> ModelFacts:
        """Return facts about the model, and the limits of a request."""
        return facts

    @app.get("/healthz")
    async def health() -> Health:
        """Return whether the server runs."""
        return Health(status="ok")

    @app.get("/readyz", responses={503: RESPONSES[503]})
    async def readiness() -> Health:
        """Return whether the model is in memory; the status is 503 until then."""
        require_ready(queue)
        return Health(status="ready")


def facts_of_model(model: Model, options: ServerOptions) -> ModelFacts:
    """Return the facts that the server tells about a model."""
    card: dict[str, Any] = model.card
    return ModelFacts(
        **{name: card[name] for name in ("name", "kind", "digest", "classes", "members")},
        attributes=card["attributes"],
        text=model.parts.text is not None and model.parts.text.is_given,
        backbones=[one["name"] for one in card["backbones"]],
        max_bytes=options.max_bytes,
        max_seconds=options.max_seconds,
    )
