"""What every request passes on its way in and out: its id, the size of its headers, its rates, and a last resort."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.access.rates import rate_headers

log = logging.getLogger(__name__)

MAX_HEADERS = 32 * 1024
"""Bytes of all headers and the path: four times what nginx takes for one header, room for a long token."""
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_S = 5.0
"""A sender that was refused in the middle of its body is listened to for so long, so that it can read the answer:
closing at once would make its system throw the answer away (RFC 9112, 9.6)."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

Render = Callable[[Request, int, str], Response]
"""Makes the body of an error that no route has made: (request, status, sentence)."""


class Door:
    """ASGI middleware. Nothing of an exception leaves the process: the log has it, under the request's id."""

    def __init__(self, app: ASGIApp, render: Render) -> None:
        self._app = app
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = _request_id(scope)
        visit = _Visit(scope, receive, send)
        try:
            if _header_bytes(scope) > MAX_HEADERS:
                words = f"The request's headers are larger than {MAX_HEADERS} bytes."
                await self._answer(scope, visit, 431, words)
            else:
                await self._app(scope, visit.receive, visit.send)
        except Exception:  # the process edge: whatever it is, it is our bug
            log.exception("Request %s %s failed.", scope["state"]["request_id"], scope["path"])
            if not visit.answered:
                await self._answer(scope, visit, 500, "Server Error")

    async def _answer(self, scope: Scope, visit: "_Visit", status: int, words: str) -> None:
        response = self._render(Request(scope), status, words)
        await response(scope, visit.receive, visit.send)


class _Visit:
    """One request and its answer: knows whether the body has come to its end when the answer goes out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.answered = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_pending = _has_body(scope)
        self._body_held_back = "expect" in Headers(scope=scope)

    async def receive(self) -> Message:
        self._body_held_back = False
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._body_pending = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answered = True
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._scope["state"]["request_id"]
            headers.setdefault("cache-control", "no-store")
            headers.setdefault("x-content-type-options", "nosniff")
            rate_headers(self._scope, headers)
            if self._body_pending:
                headers["connection"] = "close"
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last and self._body_pending:
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _drain(self) -> None:
        """The rest of the body is read and thrown away, within bounds; none comes from a sender who still waits."""
        if self._body_held_back:
            return
        deadline, drained = time.monotonic() + DRAIN_S, 0
        with suppress(TimeoutError):
            while self._body_pending and drained < DRAIN_BYTES and (left_s := deadline - time.monotonic()) > 0:
                message = await asyncio.wait_for(self.receive(), left_s)
                drained += len(message.get("body", b""))


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _header_bytes(scope: Scope) -> int:
    sizes = sum(len(name) + len(value) for name, value in scope["headers"])
    return sizes + len(scope.get("raw_path", b"")) + len(scope["query_string"])


def _request_id(scope: Scope) -> str:
    """The id that a proxy gave the request, if it is harmless, or a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex
