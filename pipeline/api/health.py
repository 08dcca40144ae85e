"""Whether the process lives, and whether it can take work."""

import logging
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from pipeline.access.credentials import TheLedger, TheStore
from pipeline.errors import ObjectMissing, PipelineError
from pipeline.ports import ObjectStore
from pipeline.services.alerts import Alert, list_alerts
from pipeline.services.line import Ledger
from pipeline.version import VERSION

log = logging.getLogger(__name__)

ANSWER_S = 4.0
"""Whoever asks waits 5 s (`pipeline/instance/readiness.py`)."""
LOOKS_AT_ONCE = 4
"""A store that hangs holds so many threads and no more, however often it is asked after."""

router = APIRouter(tags=["operation"])


def install_health(state: Any) -> None:
    state.health_threads = CapacityLimiter(LOOKS_AT_ONCE)


@router.get("/")
def index() -> dict[str, str]:
    """Where to begin."""
    return {"name": "Darkroom", "version": VERSION, "description": "/openapi.json", "ready": "/readyz"}


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives and answers."""
    return {"status": "ok", "version": VERSION}


@router.get("/readyz", responses={503: {"description": "The database or the object store does not answer."}})
async def readyz(request: Request, ledger: TheLedger, store: TheStore) -> JSONResponse:
    """The database and the object store answer; what an operator must know of is listed."""
    alerts: list[Alert] | None = None
    parts = {"database": "unavailable", "store": "unavailable"}
    limiter = request.app.state.health_threads
    with anyio.move_on_after(ANSWER_S):
        alerts = await to_thread.run_sync(_alerts, ledger, limiter=limiter, abandon_on_cancel=True)
        if alerts is not None:
            parts["database"] = "ok"
        if await to_thread.run_sync(_answers, store, limiter=limiter, abandon_on_cancel=True):
            parts["store"] = "ok"
    is_ready = set(parts.values()) == {"ok"}
    body = {
        "status": "ok" if is_ready else "unavailable",
        **parts,
        "alerts": [
            {"kind": alert.kind, "message": alert.message, "since": alert.since.isoformat()} for alert in alerts or ()
        ],
    }
    return JSONResponse(body, 200 if is_ready else 503, {} if is_ready else {"retry-after": "5"})


def _alerts(ledger: Ledger) -> list[Alert] | None:
    try:
        return list_alerts(ledger)
    except PipelineError as error:
        log.warning("Not ready: %s", error)
        return None


def _answers(store: ObjectStore) -> bool:
    """An object that is not there is an answer."""
    try:
        store.head("work/readyz")
    except ObjectMissing:
        return True
    except PipelineError as error:
        log.warning("Not ready: %s", error)
        return False
    return True
