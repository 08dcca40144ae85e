"""Limits on processing time: a job that is over its limit ends, wherever its work is."""

import logging
from uuid import UUID

from pipeline.domain.jobs import ITEM_STAGES, ItemError, ItemState, JobFailure, JobStatus, Outcome
from pipeline.services.line import Ledger
from pipeline.services.telling import tell
from pipeline.store import Session
from pipeline.store.base import now
from pipeline.store.items import open_items
from pipeline.store.jobs import jobs_past_deadline, locked_job, seconds_left
from pipeline.store.values import dump

log = logging.getLogger(__name__)

CODE = "max_processing_time_exceeded"
AT_ONCE = 100
"""Jobs that one look ends; the next look comes half a second later."""


def enforce(ledger: Ledger) -> int:
    """No job is open whose limit is over; returns how many have been ended.

    It needs no run and no report, so it goes on while Dagster is down. A run that has an item in hand can write
    nothing of it any more, and ends the item's process within a second.
    """
    with ledger.database.session() as session:
        overdue = jobs_past_deadline(session, limit=AT_ONCE)
    return sum(_end(ledger, job_id) for job_id in overdue)


def _end(ledger: Ledger, job_id: UUID) -> bool:
    with ledger.database.session() as session:
        return _fail(ledger, session, job_id)


def _fail(ledger: Ledger, session: Session, job_id: UUID) -> bool:
    """In one transaction the job is final and its event exists; False when somebody else has ended it meanwhile."""
    job = locked_job(session, job_id)
    left_s = seconds_left(session, job_id)
    if job is None or job.status.is_final or left_s is None or left_s > 0 or job.cancelled_at is not None:
        return False
    message = (
        f"The job was not done within the {job.options.get('max_processing_s', '')} seconds that Max-Processing-Time"
        " allows from acceptance on: allow more, or 0 for no limit."
    )
    for item in open_items(session, job_id):
        stage = ITEM_STAGES[min(item.stage_done, len(ITEM_STAGES) - 1)]
        item.state, item.outcome, item.in_flight, item.ended_at = ItemState.ENDED, Outcome.FAILED, False, now()
        item.failed_stage, item.error = stage, dump(ItemError(CODE, stage, message, retryable=True))
    job.failure = dump(JobFailure(CODE, message))
    job.open_items, job.report_shard_id, job.finished_at = 0, None, now()
    job.move_to(JobStatus.FAILED)
    session.flush()
    session.refresh(job)
    tell(ledger, session, job)
    log.info("Job %s has exceeded its processing time.", job_id)
    return True
