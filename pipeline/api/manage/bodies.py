"""Requests and answers of the management interface, in the product's own words.

A service's view is itself the answer where its customer may see all of it; jobs and items hold more than that.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pipeline.dialects.enhancement import HttpUrl, Strict
from pipeline.domain.jobs import ItemError, ItemState, JobFailure, JobKind, JobStatus, Outcome, Stage
from pipeline.services.alerts import Alert
from pipeline.services.delivery import DeliveryView


class RetryRequest(Strict):
    """Which failed items to try again, and from where; both left out: all of them, from the stage that failed."""

    from_: Annotated[Stage | None, Field(alias="from")] = None
    positions: Annotated[list[Annotated[int, Field(ge=0, le=2**31)]], Field(min_length=1)] | None = None


class WebhookChange(Strict):
    """Where the account's batches are told; without a secret a new one is made."""

    url: HttpUrl
    secret: Annotated[str, StringConstraints(min_length=16, max_length=512)] | None = None


class Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class JobAnswer(Answer):
    id: UUID
    kind: JobKind
    workflow_slug: str | None
    workflow_version: int | None
    status: JobStatus
    cancelled: bool
    generation: int
    project: str | None
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    total: int
    counts: dict[Outcome, int]
    waiting: int
    working: int
    stages: dict[str, int]
    progress: int
    percentage: int
    eta_seconds: float | None
    reports: dict[str, str]
    failure: JobFailure | None


class ItemRendition(Answer):
    name: str
    url: str | None
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str


class ItemAnswer(Answer):
    id: int
    position: int
    reference: str | None
    url: str | None
    upload_id: UUID | None
    state: ItemState
    stage_done: int
    outcome: Outcome | None
    error: ItemError | None
    score_before: float | None
    score: float | None
    steps: list[dict[str, Any]]
    renditions: list[ItemRendition]
    duplicate_of: int | None
    timings_ms: dict[str, float]
    attempts: int


class JobWithItems(JobAnswer):
    items: list[ItemAnswer]


class JobPage(Answer):
    data: list[JobAnswer]
    page: int
    per_page: int
    total: int
    next: str | None
    """The path of the next page; null on the last."""


class EndpointSecret(Answer):
    url: str
    secret: str
    """Shown this once."""


class DeliveryList(Answer):
    data: list[DeliveryView]


class AlertList(Answer):
    data: list[Alert]


class Problem(BaseModel):
    """RFC 9457; `errors` is there for a 422 only."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: dict[str, list[str]] | None = None
