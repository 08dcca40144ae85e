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
    return session.scalar(text("SELECT count(*) FROM deliveries WHERE state = 'dead'")) or 0
