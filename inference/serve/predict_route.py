"""`POST /v1/predict`: an upload goes through the queue, and its prediction is the response."""

import asyncio
import math
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException

from medusa.console import say
from medusa.errors import AudioError, ConfigError
from medusa.inference.audio_input import AudioInput
from medusa.inference.result_table import result_table
from medusa.inference.serve.choices import checked
from medusa.inference.serve.error_body import RESPONSES
from medusa.inference.serve.request_queue import RequestQueue
from medusa.inference.serve.schemas import ClipForm, ClipPrediction, RatedAttributes
from medusa.inference.serve.upload import NAME, TOO_LONG, read_upload

DECODERS = 2  # uploads that are decoded at the same time
MOST_PIECES = 1_000  # windows of one clip


def predict_route(queue: RequestQueue, max_seconds: float) -> APIRouter:
    """Return the route that predicts clips.

    Args:
        queue: the queue of the model.
        max_seconds: the longest clip.
    """
    router = APIRouter()
    decoders = ThreadPoolExecutor(DECODERS, "decoders")
    known = queue.model.classes

    @router.post("/v1/predict", response_model=ClipPrediction, responses=RESPONSES)
    async def predict(
        request: Request, form: Annotated[ClipForm, Form(media_type="multipart/form-data")]
    ) -> ClipPrediction:
        """Predict the emotion of a clip."""
        name = request.state.request_id
        require_ready(queue)
        wanted, cut = checked(form, known)
        clip = await asyncio.get_running_loop().run_in_executor(
            decoders, _decoded, form, max_seconds
        )
        if cut.window_s and clip.end_s / cut.hop > MOST_PIECES:
            raise HTTPException(400, f"hop_s: expected at most {MOST_PIECES} hops in the clip")
        found = await _finished(queue, queue.submit(clip, cut), name)
        problems = [one.replace(clip.path, NAME) for one in found.problems]
        if problems and not found.rows:
            raise HTTPException(422, "; ".join(problems))
        frame = result_table(found.rows, known, wanted, form.threshold)
        rows = [_utterance(row, wanted or known) for row in frame.to_dict("records")]
        facts = {"id": name, "model": queue.model.card["name"], "seconds": clip.end_s}
        return ClipPrediction.model_validate({**facts, "utterances": rows, "problems": problems})

    return router


def require_ready(queue: RequestQueue) -> None:
    """Raise unless the model is in memory.

    Raises:
        HTTPException: 503, the backbones are still being read, or could not be read.
    """
    if not queue.warm.done():
        raise HTTPException(503, "the model is being loaded", {"retry-after": "5"})
    if queue.warm.exception() or queue.is_closed:
        raise HTTPException(503, "the model could not be loaded, or the server is stopping")


def _decoded(form: ClipForm, max_seconds: float) -> AudioInput:
    """Return the clip of a form, with a path of its own; two requests may have one id."""
    try:
        clip = read_upload(form.file.file, max_seconds)
    except AudioError as problem:
        raise HTTPException(413 if problem.kind == TOO_LONG else 422, str(problem)) from problem
    return replace(clip, path=f"clip-{uuid4().hex}", text=form.text, language=form.language)


async def _finished(queue: RequestQueue, result: "Future[Any]", name: str) -> Any:
    """Wait for the result of a clip.

    Raises:
        HTTPException: 503, the server stops; or 500, the prediction failed.
    """
    try:
        return await asyncio.wrap_future(result)
    except asyncio.CancelledError:
        if queue.is_closed:
            raise HTTPException(503, "the server is stopping") from None
        raise
    except ConfigError as problem:  # A library of the cutting is not installed.
        raise HTTPException(400, str(problem)) from problem
    except Exception as problem:
        say(f"{name}: {type(problem).__name__}: {problem}")
        raise HTTPException(500, f"the prediction failed; the log names request {name}") from None


def _utterance(row: dict[Any, Any], classes: "tuple[str, ...] | list[str]") -> dict[str, Any]:
    """Return a row of the table as the response has it."""
    rated = {name: row[name] for name in RatedAttributes.model_fields}
    return {
        **{name: row[name] for name in ("start", "end", "label", "confidence", "flags")},
        "posteriors": {name: row[f"p_{name}"] for name in classes},
        "attributes": None if any(map(math.isnan, rated.values())) else rated,
        "transcript": row["transcript"] if isinstance(row["transcript"], str) else None,
    }
