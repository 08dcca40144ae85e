"""Errors on the wire: in the manner of Laravel under /v1, as RFC 9457 problems under /manage, nothing internal."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pipeline.access.rates import retry_after_s, show_rate
from pipeline.access.sentences import sentences, summary
from pipeline.errors import (
    CapabilityUnavailable,
    InvalidRequest,
    NotFound,
    PipelineError,
    RateLimited,
    RequestError,
    TransientError,
    Unauthenticated,
)

log = logging.getLogger(__name__)

RETRY_S = 5
"""What a 503 suggests where nobody knows better."""
SERVER_ERROR = "Server Error"
UNAVAILABLE = "The service is not available for the moment: try again."
_CODES = {404: "not_found", 405: "method_not_allowed", 431: "headers_too_large"}
_TITLES = {405: "This method is not possible here.", 404: "There is no such page."}


def install_error_handlers(app: FastAPI) -> None:
    """Every error of ours, of the router and of the validation has its status and its public words."""
    app.add_exception_handler(PipelineError, _pipeline_error)
    app.add_exception_handler(HTTPException, _router_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(ClientDisconnect, _gone)


def error_response(
    request: Request,
    status: int,
    message: str,
    *,
    code: str | None = None,
    fields: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error's body, in the form of the interface that was called."""
    code = code or _CODES.get(status, "internal_error")
    if request.app.state.analysis.owns(request.url.path):
        return JSONResponse(_enveloped(code, message, fields), status, dict(headers or {}))
    if not request.url.path.startswith("/manage/"):
        body: dict[str, Any] = {"message": message}
        if fields is not None:
            body["errors"] = fields
        return JSONResponse(body, status, dict(headers or {}))
    problem = {
        "type": f"urn:darkroom:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": message,
        "request_id": request.scope["state"]["request_id"],
    }
    if fields is not None:
        problem["errors"] = fields
    return JSONResponse(problem, status, dict(headers or {}), media_type="application/problem+json")


def _enveloped(code: str, message: str, fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """The form of the analysis interface: a code for programs, a sentence for people."""
    error: dict[str, Any] = {"code": code, "message": message}
    if fields is not None:
        error["fields"] = dict(fields)
    return {"error": error}


def plain_error(request: Request, status: int, message: str) -> Response:
    """What the door makes of an error that no handler has seen."""
    return error_response(request, status, message)


async def _pipeline_error(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestError):
        return _request_error(request, error)
    if isinstance(error, TransientError):
        request_id = request.scope["state"]["request_id"]
        log.warning("Request %s cannot be served now: %s (%s)", request_id, error, error.__cause__)
        wait_s = max(1, math.ceil(error.retry_after_s or RETRY_S))
        return error_response(request, 503, UNAVAILABLE, code=error.code, headers={"retry-after": str(wait_s)})
    if isinstance(error, CapabilityUnavailable):
        log.warning("Request %s needs a model: %s", request.scope["state"]["request_id"], error.__cause__ or error)
        return error_response(request, 503, error.message, code=error.code)
    raise error  # ours or the operator's fault: the door logs it and says no more than that


def _request_error(request: Request, error: RequestError) -> Response:
    headers: dict[str, str] = {}
    fields: dict[str, list[str]] | None = None
    message = error.message
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="darkroom"'
    elif isinstance(error, RateLimited):
        headers["retry-after"] = str(retry_after_s(error))
    elif isinstance(error, InvalidRequest):
        fields = error.fields
        message = summary(fields)
    return error_response(request, error.status, message, code=error.code, fields=fields, headers=headers)


async def _router_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (what this handler is registered for)
    await run_in_threadpool(show_rate, request)
    words = _TITLES.get(error.status_code, str(error.detail))
    return error_response(request, error.status_code, words, headers=error.headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    """Wrong parameters; a path that cannot name anything is a thing that does not exist."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  (what this handler is registered for)
    problems = error.errors()
    if any(problem["loc"][0] == "path" for problem in problems):
        return _request_error(request, NotFound())
    return _request_error(request, InvalidRequest(sentences([{**one, "loc": one["loc"][1:]} for one in problems])))


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody is left to read an answer."""
    return Response(status_code=400)
