"""Jobs, items and stages: their states, and the moves that are legal."""

from dataclasses import dataclass
from enum import StrEnum


class JobKind(StrEnum):
    """What a customer asked for. Each kind has its own analyzers and its own interface."""

    ENHANCEMENT = "enhancement"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    REPORTING = "reporting"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (JobStatus.SUCCEEDED, JobStatus.CANCELLED)


TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.REPORTING}),
    JobStatus.RUNNING: frozenset({JobStatus.REPORTING}),
    JobStatus.REPORTING: frozenset({JobStatus.SUCCEEDED, JobStatus.CANCELLED}),
    JobStatus.SUCCEEDED: frozenset({JobStatus.RUNNING}),
    JobStatus.CANCELLED: frozenset(),
}
"""`succeeded -> running` is a new generation: failed items are tried again."""


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
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_delivered(self) -> bool:
        return self in (Outcome.APPROVED, Outcome.ENHANCED)


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why an item failed, in words a customer can act on."""

    code: str
    stage: Stage
    message: str
    retryable: bool


MAX_ATTEMPTS = 3
"""An item that was in flight in three processes that died is quarantined (acceptance F 59)."""
