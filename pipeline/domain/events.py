"""Events told to customers' endpoints: their types, when a delivery is tried again, and what an answer means."""

from dataclasses import dataclass
from enum import StrEnum


class EventType(StrEnum):
    """What an endpoint can be told. The values are on the wire (contract section 1)."""

    BATCH_COMPLETED = "batch.completed"
    BATCH_CANCELLED = "batch.cancelled"
    ANALYSIS_ENDED = "analysis.ended"
    """Not on the wire: an analysis tells its whole result (contract section 2)."""


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


RETRY_SCHEDULE_S: tuple[float, ...] = (
    0.0,
    5.0,
    5 * 60.0,
    30 * 60.0,
    2 * 3600.0,
    5 * 3600.0,
    10 * 3600.0,
    14 * 3600.0,
    20 * 3600.0,
    24 * 3600.0,
)
"""Seconds before each attempt, counted from the one before: the example schedule of the Standard Webhooks
specification ("Deliverability and reliability")."""

JITTER = 0.1
"""Each wait is up to a tenth shorter or longer, so that endpoints which failed together are not called together."""

MAX_RETRY_AFTER_S = 24 * 3600.0
"""An endpoint may ask for at most the longest wait of the schedule."""


def retry_delay_s(attempt: int, *, jitter: float) -> float | None:
    """Seconds to wait after `attempt` attempts have been made, 0 before the first; None when none is left.

    `jitter` is a random number from 0 to 1; 0.5 gives the published schedule exactly.
    """
    if attempt >= len(RETRY_SCHEDULE_S):
        return None
    return RETRY_SCHEDULE_S[attempt] * (1.0 + JITTER * (2.0 * jitter - 1.0))


class Verdict(StrEnum):
    """What an attempt at a delivery came to."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GONE = "gone"
    """The endpoint answered 410: it wants no more events, so it is disabled."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`after_s`: the least wait that the endpoint asked for, 0 when it asked for none."""

    verdict: Verdict
    after_s: float = 0.0


def judge(status: int | None, retry_after_s: float | None = None) -> Judgement:
    """2xx is delivered, 410 is gone, everything else, redirects and no answer included, is tried again."""
    if status is not None and 200 <= status < 300:
        return Judgement(Verdict.DELIVERED)
    if status == 410:
        return Judgement(Verdict.GONE)
    return Judgement(Verdict.RETRY, after_s=min(max(retry_after_s or 0.0, 0.0), MAX_RETRY_AFTER_S))


def next_attempt_in_s(attempt: int, judgement: Judgement, *, jitter: float) -> float | None:
    """Seconds until the next attempt after `attempt` made ones: the schedule, or later where the endpoint asked so.

    None when the schedule is exhausted, or when there is nothing to try again.
    """
    if judgement.verdict is not Verdict.RETRY:
        return None
    scheduled = retry_delay_s(attempt, jitter=jitter)
    return None if scheduled is None else max(scheduled, judgement.after_s)
