"""What /openapi.json says of each call: the contract's own samples, and ours where the contract is open."""

from typing import Any

from pipeline.access.bodies import described_body
from pipeline.dialects import enhancement_schema as schema
from pipeline.dialects.enhancement import BatchRequest

Responses = dict[int | str, dict[str, Any]]

BATCH_ID = "9a077f0c-f7ab-4828-b496-4f65aa94f6a4"
_TIME = "2023-06-15T07:37:50.000000Z"
_CREATED = {"id": BATCH_ID, "workflow": "food", "status": "PENDING"}
_COUNTS = {
    "total": 2, "pending": 0, "processing": 0, "approved": 0, "enhanced": 2, "rejected": 0, "failed": 0, "cancelled": 0
}  # fmt: skip
_SUMMARY = {
    **_CREATED, "status": "COMPLETED", "project": "PRJ-EXA", "percentage": 100, "progress": 100, "counts": _COUNTS,
    "stages": {}, "eta_seconds": None, "created_at": _TIME, "started_at": _TIME, "finished_at": _TIME,
    "created_by": "someone@example.com", "generation": 1, "reports": None,
}  # fmt: skip

_URL = "https://darkroom.example.com/v1/batches"
_PAGE = {
    "data": [_SUMMARY],
    "links": {"first": f"{_URL}?page=1&per_page=20", "last": f"{_URL}?page=1&per_page=20", "prev": None, "next": None},
    "meta": {
        "current_page": 1, "from": 1, "to": 1, "last_page": 1, "per_page": 20, "total": 1, "path": _URL
    },
}  # fmt: skip
WEBHOOK = {
    "event": "batch.completed",
    "id": BATCH_ID,
    "status": "COMPLETED",
    "project": "PRJ-EXA",
    "workflow": "food",
    "percentage": 100,
    "created_at": _TIME,
    "created_by": "someone@example.com",
}
"""The payload of the webhook: the contract's sample."""


def _error(sentence: str, message: str, **more: Any) -> dict[str, Any]:
    body = {"message": message, **more}
    return {"model": schema.ErrorAnswer, "description": sentence, "content": {"application/json": {"example": body}}}


def _answer(sentence: str, model: Any, example: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {"model": model, "description": sentence}
    return found if example is None else {**found, "content": {"application/json": {"example": example}}}


RATE_LIMITED = _error("Too many calls; `Retry-After` says when to try again.", "Too Many Attempts.")
_COMMON: Responses = {
    401: _error("No valid token.", "Unauthenticated."),
    429: RATE_LIMITED,
    "4XX": _error("Any other mistake of the request.", "The request cannot be carried out."),
    503: _error("Not available for the moment; `Retry-After` says when to try again.", "The service is not available."),
}
_MISSING: Responses = {404: _error("Unknown, or another account's.", "There is no such batch.")}
_INVALID: Responses = {
    422: _error(
        "The request is wrong, field by field; also without `Content-Type: application/json`.",
        "The workflow field is required.",
        errors={"workflow": ["The workflow field is required."]},
    )
}
_TOO_LARGE: Responses = {413: _error("Larger than the limit.", "The request body is larger than 8388608 bytes.")}

CREATED: Responses = {201: _answer("Accepted.", schema.BatchCreated, _CREATED), **_COMMON, **_INVALID, **_TOO_LARGE}
BATCH: Responses = {200: _answer("The batch and its files.", schema.Batch), **_COMMON, **_MISSING}
CANCELLED: Responses = {**BATCH, 409: _error("It has ended.", "The batch has ended already and cannot be cancelled.")}
BATCH_LIST: Responses = {200: _answer("One page of batches.", schema.BatchPage, _PAGE), **_COMMON, **_INVALID}
WORKFLOWS: Responses = {200: _answer("Every workflow.", schema.WorkflowList), **_COMMON}
WORKFLOW: Responses = {200: _answer("The workflow.", schema.WorkflowAnswer), **_COMMON, **_MISSING}
UPLOADED: Responses = {
    201: _answer(
        "The file is kept until a batch names it, or until it expires.",
        schema.UploadAnswer,
        {
            "upload_id": BATCH_ID,
            "name": "pizza.jpg",
            "bytes": 1048576,
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "expires_at": _TIME,
        },
    ),
    **_COMMON,
    **_INVALID,
    **_TOO_LARGE,
}

CREATE = described_body(
    BatchRequest,
    {
        "by_url": {
            "summary": "By URL",
            "value": {
                "workflow": "food",
                "files": [
                    {"url": "https://example.com/pizza.jpg"},
                    {"url": "https://example.com/salad.jpg", "reference": "SKU 4711"},
                ],
            },
        },
        "by_upload": {
            "summary": "Uploaded before, with a webhook of its own",
            "value": {
                "workflow": "food",
                "files": [{"upload_id": BATCH_ID}],
                "webhook": {"url": "https://example.com/hook", "secret": "a passphrase"},
                "project": "PRJ-EXA",
            },
        },
    },
)
