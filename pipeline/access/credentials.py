"""Who calls: the bearer token of a request becomes a `Caller`."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from pipeline.errors import Unauthenticated
from pipeline.ports import ObjectStore
from pipeline.services.accounts import Caller, authenticate
from pipeline.services.line import Ledger

MAX_TOKEN = 512
"""Ours have 46 characters; nothing longer is worth a look into the database."""

bearer = HTTPBearer(auto_error=False, description="A token made by `darkroom tokens create ACCOUNT`.")


def ledger_of(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def store_of(request: Request) -> ObjectStore:
    store: ObjectStore = request.app.state.store
    return store


TheLedger = Annotated[Ledger, Depends(ledger_of)]
TheStore = Annotated[ObjectStore, Depends(store_of)]


def caller_of(
    ledger: TheLedger, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
) -> Caller:
    """The account behind the token; raises `Unauthenticated` without a valid one."""
    if credentials is None or not 0 < len(credentials.credentials) <= MAX_TOKEN:
        raise Unauthenticated()
    return authenticate(ledger, credentials.credentials)


KnownCaller = Annotated[Caller, Depends(caller_of)]
