"""/v1/uploads: originals sent by hand, streamed into the object store."""

from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from pipeline.access.bodies import body_chunks
from pipeline.access.credentials import TheLedger, TheStore
from pipeline.access.forms import OVERHEAD, FileForm
from pipeline.access.hand_over import HandedOver
from pipeline.access.rates import Sender
from pipeline.api.enhancement.examples import UPLOADED
from pipeline.dialects.enhancement import timestamp
from pipeline.ports import ObjectStore
from pipeline.services import uploads
from pipeline.services.accounts import Caller
from pipeline.services.line import Ledger

UPLOAD_TIME_S = 900.0
"""15 MB within this is 17 kB/s: slower than any line that is worth waiting for."""
AT_ONCE = 32
"""Uploads under way in one API process. Each holds a thread of its own: they never take those of other calls."""

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
                }
            }
        },
    }
}

router = APIRouter(prefix="/v1", tags=["enhancement"])


def install_upload_places(state: Any) -> None:
    """The application's state knows how many uploads are under way."""
    state.upload_places = uploads.Places()
    state.upload_threads = CapacityLimiter(AT_ONCE)


@router.post("/uploads", status_code=201, responses=UPLOADED, openapi_extra=_FORM)
async def create_upload(request: Request, caller: Sender, ledger: TheLedger, store: TheStore) -> JSONResponse:
    """Keep one file for a later batch. No rate window counts uploads; at most 8 of an account run at once."""
    state, limit = request.app.state, ledger.options.limits.max_bytes
    body = body_chunks(request, max_bytes=limit + OVERHEAD, max_s=UPLOAD_TIME_S, too_large=uploads.too_large(limit))
    with state.upload_places.taken(caller.account_id):
        form = FileForm(request.headers.get("content-type", ""), HandedOver(body))
        kept = await to_thread.run_sync(_receive, ledger, store, caller, form, limiter=state.upload_threads)
    answer = {
        "upload_id": str(kept.id),
        "name": kept.name,
        "bytes": kept.bytes,
        "sha256": kept.sha256,
        "expires_at": timestamp(kept.expires_at),
    }
    return JSONResponse(answer, 201)


def _receive(ledger: Ledger, store: ObjectStore, caller: Caller, form: FileForm) -> uploads.UploadView:
    form.open()
    return uploads.receive(ledger, store, caller.account_id, form.name, form)
