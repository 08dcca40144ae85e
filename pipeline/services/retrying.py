"""Trying failed items again: one service for API, CLI and the Dagster job `retry_failed_items`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pipeline.domain.jobs import ITEM_STAGES, ItemState, JobStatus, Outcome, Stage
from pipeline.errors import Conflict, InvalidRequest, NotFound
from pipeline.services.line import Ledger
from pipeline.store.base import now
from pipeline.store.items import ItemRow, items_of_job
from pipeline.store.jobs import JobRow, locked_job
from pipeline.store.notify import WORK, notify


@dataclass(frozen=True, slots=True)
class Retried:
    job_id: UUID
    generation: int
    items: int
    from_stage: Stage | None


def retry_failed(
    ledger: Ledger,
    job_id: UUID,
    *,
    from_stage: Stage | None = None,
    positions: Collection[int] | None = None,
    account_id: UUID | None = None,
) -> Retried:
    """The job's failed items wait for dispatch again, before the given stage or the one that failed.

    A new generation of the job begins, with a webhook of its own at its end. Items that did not fail stay as they
    are; a stage that an item has already passed is not repeated unless `from_stage` asks for it.
    """
    if from_stage is not None and from_stage not in ITEM_STAGES:
        names = ", ".join(ITEM_STAGES)
        raise InvalidRequest({"from": [f"Items cannot be retried from {from_stage!r}; the stages are: {names}."]})
    with ledger.database.session() as session:
        job = locked_job(session, job_id)
        if job is None or (account_id is not None and job.account_id != account_id):
            raise NotFound(f"There is no job {job_id}.")
        if job.status not in (JobStatus.SUCCEEDED, JobStatus.FAILED):
            raise Conflict(f"The job is {job.status}: failed items can be retried when it has succeeded.")
        chosen = [item for item in items_of_job(session, job_id) if _is_chosen(item, positions)]
        if not chosen:
            raise Conflict("The job has no failed items to retry.")
        if _is_past_retention(ledger, job) or any(item.url is None and item.upload_id is None for item in chosen):
            raise Conflict("The job is past retention and its originals and secrets are gone: send them again.")
        for item in chosen:
            _reset(item, from_stage)
        job.move_to(JobStatus.RUNNING)
        job.generation += 1
        job.open_items = len(chosen)
        job.report_shard_id, job.report_tries, job.finished_at = None, 0, None
        limit_s = job.options.get("max_processing_s")
        job.failure, job.deadline_at = None, now() + timedelta(seconds=limit_s) if limit_s else None
        notify(session, WORK)
        return Retried(job_id, job.generation, len(chosen), from_stage)


def _is_past_retention(ledger: Ledger, job: JobRow) -> bool:
    """What its items and its webhook need has been forgotten, or is about to be."""
    return job.finished_at is not None and job.finished_at < ledger.kept_since


def _is_chosen(item: ItemRow, positions: Collection[int] | None) -> bool:
    return item.outcome is Outcome.FAILED and (positions is None or item.position in positions)


def _reset(item: ItemRow, from_stage: Stage | None) -> None:
    if from_stage is not None:
        item.stage_done = min(item.stage_done, from_stage.rank - 1)
    item.state, item.outcome, item.failed_stage, item.error = ItemState.WAITING, None, None, None
    item.shard_id, item.attempts, item.tries, item.ended_at = None, 0, 0, None
    item.not_before = datetime.now(UTC)  # due from now: alerts count the waiting from here
    item.score, item.quality = None, None
    if item.stage_done < Stage.ANALYZE.rank:  # else nobody looks at the faces again
        item.biometrics = None
