"""Jobs, items and stages: their states, and the moves that are legal."""

from dataclasses import dataclass
from enum import StrEnum


class JobKind(StrEnum):
    """What a customer asked for. Each kind has its own analyzers and its own interface."""

    ENHANCEMENT = "enhancement"
    IMAGE_ANALYSIS = "image_analysis"
    VIDEO_ANALYSIS = "video_analysis"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    REPORTING = "reporting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The whole job ended without what it was asked for, and says why: its time limit was exceeded."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.REPORTING, JobStatus.FAILED}),
    JobStatus.RUNNING: frozenset({JobStatus.REPORTING, JobStatus.FAILED}),
    JobStatus.REPORTING: frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.SUCCEEDED: frozenset({JobStatus.RUNNING}),
    JobStatus.FAILED: frozenset({JobStatus.RUNNING}),
    JobStatus.CANCELLED: frozenset(),
}
"""`succeeded -> running` and `failed -> running` are a new generation: failed items are tried again."""


class Stage(StrEnum):
    DOWNLOAD = "download"
    VALIDATE = "validate"
    ANALYZE = "analyze"
    ENHANCE = "enhance"
    UPLOAD = "upload"
    SCORE = "score"
    REPORT = "report"

    @property
    def rank(self) -> int:
        """1 for the first stage; an item that has completed no stage has rank 0."""
        return ORDER.index(self) + 1


ORDER: tuple[Stage, ...] = tuple(Stage)
ITEM_STAGES: tuple[Stage, ...] = ORDER[:-1]
"""The stages that work on items; the report is made of a whole job."""
STAGES: dict[JobKind, tuple[Stage, ...]] = {
    JobKind.ENHANCEMENT: ITEM_STAGES,
    JobKind.IMAGE_ANALYSIS: (Stage.DOWNLOAD, Stage.VALIDATE, Stage.ANALYZE),
    JobKind.VIDEO_ANALYSIS: (Stage.DOWNLOAD, Stage.VALIDATE, Stage.ANALYZE, Stage.ENHANCE, Stage.UPLOAD),
}
"""The stages that an item of each kind passes; with the last of them it ends."""


class ItemState(StrEnum):
    """Where an item stands with the line, whatever came of it."""

    WAITING = "waiting"
    """Nobody works on it: dispatch may put it into a shard."""
    CLAIMED = "claimed"
    """It belongs to a shard."""
    ENDED = "ended"
    """It has an outcome and is never touched again in this generation."""


class Outcome(StrEnum):
    """What came of an item. Never tried is no outcome at all; tried and failed is FAILED."""

    APPROVED = "approved"
    """Good as it is: the original's pixels are delivered."""
    ENHANCED = "enhanced"
    """Delivered better than it came."""
    REJECTED = "rejected"
    """Tried, and cannot meet the guidelines: the reasons are in the score."""
    ANALYZED = "analyzed"
    """Looked at as its kind asks; finding nothing is a finding."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_delivered(self) -> bool:
        return self in (Outcome.APPROVED, Outcome.ENHANCED, Outcome.ANALYZED)


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why an item failed, in words a customer can act on."""

    code: str
    stage: Stage
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a whole job ended without its result, in words a customer can act on."""

    code: str
    message: str


MAX_ATTEMPTS = 3
"""An item that was in flight in three processes that died is quarantined (acceptance F 59)."""
