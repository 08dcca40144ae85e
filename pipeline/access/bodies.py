"""Bodies of requests: read up to a limit and a time, parsed as JSON, and answered in sentences where they are wrong."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from pipeline.access.sentences import wrong_fields
from pipeline.errors import InvalidRequest, RequestTimedOut, RequestTooLarge

JSON_BYTES = 8 * 1024 * 1024
"""800 files with a URL of 4096 characters and a reference of 1024 are 4.2 MB."""
JSON_TIME_S = 30.0
IDLE_S = 20.0
"""A sender that is silent for so long has gone."""
JSON_DEPTH = 200
"""The parser's own limit (jiter); our deepest object has four levels."""
JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json", re.IGNORECASE)

Model = TypeVar("Model", bound=BaseModel)


async def body_chunks(
    request: Request, *, max_bytes: int, max_s: float, too_large: RequestTooLarge
) -> AsyncIterator[bytes]:
    """The body as it comes; raises `too_large` before reading further, `RequestTimedOut` when it does not come."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise too_large
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidRequest({"content-encoding": ["Send the body without a Content-Encoding."]})
    deadline, received, more = time.monotonic() + max_s, 0, True
    while more:
        left_s = deadline - time.monotonic()
        try:
            message = await asyncio.wait_for(request.receive(), max(0.001, min(IDLE_S, left_s)))
        except TimeoutError as error:
            raise RequestTimedOut() from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect()
        chunk, more = message.get("body", b""), message.get("more_body", False)
        received += len(chunk)
        if received > max_bytes:
            raise too_large
        if chunk:
            yield chunk


def json_body(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency: the body as this model; raises `InvalidRequest` with a sentence for each wrong field.

    No body at all stands for {} where the model requires no field.
    """

    async def read(request: Request) -> Model:
        if _needs_nothing(model) and _is_without_body(request):
            return model()
        content_type = request.headers.get("content-type", "").partition(";")[0].strip()
        if not JSON_TYPE.fullmatch(content_type):
            raise InvalidRequest({"content-type": ["The request must carry Content-Type: application/json."]})
        too_large = RequestTooLarge(f"The request body is larger than {JSON_BYTES} bytes.")
        chunks = body_chunks(request, max_bytes=JSON_BYTES, max_s=JSON_TIME_S, too_large=too_large)
        data = b"".join([chunk async for chunk in chunks])
        if not data and _needs_nothing(model):
            return model()
        options = request.app.state.ledger.options
        return await run_in_threadpool(parsed, model, data, {"max_items": options.max_items})

    return read


def described_body(model: type[BaseModel], examples: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What /openapi.json says of a body that `json_body` reads."""
    content = {"schema": model.model_json_schema(ref_template="#/components/schemas/{model}")}
    if examples is not None:
        content["examples"] = dict(examples)
    return {"requestBody": {"required": not _needs_nothing(model), "content": {"application/json": content}}}


def parsed(model: type[Model], data: bytes, context: dict[str, Any]) -> Model:
    """The model that this JSON text holds."""
    value = _json(data)
    try:
        return model.model_validate(value, context=context)
    except ValidationError as error:
        raise InvalidRequest(wrong_fields(error, value)) from error


def _needs_nothing(model: type[BaseModel]) -> bool:
    return not any(field.is_required() for field in model.model_fields.values())


def _is_without_body(request: Request) -> bool:
    """As the headers have it (RFC 9112, 6.3): whoever sends nothing need not say of what type it is."""
    return "transfer-encoding" not in request.headers and request.headers.get("content-length", "0") == "0"


def _json(data: bytes) -> Any:
    """Parsed twice: once for its form, its depth and its Unicode, once for names that an object gives twice."""
    try:
        from_json(data, allow_inf_nan=False)
        return json.loads(data, object_pairs_hook=_unique)
    except ValueError as error:
        words = str(error)
        if "recursion limit" in words:
            words = f"it is nested deeper than {JSON_DEPTH} levels"
        raise InvalidRequest({"body": [f"The body is not valid JSON: {words}."]}) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object gives the same name twice")
    return found
