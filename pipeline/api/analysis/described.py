"""What /openapi.json says of the analysis interface."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel

from pipeline.access.bodies import described_body
from pipeline.api.analysis import examples
from pipeline.api.analysis.submissions import FILE_FIELD, WEBHOOK_SECRET, WEBHOOK_URL
from pipeline.dialects import analysis_schema as wire
from pipeline.dialects.analysis_requests import ImageBatchRequest, WebhookConfig

Responses = dict[int | str, dict[str, Any]]

_BINARY = {"type": "string", "format": "binary"}
_SECONDS = {"schema": {"type": "integer"}, "description": "Seconds until it is worth asking."}


@dataclass(frozen=True, slots=True)
class Described:
    """One kind of job: how it is sent, taken in and shown, and how its end is told."""

    request: dict[str, Any]
    accepted: Responses
    shown: Responses
    callbacks: APIRouter


def _error(sentence: str, code: str, message: str, **more: Any) -> dict[str, Any]:
    example = {"error": {"code": code, "message": message, **more}}
    return {
        "model": wire.RequestErrorAnswer,
        "description": sentence,
        "content": {"application/json": {"example": example}},
    }


_COMMON: Responses = {
    401: _error("No valid key.", "unauthenticated", "Unauthenticated."),
    429: _error("Too many calls; `Retry-After` says when to try again.", "rate_limited", "Too Many Attempts."),
    "4XX": _error("Any other mistake of the request.", "request_error", "The request cannot be carried out."),
    503: _error("Not available for the moment; see `Retry-After`.", "store_unavailable", "Try again."),
}
_WRONG: Responses = {
    413: _error("Larger than the limit.", "request_too_large", "The request body is larger than 268435456 bytes."),
    415: _error("The body is of another type.", "unsupported_media_type", "Send the images as JSON."),
    422: _error(
        "The request is wrong, field by field.",
        "invalid_request",
        "The images field is required.",
        fields={"images": ["The images field is required."]},
    ),
}


def _accepted(job_id: str) -> Responses:
    answer = {
        "model": wire.JobAccepted,
        "description": "Accepted: it is worked on from now on, whatever becomes of this connection.",
        "content": {"application/json": {"example": {"job_id": job_id}}},
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "Where to ask for the result."},
            "Retry-After": _SECONDS,
        },
    }
    return {202: answer, **_COMMON, **_WRONG}


def _shown(sentence: str, model: type[BaseModel], example: dict[str, Any], missing: str) -> Responses:
    content = {"application/json": {"example": example}}
    absent: Responses = {404: _error(missing, "not_found", missing)}
    return {200: {"model": model, "description": sentence, "content": content}, **_COMMON, **absent}


TOLD_VIDEO, TOLD_IMAGES = APIRouter(), APIRouter()
_CALLBACK = "{$request.body#/webhook/url}"
Signature = Annotated[
    str | None, Header(description="HMAC-SHA256 of the raw body under `webhook.secret`, where there is one.")
]


def _example(example: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


@TOLD_VIDEO.post(_CALLBACK, status_code=204, openapi_extra=_example(examples.VIDEO_CALLBACK))
def video_ended(body: wire.VideoAnalysis, x_webhook_signature: Signature = None) -> None:
    """The final result, byte for byte what GET answers then, once the video is finished or has failed."""


@TOLD_IMAGES.post(_CALLBACK, status_code=204, openapi_extra=_example(examples.IMAGES_CALLBACK))
def images_ended(body: wire.ImageBatchAnalysis, x_webhook_signature: Signature = None) -> None:
    """The final result, byte for byte what GET answers then, once the batch is finished or has failed."""


def _header(name: str, sentence: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": sentence}


_FORM = {
    "type": "object",
    "required": [FILE_FIELD],
    "properties": {
        FILE_FIELD: _BINARY,
        "webhook": {"$ref": f"#/components/schemas/{WebhookConfig.__name__}"},
    },
}
VIDEO = Described(
    {
        "requestBody": {
            "required": True,
            "description": "The video, or a form with it and its webhook: `webhook` as JSON, or the fields "
            "`webhook[url]` and `webhook[secret]`.",
            "content": {
                "application/octet-stream": {"schema": _BINARY},
                "video/*": {"schema": _BINARY},
                "multipart/form-data": {"schema": _FORM, "encoding": {"webhook": {"contentType": "application/json"}}},
            },
        },
        "parameters": [
            _header(WEBHOOK_URL, "`webhook.url` for a video that is sent as the body."),
            _header(WEBHOOK_SECRET, "`webhook.secret` for a video that is sent as the body."),
        ],
    },
    _accepted(examples.VIDEO_ID),
    _shown("The video as it stands.", wire.VideoAnalysis, examples.VIDEO, "There is no such job."),
    TOLD_VIDEO,
)
IMAGES = Described(
    described_body(ImageBatchRequest, {"two_images": {"summary": "Two images", "value": examples.IMAGES_REQUEST}}),
    _accepted(examples.BATCH_ID),
    _shown("The batch as it stands.", wire.ImageBatchAnalysis, examples.IMAGES, "There is no such job."),
    TOLD_IMAGES,
)
LATENCY: Responses = _shown(
    "Measured over the last 1000 finished units.",
    wire.MediaLatency,
    examples.LATENCY,
    "Nothing has been measured yet, or there is no such media type.",
)
