"""What dispatch looks at: who waits, how long, how much is outstanding."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from pipeline.domain.jobs import ItemState, JobKind, JobStatus
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from pipeline.store.shards import ShardRow, ShardState

DISPATCH_LOCK = 0x6461726B  # "dark": one dispatcher at a time over all hosts


def lock_dispatch(session: Session) -> None:
    """No other dispatcher decides anything until this transaction ends (SKIP LOCKED alone split jobs 199 + 1)."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": DISPATCH_LOCK})


@dataclass(frozen=True, slots=True)
class Queue:
    """The waiting items of one customer and kind."""

    account_id: UUID
    kind: JobKind
    isolated: bool
    items: int
    priority: int
    oldest_at: datetime


def waiting_queues(session: Session) -> Sequence[Queue]:
    """One queue per customer, kind and isolation, of items that are due."""
    rows = session.execute(
        text(
            "SELECT i.account_id, i.kind, i.attempts > 0 AS isolated, count(*), max(j.priority), min(j.created_at)"
            " FROM items i JOIN jobs j ON j.id = i.job_id"
            " WHERE i.state = 'waiting' AND (i.not_before IS NULL OR i.not_before <= clock_timestamp())"
            " AND j.status IN ('queued', 'running') GROUP BY 1, 2, 3"
        )
    )
    return [Queue(row[0], JobKind(row[1]), row[2], row[3], row[4], row[5]) for row in rows]


def open_shards(session: Session) -> Sequence[ShardRow]:
    return session.scalars(select(ShardRow).where(ShardRow.state != ShardState.DONE).order_by(ShardRow.id)).all()


def last_served(session: Session) -> dict[UUID, int]:
    """Per customer the highest shard id: who was served longest ago is next."""
    rows = session.execute(text("SELECT account_id, max(id) FROM shards GROUP BY account_id"))
    return {row[0]: row[1] for row in rows}


def measured_seconds_per_item(session: Session, kind: JobKind) -> float | None:
    """Wall seconds per item over the last shards of a useful size; None before there were any."""
    seconds: float | None = session.scalar(
        text(
            "SELECT sum(seconds) / nullif(sum(items), 0) FROM (SELECT seconds, items FROM shards"
            " WHERE kind = :kind AND state = 'done' AND items >= 8 ORDER BY id DESC LIMIT 10) recent"
        ),
        {"kind": kind.value},
    )
    return seconds


def form_shard(session: Session, queue: Queue, *, limit: int) -> ShardRow | None:
    """A new shard that owns the next items of the queue; their jobs are running.

    None when all of them are locked this moment. Jobs are locked together with their items and never waited for:
    whoever cancels a job locks the job first, so waiting here could wait for ever.
    """
    shard = ShardRow(account_id=queue.account_id, kind=queue.kind, isolated=queue.isolated)
    session.add(shard)
    session.flush()
    item_ids = session.scalars(
        text(
            "SELECT i.id FROM items i JOIN jobs j ON j.id = i.job_id WHERE i.state = 'waiting'"
            " AND i.account_id = :account AND i.kind = :kind AND (i.attempts > 0) = :isolated"
            " AND (i.not_before IS NULL OR i.not_before <= clock_timestamp()) AND j.status IN ('queued', 'running')"
            " ORDER BY j.priority DESC, j.created_at, i.job_id, i.position LIMIT :limit FOR UPDATE OF i, j SKIP LOCKED"
        ),
        {"account": queue.account_id, "kind": queue.kind.value, "isolated": queue.isolated, "limit": limit},
    ).all()
    if not item_ids:
        session.delete(shard)
        return None
    job_ids = set(
        session.scalars(
            update(ItemRow)
            .where(ItemRow.id.in_(item_ids))
            .values(state=ItemState.CLAIMED, shard_id=shard.id, not_before=None)
            .returning(ItemRow.job_id)
        )
    )
    session.execute(
        update(JobRow).where(JobRow.id.in_(job_ids), JobRow.status == JobStatus.QUEUED).values(status=JobStatus.RUNNING)
    )
    session.execute(
        text("UPDATE jobs SET started_at = coalesce(started_at, clock_timestamp()) WHERE id = ANY(:ids)"),
        {"ids": list(job_ids)},
    )
    shard.items = len(item_ids)
    return shard


def unreported_jobs(session: Session) -> Sequence[JobRow]:
    """Jobs that wait for their report with no live shard to make it."""
    return session.scalars(
        select(JobRow)
        .outerjoin(ShardRow, ShardRow.id == JobRow.report_shard_id)
        .where(
            JobRow.status == JobStatus.REPORTING,
            (JobRow.report_shard_id.is_(None)) | (ShardRow.state == ShardState.DONE),
        )
        .order_by(JobRow.created_at)
        .limit(400)
        .with_for_update(of=JobRow, skip_locked=True)
    ).all()


def shards_of_job(session: Session, job_id: UUID) -> Sequence[tuple[int, str | None]]:
    """Each shard that worked on the job's items, with the last run that held it; the one that reports comes last."""
    rows = session.execute(
        text(
            "SELECT s.id, s.last_holder FROM shards s JOIN jobs j ON j.id = :job"
            " WHERE s.id = j.report_shard_id OR s.id IN (SELECT shard_id FROM items WHERE job_id = :job)"
            " ORDER BY coalesce(s.id = j.report_shard_id, false), s.id"
        ),
        {"job": job_id},
    )
    return [(row[0], row[1]) for row in rows]


def jobs_of_shard(session: Session, shard_id: int, *, limit: int) -> Sequence[UUID]:
    """The first few jobs that a shard works for."""
    return session.scalars(
        text(
            "SELECT DISTINCT job_id FROM items WHERE shard_id = :shard"
            " UNION SELECT id FROM jobs WHERE report_shard_id = :shard LIMIT :limit"
        ),
        {"shard": shard_id, "limit": limit},
    ).all()
