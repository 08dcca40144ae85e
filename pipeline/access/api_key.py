"""Who calls with an API key: in a header of its own, whose name the operator may choose, or as a bearer token."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials
from starlette.requests import HTTPConnection

from pipeline.access.credentials import MAX_TOKEN, TheLedger, bearer, caller_of
from pipeline.access.rates import counted
from pipeline.errors import Unauthenticated
from pipeline.services.accounts import Caller, authenticate

DEFAULT_HEADER = "X-API-Key"
SCHEME = "apiKeyAuth"
"""The name that the contract gives to the security scheme."""


class _KeyHeader(APIKeyHeader):
    """Described under its usual name and read under the one that the application's state has."""

    async def __call__(self, request: HTTPConnection) -> str | None:
        return request.headers.get(key_header_of(request))


_key = _KeyHeader(
    name=DEFAULT_HEADER,
    scheme_name=SCHEME,
    auto_error=False,
    description="A token made by `darkroom tokens create ACCOUNT`; `Authorization: Bearer` takes it as well.",
)


def key_header_of(request: HTTPConnection) -> str:
    """The header in which this application expects an API key."""
    name: str = request.app.state.api_key_header
    return name


def key_caller(
    ledger: TheLedger,
    key: Annotated[str | None, Security(_key)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Caller:
    """The account behind the key, or else behind the bearer token; raises `Unauthenticated` without a valid one."""
    if key is None:
        return caller_of(ledger, credentials)
    if not 0 < len(key) <= MAX_TOKEN:
        raise Unauthenticated()
    return authenticate(ledger, key)


KeyCaller = Annotated[Caller, Depends(key_caller)]


def counted_key_read(request: Request, ledger: TheLedger, caller: KeyCaller) -> Caller:
    """The caller, with one more call in the window for reads; raises `RateLimited`."""
    return counted(request, ledger, caller, "reads")


def counted_key_create(request: Request, ledger: TheLedger, caller: KeyCaller) -> Caller:
    """The caller, with one more call in the window for new jobs, before the body is looked at; see `RateLimited`."""
    return counted(request, ledger, caller, "creates")


KeyReader = Annotated[Caller, Depends(counted_key_read)]
KeyCreator = Annotated[Caller, Depends(counted_key_create)]
