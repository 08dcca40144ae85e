"""How often a caller may call, and the headers that say so on every answer."""

import math
import time
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import MutableHeaders
from starlette.types import Scope

from pipeline.access.credentials import KnownCaller, TheLedger, caller_of, ledger_of
from pipeline.errors import PlanLimitReached, RateLimited, TooManyUploads, TransientError, Unauthenticated
from pipeline.services.accounts import Caller
from pipeline.services.limits import RateState, Window, count, limit_of, show
from pipeline.services.line import Ledger

STATE = "rate"
"""Where a request's state keeps its `RateState`."""
COUNTED_PATHS = ("/v1/", "/manage/v1/")
"""The interfaces with rates: every answer there says how often its caller may call."""
NO_ROOM = RateState(0, 0, 0)
"""What an answer says that went to nobody known."""


def counted_read(request: Request, ledger: TheLedger, caller: KnownCaller) -> Caller:
    """The caller, with one more call in the window for reads; raises `RateLimited`."""
    return counted(request, ledger, caller, "reads")


def counted_create(request: Request, ledger: TheLedger, caller: KnownCaller) -> Caller:
    """The caller, with one more call in the window for new batches; raises `RateLimited`.

    Counted before the body is looked at: a request that turns out to be invalid has been an attempt.
    """
    return counted(request, ledger, caller, "creates")


def uncounted(request: Request, ledger: TheLedger, caller: KnownCaller) -> Caller:
    """The caller of a call that no window counts; the answer shows the window for reads as it is."""
    request.scope["state"][STATE] = show(ledger, caller, "reads")
    return caller


def counted(request: Request, ledger: Ledger, caller: Caller, window: Window) -> Caller:
    """One more call of this caller is counted in the window, and the answer will say so; raises `RateLimited`."""
    state = request.scope["state"]
    try:
        state[STATE] = count(ledger, caller, window)
    except RateLimited as error:
        state[STATE] = RateState(limit_of(caller, window) or 0, 0, error.retry_after_s)
        raise
    return caller


Reader = Annotated[Caller, Depends(counted_read)]
Creator = Annotated[Caller, Depends(counted_create)]
Sender = Annotated[Caller, Depends(uncounted)]


def show_rate(request: Request) -> None:
    """The answer shows the window for reads as it is, if the token is valid: for calls that reach no route."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if request.url.path.startswith(COUNTED_PATHS) and scheme.lower() == "bearer":
        ledger, given = ledger_of(request), HTTPAuthorizationCredentials(scheme=scheme, credentials=token)
        with suppress(Unauthenticated, TransientError):
            request.scope["state"][STATE] = show(ledger, caller_of(ledger, given), "reads")


def rate_headers(scope: Scope, headers: MutableHeaders) -> None:
    """`x-ratelimit-*` stand among the headers of every answer of an interface with rates.

    Nobody known has no calls at all; neither has a caller who was answered before anybody looked who it is. On other
    paths they stand wherever a call was counted.

    Reset is Unix time in whole seconds, rounded up: at that time there is room for a call again. `Retry-After` never
    ends before it.
    """
    if not scope["path"].startswith(COUNTED_PATHS) and STATE not in scope["state"]:
        return
    rate: RateState = scope["state"].get(STATE, NO_ROOM)
    headers["x-ratelimit-limit"] = str(rate.limit)
    headers["x-ratelimit-remaining"] = str(rate.remaining)
    headers["x-ratelimit-reset"] = str(math.ceil(time.time()) + rate.reset_s)


def retry_after_s(error: RateLimited) -> int:
    """Seconds for `Retry-After`: one more than the window needs, so that it reaches `x-ratelimit-reset`."""
    return error.retry_after_s + (0 if isinstance(error, PlanLimitReached | TooManyUploads) else 1)
