"""Jobs: one customer request each."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.domain.jobs import FINAL, TRANSITIONS, JobKind, JobStatus
from pipeline.errors import Conflict
from pipeline.store.base import Base, created_at, uuid_pk


class JobRow(Base):
    __tablename__ = "jobs"

    id: Mapped[uuid_pk]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[JobKind]
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.QUEUED)
    generation: Mapped[int] = mapped_column(default=1)
    priority: Mapped[int] = mapped_column(default=0)
    """Priority class: higher first."""
    workflow_slug: Mapped[str | None]
    workflow: Mapped[dict[str, Any] | None]
    """The workflow as it was when the job was accepted: a later edit never changes a job at work."""
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What an analysis was asked for, and by which of the account's rules, as it was when the job was accepted."""
    deadline_at: Mapped[datetime | None]
    """When the customer's limit on processing time is reached; NULL for no limit."""
    failure: Mapped[dict[str, Any] | None]
    """Why the whole job failed."""
    project: Mapped[str | None]
    created_by: Mapped[str | None]
    webhook_url: Mapped[str | None]
    webhook_secret_sealed: Mapped[str | None]
    source_auth_sealed: Mapped[str | None]
    total_items: Mapped[int]
    open_items: Mapped[int]
    """Items without an outcome. The transaction that brings it to 0 makes the job `reporting`."""
    report_shard_id: Mapped[int | None] = mapped_column(index=True)
    """The shard whose run makes the report; NULL while none does."""
    report_tries: Mapped[int] = mapped_column(default=0)
    """Reports that failed by a fault of ours."""
    reports: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Format to object key."""
    created_at: Mapped[created_at]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    taken_back_at: Mapped[datetime | None]
    """When the last file that a cancelled item had published was gone."""

    __table_args__ = (
        Index("ix_jobs_account_created", "account_id", "created_at"),
        Index(
            "ix_jobs_cancelled",
            "cancelled_at",
            postgresql_where=text("cancelled_at IS NOT NULL AND taken_back_at IS NULL"),
        ),
        Index("ix_jobs_open", "status", postgresql_where=text("status NOT IN ('succeeded', 'failed', 'cancelled')")),
        Index("ix_jobs_finished", "kind", "finished_at", postgresql_where=text("status = 'succeeded'")),
        Index("ix_jobs_deadline", "deadline_at", postgresql_where=text("finished_at IS NULL")),
    )

    def move_to(self, status: JobStatus) -> None:
        """The job has the new status; raises `Conflict` where the table of transitions forbids the move."""
        if status not in TRANSITIONS[self.status]:
            raise Conflict(f"The job is {self.status} and cannot become {status}.")
        self.status = status


def locked_job(session: Session, job_id: UUID) -> JobRow | None:
    """The job, locked until the transaction ends."""
    return session.scalar(select(JobRow).where(JobRow.id == job_id).with_for_update())


def locked_jobs(session: Session, job_ids: Iterable[UUID]) -> dict[UUID, JobRow]:
    """Several jobs, locked in id order so that two transactions cannot wait for each other."""
    rows = session.scalars(
        select(JobRow)
        .where(JobRow.id.in_(sorted(set(job_ids))))
        .order_by(JobRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in rows}


def job_of_account(session: Session, job_id: UUID, account_id: UUID) -> JobRow | None:
    return session.scalar(select(JobRow).where(JobRow.id == job_id, JobRow.account_id == account_id))


def jobs_of_account(
    session: Session, account_id: UUID | None, *, offset: int, limit: int, kind: JobKind | None = None
) -> tuple[Sequence[JobRow], int]:
    """Newest first, with the number there are in all; `account_id` None is every account's (operators)."""
    found = select(JobRow)
    if account_id is not None:
        found = found.where(JobRow.account_id == account_id)
    if kind is not None:
        found = found.where(JobRow.kind == kind)
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    rows = session.scalars(found.order_by(JobRow.created_at.desc(), JobRow.id).offset(offset).limit(limit)).all()
    return rows, total


def open_jobs_count(session: Session, account_id: UUID) -> int:
    """Jobs of the account that have not ended."""
    return (
        session.scalar(
            select(func.count()).select_from(JobRow).where(JobRow.account_id == account_id, JobRow.status.notin_(FINAL))
        )
        or 0
    )


def jobs_past_deadline(session: Session, *, limit: int) -> Sequence[UUID]:
    """Jobs whose time limit is over and that have not ended, the longest over first."""
    return session.scalars(
        select(JobRow.id)
        .where(JobRow.deadline_at <= func.clock_timestamp(), JobRow.finished_at.is_(None))
        .order_by(JobRow.deadline_at)
        .limit(limit)
    ).all()


def seconds_left(session: Session, job_id: UUID) -> float | None:
    """Seconds until the job's time limit by the database's clock, negative after it; None where it has none."""
    left: float | None = session.scalar(
        select(func.extract("epoch", JobRow.deadline_at - func.clock_timestamp())).where(JobRow.id == job_id)
    )
    return None if left is None else float(left)


def finished_units(session: Session, kind: JobKind, *, limit: int) -> Sequence[tuple[float, float]]:
    """Per finished job, the latest first: seconds from acceptance to its end, and how many units it had.

    A unit is an analyzed image, or a second of an analyzed video. Retried jobs do not count: their end says nothing.
    """
    rows = session.execute(
        text(
            "SELECT extract(epoch FROM j.finished_at - j.created_at),"
            " CASE WHEN j.kind = 'video_analysis' THEN sum((i.findings->>'duration_s')::float) ELSE count(*) END"
            " FROM (SELECT * FROM jobs WHERE kind = :kind AND status = 'succeeded' AND generation = 1"
            " ORDER BY finished_at DESC LIMIT :limit) j JOIN items i ON i.job_id = j.id"
            " WHERE i.outcome = 'analyzed' AND i.findings IS NOT NULL"
            " GROUP BY j.id, j.kind, j.created_at, j.finished_at ORDER BY j.finished_at DESC"
        ),
        {"kind": kind.value, "limit": limit},
    )
    return [(float(row[0]), float(row[1])) for row in rows if row[1]]


def reported_jobs(session: Session, shard_id: int) -> Sequence[UUID]:
    """The jobs that this shard's runs have ended."""
    return session.scalars(
        select(JobRow.id)
        .where(JobRow.report_shard_id == shard_id, JobRow.finished_at.is_not(None))
        .order_by(JobRow.created_at)
    ).all()


def jobs_to_report(session: Session, shard_id: int) -> Sequence[UUID]:
    """The jobs whose report this shard's run makes."""
    return session.scalars(
        select(JobRow.id)
        .where(JobRow.report_shard_id == shard_id, JobRow.status == JobStatus.REPORTING)
        .order_by(JobRow.created_at)
    ).all()
