"""A job and its items as their customer may see them: what every dialect renders from."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pipeline.domain.analysis import ImageFindings, VideoFacts, VideoFindings
from pipeline.domain.jobs import ItemError, ItemState, JobFailure, JobKind, JobStatus, Outcome
from pipeline.domain.media import MediaFacts, Rendition
from pipeline.domain.quality import QualityScore


@dataclass(frozen=True, slots=True)
class ItemView:
    id: int
    position: int
    reference: str | None
    url: str | None
    upload_id: UUID | None
    state: ItemState
    stage_done: int
    outcome: Outcome | None
    error: ItemError | None
    facts: MediaFacts | None
    score_before: float | None
    score: float | None
    quality: QualityScore | None
    steps: tuple[dict[str, Any], ...]
    renditions: tuple[Rendition, ...]
    duplicate_of: int | None
    timings_ms: dict[str, float]
    attempts: int
    analysis: ImageFindings | VideoFindings | None = None
    """What an analysis found; None for other kinds, and until it has."""
    video: VideoFacts | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    id: UUID
    account_id: UUID
    kind: JobKind
    workflow_slug: str | None
    """None for kinds without workflows."""
    workflow_version: int | None
    status: JobStatus
    cancelled: bool
    """True from the moment the customer cancelled, before the report of it is made."""
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
    """Unfinished items by the stage they wait for."""
    eta_seconds: float | None
    """Measured on this job's own pace or on the last shards; None when it has ended or nothing was measured yet."""
    reports: dict[str, str] = field(default_factory=dict)
    """Format to URL, expiring."""
    items: tuple[ItemView, ...] = ()
    failure: JobFailure | None = None
    """The whole job failed, e.g. by its time limit; what single items had by then stays with them."""

    @property
    def ended(self) -> int:
        return sum(self.counts.values())

    @property
    def progress(self) -> int:
        """0..100: the share of items that have ended."""
        return 100 * self.ended // self.total if self.total else 100

    @property
    def percentage(self) -> int:
        """0..100: the share of items that are approved or enhanced (contract section 1)."""
        delivered = sum(count for outcome, count in self.counts.items() if outcome.is_delivered)
        return 100 * delivered // self.total if self.total else 0
