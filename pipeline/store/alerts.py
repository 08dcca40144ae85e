"""Alerts, and the figures they are raised by."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.store.base import Base


class AlertRow(Base):
    """Trouble that an operator must know of, one row per kind, kept when it is over."""

    __tablename__ = "alerts"

    kind: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[str]
    since: Mapped[datetime]
    over_at: Mapped[datetime | None]


def open_alerts(session: Session) -> Sequence[AlertRow]:
    return session.scalars(select(AlertRow).where(AlertRow.over_at.is_(None)).order_by(AlertRow.since)).all()


def set_alert(session: Session, kind: str, message: str | None) -> bool:
    """The alert lasts with these words, or is over with None; True when it has just been raised."""
    now = session.scalars(select(func.clock_timestamp())).one()
    row = session.get(AlertRow, kind, with_for_update=True)
    if message is None:
        if row is not None and row.over_at is None:
            row.over_at = now
        return False
    if row is None:
        session.add(AlertRow(kind=kind, message=message, since=now))
        return True
    was_over = row.over_at is not None
    row.message, row.over_at = message, None
    if was_over:
        row.since = now
    return was_over


def oldest_idle_seconds(session: Session) -> float | None:
    """How long the oldest due work has waited while no run holds a shard; None while a run works or nothing waits."""
    seconds: float | None = session.scalar(
        text(
            "SELECT extract(epoch FROM clock_timestamp() - min(since))::float8 FROM ("
            " SELECT greatest(j.created_at, i.not_before) AS since FROM items i JOIN jobs j ON j.id = i.job_id"
            " WHERE i.state = 'waiting' AND j.status IN ('queued', 'running')"
            " AND coalesce(i.not_before, '-infinity') <= clock_timestamp()"
            " UNION ALL SELECT claimed_at FROM shards WHERE state = 'claimed') waiting"
            " WHERE NOT EXISTS (SELECT 1 FROM shards WHERE state = 'held')"
        )
    )
    return seconds


def dead_deliveries(session: Session) -> int:
    """Dead letters whose last try was within a day: later they are history, to be replayed or not."""
    return (
        session.scalar(
            text(
                "SELECT count(*) FROM deliveries d WHERE d.state = 'dead' AND EXISTS (SELECT 1 FROM delivery_attempts a"
                " WHERE a.delivery_id = d.id AND a.created_at > clock_timestamp() - interval '1 day')"
            )
        )
        or 0
    )


def failing_shards(session: Session) -> int:
    """Shards that were given back or taken away at least five times."""
    return session.scalar(text("SELECT count(*) FROM shards WHERE state <> 'done' AND attempt > 5")) or 0


def overdue_jobs(session: Session) -> int:
    """Jobs that have been at work for two hours: a full batch takes 20 minutes at the most (contract section 1)."""
    return (
        session.scalar(
            text(
                "SELECT count(*) FROM jobs WHERE status IN ('running', 'reporting')"
                " AND started_at < clock_timestamp() - interval '2 hours' AND generation = 1"
            )
        )
        or 0
    )
