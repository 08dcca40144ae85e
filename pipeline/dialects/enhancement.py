"""Enhancement batches on the wire (contract section 1). What the contract leaves open is in docs/enhancement.md."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.dialects.origins import require_one_origin
from pipeline.domain.jobs import ITEM_STAGES, JobStatus, Outcome
from pipeline.domain.views import ItemView, JobView
from pipeline.domain.workflows import Workflow

MAX_URL = 4096


def _web_url(value: str) -> str:
    if not value.lower().startswith(("http://", "https://")) or len(value.partition("://")[2]) < 1:
        raise ValueError("Give a URL that begins with http:// or https://.")
    return value


HttpUrl = Annotated[str, StringConstraints(max_length=MAX_URL), AfterValidator(_web_url)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def storable(cls, value: Any) -> Any:
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("The text must not hold NUL characters.")
        return value


class FileRequest(Strict):
    """One original: `url`, or `upload_id` from POST /v1/uploads."""

    url: HttpUrl | None = None
    upload_id: UUID | None = None
    reference: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """Yours: comes back untouched."""

    @model_validator(mode="after")
    def one_source(self) -> "FileRequest":
        if (self.url is None) == (self.upload_id is None):
            raise ValueError("Give either url or upload_id.")
        return self


class WebhookRequest(Strict):
    url: HttpUrl
    secret: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None


class BearerAuth(Strict):
    type: Literal["bearer"]
    token: Annotated[str, StringConstraints(min_length=1, max_length=8192, pattern=r"^[\x21-\x7e]+$")]


class OAuth2Auth(Strict):
    """OAuth 2.0 client credentials."""

    type: Literal["oauth2"]
    token_url: HttpUrl
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    scope: Annotated[str, StringConstraints(max_length=1024)] | None = None


class BatchRequest(Strict):
    """POST /v1/batches. Validate with the context `{"max_items": N}`."""

    workflow: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    files: Annotated[list[FileRequest], Field(min_length=1)]
    webhook: WebhookRequest | None = None
    source_auth: Annotated[BearerAuth | OAuth2Auth, Field(discriminator="type")] | None = None
    project: Annotated[str, StringConstraints(max_length=256)] | None = None

    @field_validator("files", mode="before")
    @classmethod
    def not_too_many(cls, value: Any, info: ValidationInfo) -> Any:
        """Looked at before the files are: a million wrong ones cost nothing."""
        most = (info.context or {}).get("max_items")
        if most is not None and isinstance(value, list) and len(value) > most:
            raise ValueError(f"A batch holds at most {most} files, and this one has {len(value)}.")
        return value

    @field_validator("source_auth")
    @classmethod
    def for_one_server(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None:
            require_one_origin([file.url for file in info.data.get("files", [])])
        return value


def batch_status(view: JobView) -> str:
    """PENDING, PROCESSING, COMPLETED (whatever happened to single files) or CANCELLED.

    FAILED is for jobs of other kinds, in an operator's list: a batch has no limit on its time.
    """
    if view.cancelled:
        return "CANCELLED"
    words = {JobStatus.QUEUED: "PENDING", JobStatus.SUCCEEDED: "COMPLETED", JobStatus.FAILED: "FAILED"}
    return words.get(view.status, "PROCESSING")


def file_status(view: ItemView) -> str:
    """PENDING, PROCESSING, APPROVED, ENHANCED, REJECTED, FAILED or CANCELLED."""
    if view.outcome is not None:
        return view.outcome.value.upper()
    return "PROCESSING" if view.state == "claimed" or view.stage_done > 0 else "PENDING"


def timestamp(moment: datetime | None) -> str | None:
    """UTC with six decimals and Z, as the contract's sample has it."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def created_body(view: JobView) -> dict[str, Any]:
    return {"id": str(view.id), "workflow": view.workflow_slug, "status": batch_status(view)}


def summary_body(view: JobView) -> dict[str, Any]:
    """A batch without its files, as the list has it."""
    files = {word: view.counts.get(outcome, 0) for outcome, word in _WORDS.items()}
    return {
        **created_body(view),
        "project": view.project,
        "percentage": view.percentage,
        "progress": view.progress,
        "counts": {"total": view.total, "pending": view.waiting, "processing": view.working, **files},
        "stages": view.stages,
        "eta_seconds": view.eta_seconds,
        "created_at": timestamp(view.created_at),
        "started_at": timestamp(view.started_at),
        "finished_at": timestamp(view.finished_at),
        "created_by": view.created_by,
        "generation": view.generation,
        "reports": view.reports or None,
    }


