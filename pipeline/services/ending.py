"""Ending items and jobs: the one place that counts what is still open."""

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from pipeline.domain.jobs import JobStatus
from pipeline.store import Session
from pipeline.store.jobs import JobRow
from pipeline.store.notify import WORK, notify


def account_for_ended(
    session: Session, jobs: Mapping[UUID, JobRow], ended: Iterable[UUID], *, shard_id: int | None
) -> None:
    """Each job id in `ended` stands for one item that has just ended. `jobs` are locked.

    The transaction that ends the last item of a job makes the job `reporting`; with a shard, that shard's run makes
    the report, without one dispatch finds somebody.
    """
    for job_id, count in Counter(ended).items():
        job = jobs[job_id]
        job.open_items -= count
        if job.open_items <= 0:
            job.open_items = 0
            job.move_to(JobStatus.REPORTING)
            job.report_shard_id = shard_id
            if shard_id is None:
                notify(session, WORK)
