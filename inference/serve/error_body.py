"""Every error has one body: `{"error": {"message", "type", "param", "code"}}`."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from medusa.inference.serve.schemas import ErrorBody, ErrorDetail

# A status -> its code.
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    421: "wrong_host",
    422: "unreadable_audio",
    429: "queue_full",
    500: "internal_error",
    503: "not_ready",
}
RESPONSES: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorBody, "description": CODES[status].replace("_", " ")}
    for status in (400, 413, 422, 429, 503)
}


def error_response(
    status: int,
    message: str,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the response of an error.

    Args:
        status: the status of HTTP.
        message: a sentence for people.
        param: the field of the request that is at fault.
        headers: further headers.
    """
    kind = "server_error" if status >= 500 else "invalid_request_error"
    detail = ErrorDetail(
        message=message,
        type="rate_limit_error" if status == 429 else kind,
        param=param,
        code=CODES.get(status, "error"),
    )
    return JSONResponse(ErrorBody(error=detail).model_dump(), status, dict(headers or {}))


def add_handlers(app: FastAPI) -> None:
    """Give every error of an application this body."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, problem: HTTPException) -> JSONResponse:
        return error_response(problem.status_code, str(problem.detail), None, problem.headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, problem: RequestValidationError) -> JSONResponse:
        first = problem.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:]) or None
        return error_response(400, f"{param or 'the request'}: {first['msg']}", param)
