"""Every request passes here: it gets an id, limits, headers, and one line in the log."""

import asyncio
import re
import time
import uuid
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from medusa.console import say
from medusa.inference.serve.error_body import error_response
from medusa.inference.serve.server_options import LOOPBACK, ServerOptions

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "x-request-id"
ID_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
SILENCE_S = 30.0  # A client that sends nothing for so long gives its turn to others.
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class RequestGuard:
    """The outermost layer of the application.

    Args:
        app: the application.
        options: the limits. If the server is local, a request must name this machine: a page whose
            name someone points at this machine could otherwise read the results.
    """

    def __init__(self, app: "ASGIApp", options: ServerOptions) -> None:
        self.app, self.options = app, options
        self.in_progress = 0

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, started = Headers(scope=scope), time.perf_counter()
        wanted = headers.get(REQUEST_ID, "")
        name = wanted if ID_FORM.fullmatch(wanted) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = name
        statuses: list[int] = []

        async def send_noted(message: "Message") -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                added = MutableHeaders(scope=message)
                for key, value in {REQUEST_ID: name, **HEADERS}.items():
                    added[key] = value
            await send(message)

        is_upload = scope["method"] == "POST"
        try:
            if problem := self._refusal(headers, is_upload):
                await problem(scope, receive, send_noted)
                return
            self.in_progress += is_upload
            try:
                limited = Body(receive, self.options.max_bytes).receive if is_upload else receive
                await self.app(scope, limited, send_noted)
            finally:
                self.in_progress -= is_upload
        finally:
            took = 1000 * (time.perf_counter() - started)
            path = ascii(scope["path"])[1:-1]
            say(f"{name} {scope['method']} {path} {statuses[0] if statuses else 500} {took:.0f} ms")

    def _refusal(self, headers: Headers, is_upload: bool) -> "ASGIApp | None":
        """Return the response to a request that is refused before its body is read."""
        named = re.sub(r":\d+$", "", headers.get("host", "")).strip("[]").lower()
        if self.options.is_local and named not in LOOPBACK:
            return error_response(421, "this server answers only to names of its own machine")
        if not is_upload:
            return None
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.options.max_bytes:
            return error_response(413, too_large(self.options.max_bytes))
        if self.in_progress >= self.options.max_waiting:
            message = f"{self.in_progress} predictions are in progress; send the clip again later"
            return error_response(429, message, headers={"retry-after": "1"})
        return None


class Body:
    """The body of a request, which must not be longer than the limit or stop for too long."""

    def __init__(self, receive: "Receive", max_bytes: int) -> None:
        self.wait, self.max_bytes = receive, max_bytes
        self.seen, self.is_whole = 0, False

    async def receive(self) -> "Message":
        """Receive the next part of the body.

        Raises:
            HTTPException: the body is too long, or nothing came for `SILENCE_S`.
        """
        if self.is_whole:  # The wait for the end of the connection has no limit.
            return await self.wait()
        try:
            message = await asyncio.wait_for(self.wait(), SILENCE_S)
        except TimeoutError:
            raise HTTPException(408, f"no byte came for {SILENCE_S:g} s") from None
        self.seen += len(message.get("body", b""))
        self.is_whole = not message.get("more_body", False)
        if self.seen > self.max_bytes:
            raise HTTPException(413, too_large(self.max_bytes))
        return message


def too_large(max_bytes: int) -> str:
    """Return the message about a body that is too long."""
    return f"expected at most {max_bytes} bytes; send a shorter or a compressed clip"
