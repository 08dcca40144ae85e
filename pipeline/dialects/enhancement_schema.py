"""The answers of the enhancement interface as models: what /openapi.json describes and the tests hold them to."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

BatchStatus = Literal["PENDING", "PROCESSING", "COMPLETED", "CANCELLED"]
FileStatus = Literal["PENDING", "PROCESSING", "APPROVED", "ENHANCED", "REJECTED", "FAILED", "CANCELLED"]
StageName = Literal["download", "validate", "analyze", "enhance", "upload", "score"]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BatchCreated(Answer):
    id: str
    workflow: str
    status: BatchStatus


class FileCounts(Answer):
    total: int
    pending: int
    processing: int
    approved: int
    enhanced: int
    rejected: int
    failed: int
    cancelled: int


class BatchSummary(BatchCreated):
    project: str | None
    percentage: int
    """0 to 100: files approved or enhanced."""
    progress: int
    """0 to 100: files that have ended, whatever came of them."""
    counts: FileCounts
    stages: dict[str, int]
    """Unfinished files by the stage they wait for."""
    eta_seconds: float | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    created_by: str | None
    generation: int
    reports: dict[str, str] | None


class CriterionAnswer(Answer):
    name: str
    value: float | str
    unit: str
    target: str
    weight: float
    points_lost: float
    met: bool
    origin: Literal["standard", "guideline"]
    sentence: str


class RenditionAnswer(Answer):
    name: str
    url: str | None
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str


class OriginalAnswer(Answer):
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str
    orientation: int
    color_space: str
    bit_depth: int
    has_alpha: bool
    has_gps: bool
    jpeg_quality: int | None


class FileErrorAnswer(Answer):
    code: str
    stage: str
    message: str
    retryable: bool


class FileAnswer(Answer):
    id: str
    url: str | None
    upload_id: str | None
    reference: str | None
    status: FileStatus
    stage: StageName | None
    score: float | None
    scores: dict[str, float | str]
    original_score: float | None
    pass_mark: float | None
    criteria: list[CriterionAnswer]
    reasons: list[str]
    unavailable: dict[str, str]
    enhanced_url: str | None
    renditions: list[RenditionAnswer]
    steps: list[dict[str, Any]]
    original: OriginalAnswer | None
    duplicate_of: int | None
    timings_ms: dict[str, float]
    error: FileErrorAnswer | None


class Batch(BatchSummary):
    files: list[FileAnswer]


class PageLinks(Answer):
    first: str
    last: str
    prev: str | None
    next: str | None


class PageMeta(Answer):
    current_page: int
    from_: int | None
    to: int | None
    last_page: int
    per_page: int
    total: int
    path: str

    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: name.rstrip("_"))


class BatchPage(Answer):
    data: list[BatchSummary]
    links: PageLinks
    meta: PageMeta


class WorkflowAnswer(Answer):
    slug: str
    title: str
    version: int
    description: str
    steps: list[str]
    outputs: list[dict[str, Any]]
    guidelines: dict[str, Any]
    metadata: dict[str, Any]
    delivery: Literal["public", "private"]


class WorkflowList(Answer):
    data: list[WorkflowAnswer]


class UploadAnswer(Answer):
    upload_id: str
    name: str
    bytes: int
    sha256: str
    expires_at: str


class ErrorAnswer(Answer):
    """Every error; `errors` is there in a 422 only: dotted path of a field to its sentences."""

    message: str
    errors: dict[str, list[str]] | None = None