_WORDS = {outcome: outcome.value for outcome in Outcome if outcome is not Outcome.ANALYZED}


def batch_body(view: JobView) -> dict[str, Any]:
    """GET /v1/batches/{id}."""
    return {**summary_body(view), "files": [file_body(item) for item in view.items]}


def file_body(view: ItemView) -> dict[str, Any]:
    quality = view.quality
    shown = view.outcome not in (Outcome.FAILED, Outcome.CANCELLED)
    first = view.renditions[0] if view.renditions else None
    return {
        "id": str(view.id),
        "url": view.url,
        "upload_id": None if view.upload_id is None else str(view.upload_id),
        "reference": view.reference,
        "status": file_status(view),
        "stage": None if view.outcome is not None else ITEM_STAGES[min(view.stage_done, 5)].value,
        "score": view.score,
        "scores": {} if quality is None else {item.name: item.value for item in quality.criteria},
        "original_score": view.score_before if shown else None,
        "pass_mark": None if quality is None else quality.pass_mark,
        "criteria": [] if quality is None else [_criterion(item) for item in quality.criteria],
        "reasons": list(quality.reasons) if quality is not None and view.outcome is Outcome.REJECTED else [],
        "unavailable": {} if quality is None else quality.unavailable,
        "enhanced_url": None if first is None else first.url,
        "renditions": [
            {
                "name": rendition.name,
                "url": rendition.url,
                "media_type": rendition.media_type,
                "width": rendition.width,
                "height": rendition.height,
                "bytes": rendition.bytes,
                "sha256": rendition.sha256,
            }
            for rendition in view.renditions
        ],
        "steps": list(view.steps) if shown else [],
        "original": _original(view),
        "duplicate_of": None if view.duplicate_of is None else view.duplicate_of,
        "timings_ms": view.timings_ms,
        "error": None
        if view.error is None
        else {
            "code": view.error.code,
            "stage": view.error.stage,
            "message": view.error.message,
            "retryable": view.error.retryable,
        },
    }


def _criterion(criterion: Any) -> dict[str, Any]:
    return {
        "name": criterion.name,
        "value": criterion.value,
        "unit": criterion.unit,
        "target": criterion.target,
        "weight": criterion.weight,
        "points_lost": criterion.points_lost,
        "met": criterion.met,
        "required": criterion.required,
        "origin": criterion.origin,
        "sentence": criterion.sentence,
    }


def _original(view: ItemView) -> dict[str, Any] | None:
    """The facts of the original; nothing of its GPS or its people beyond whether there was GPS."""
    facts = view.facts
    if facts is None:
        return None
    return {
        "media_type": facts.media_type,
        "width": facts.width,
        "height": facts.height,
        "bytes": facts.bytes,
        "sha256": facts.sha256,
        "orientation": facts.orientation,
        "color_space": facts.color_space,
        "bit_depth": facts.bit_depth,
        "has_alpha": facts.has_alpha,
        "has_gps": facts.has_gps,
        "jpeg_quality": facts.jpeg_quality,
    }


def webhook_body(view: JobView, event: str) -> bytes:
    """The payload of the contract, byte for byte what is signed and sent."""
    body = {
        "event": event,
        "id": str(view.id),
        "status": batch_status(view),
        "project": view.project,
        "workflow": view.workflow_slug,
        "percentage": view.percentage,
        "created_at": timestamp(view.created_at),
        "created_by": view.created_by,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def list_body(views: list[JobView], total: int, *, page: int, per_page: int, path: str) -> dict[str, Any]:
    """Pages in the manner of Laravel: data, links, meta."""
    last = max(1, -(-total // per_page))
    first_row = (page - 1) * per_page + 1

    def link(number: int) -> str:
        return f"{path}?page={number}&per_page={per_page}"

    return {
        "data": [summary_body(view) for view in views],
        "links": {
            "first": link(1),
            "last": link(last),
            "prev": link(page - 1) if page > 1 else None,
            "next": link(page + 1) if page < last else None,
        },
        "meta": {
            "current_page": page,
            "from": first_row if views else None,
            "to": first_row + len(views) - 1 if views else None,
            "last_page": last,
            "per_page": per_page,
            "total": total,
            "path": path,
        },
    }


def workflow_body(workflow: Workflow, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "slug": workflow.slug,
        "title": workflow.title,
        "version": workflow.version,
        "description": workflow.description,
        "steps": [step.name for step in workflow.steps],
        "outputs": snapshot["outputs"],
        "guidelines": snapshot["guidelines"],
        "metadata": snapshot["metadata"],
        "delivery": workflow.delivery,
    }
