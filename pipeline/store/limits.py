"""Rate windows and idempotency keys: what one account did lately, on every process and after a restart."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.store.base import Base, created_at


class RateWindowRow(Base):
    """The times of the calls of the last minute: a sliding window, so that its edge cannot be gamed."""

    __tablename__ = "rate_windows"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), default=list)


class IdempotencyRow(Base):
    __tablename__ = "idempotency_keys"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str]
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id"))
    created_at: Mapped[created_at]


WINDOW = timedelta(seconds=60)


def count_call(session: Session, account_id: UUID, name: str, *, limit: int) -> tuple[bool, int, float]:
    """Counts one call if the window has room: (allowed, remaining, seconds until the oldest call leaves the window).

    Uses the database's clock, so that several hosts agree. A refused call is not counted.
    """
    session.execute(insert(RateWindowRow).values(account_id=account_id, name=name, calls=[]).on_conflict_do_nothing())
    row = session.scalars(
        select(RateWindowRow)
        .where(RateWindowRow.account_id == account_id, RateWindowRow.name == name)
        .with_for_update()
    ).one()
    now, calls = _recent(session, row)
    allowed = len(calls) < limit
    if allowed:
        calls.append(now)
    row.calls = calls
    reset_s = (calls[0] + WINDOW - now).total_seconds() if calls else WINDOW.total_seconds()
    return allowed, max(0, limit - len(calls)), reset_s


def room_left(session: Session, account_id: UUID, name: str, *, limit: int) -> tuple[int, float]:
    """(remaining, seconds until the oldest call leaves the window), with nothing counted."""
    row = session.get(RateWindowRow, (account_id, name))
    if row is None:
        return limit, 0.0
    now, calls = _recent(session, row)
    return max(0, limit - len(calls)), (calls[0] + WINDOW - now).total_seconds() if calls else 0.0


def _recent(session: Session, row: RateWindowRow) -> tuple[datetime, list[datetime]]:
    now = session.scalars(select(func.clock_timestamp())).one()
    return now, [call for call in row.calls if call > now - WINDOW]


def claim_key(session: Session, account_id: UUID, key: str, request_digest: str) -> IdempotencyRow:
    """The row of this key, locked; its `job_id` is set when the request was carried out before."""
    session.execute(
        insert(IdempotencyRow)
        .values(account_id=account_id, key=key, request_digest=request_digest)
        .on_conflict_do_nothing()
    )
    return session.scalars(
        select(IdempotencyRow)
        .where(IdempotencyRow.account_id == account_id, IdempotencyRow.key == key)
        .with_for_update()
    ).one()
