"""The outbox: what happened, whom to tell, and each try at telling."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.domain.events import DeliveryState
from pipeline.store.base import Base, created_at, uuid_pk


class EventRow(Base):
    """Something a customer is told. `id` is the webhook-id: the same on every try."""

    __tablename__ = "events"

    id: Mapped[uuid_pk]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    generation: Mapped[int]
    type: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger, Identity())
    """Rises with every event, so that a receiver can tell which of two came first."""
    body: Mapped[str]
    """The exact bytes that are sent and signed."""
    created_at: Mapped[created_at]

    __table_args__ = (UniqueConstraint("job_id", "generation", "type"),)


class DeliveryRow(Base):
    """One event for one endpoint."""

    __tablename__ = "deliveries"

    id: Mapped[uuid_pk]
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    endpoint_id: Mapped[UUID | None] = mapped_column(ForeignKey("endpoints.id"))
    """NULL when the job named a webhook of its own."""
    url: Mapped[str]
    secret_sealed: Mapped[str | None]
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    """When it is due; while a keeper tries, the time at which another keeper may try again."""
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    __table_args__ = (Index("ix_deliveries_due", "next_attempt_at", postgresql_where=text("state = 'pending'")),)


class DeliveryAttemptRow(Base):
    __tablename__ = "delivery_attempts"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id"), index=True)
    attempt: Mapped[int]
    status: Mapped[int | None]
    error: Mapped[str | None]
    duration_ms: Mapped[int]
    created_at: Mapped[created_at]


def claim_due(
    session: Session, *, limit: int, hold_s: float, per_account: int, busy: Sequence[UUID] = ()
) -> Sequence[DeliveryRow]:
    """Deliveries that are due, claimed for `hold_s` seconds: a keeper that dies in between loses nothing.

    At most `per_account` of one account, and none of the `busy` ones, so that a dead endpoint with many pending
    deliveries holds up nobody else.
    """
    ids = session.scalars(
        text(
            "SELECT d.id FROM deliveries d JOIN (SELECT id, row_number() OVER (PARTITION BY account_id"
            " ORDER BY next_attempt_at) AS turn FROM deliveries"
            " WHERE state = 'pending' AND next_attempt_at <= clock_timestamp()"
            " AND account_id <> ALL(cast(:busy AS uuid[]))) due ON due.id = d.id"
            " WHERE due.turn <= :per_account AND d.state = 'pending' AND d.next_attempt_at <= clock_timestamp()"
            " ORDER BY due.turn, d.next_attempt_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED"
        ),
        {"limit": limit, "per_account": per_account, "busy": list(busy)},
    ).all()
    if not ids:
        return []
    session.execute(
        text(
            "UPDATE deliveries SET next_attempt_at = clock_timestamp() + make_interval(secs => :hold)"
            " WHERE id = ANY(:ids)"
        ),
        {"hold": hold_s, "ids": list(ids)},
    )
    return session.scalars(select(DeliveryRow).where(DeliveryRow.id.in_(ids))).all()


def seconds_to_next(session: Session, *, busy: Sequence[UUID] = ()) -> float | None:
    """Seconds until the next delivery of an account that is not busy is due, 0 or less when one is due now.

    None when none is pending.
    """
    seconds: float | None = session.scalar(
        text(
            "SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp())::float8"
            " FROM deliveries WHERE state = 'pending' AND account_id <> ALL(cast(:busy AS uuid[]))"
        ),
        {"busy": list(busy)},
    )
    return seconds


def deliveries_of_account(
    session: Session, account_id: UUID | None, state: DeliveryState | None, limit: int
) -> Sequence[tuple[DeliveryRow, EventRow]]:
    """Newest first; `account_id` None is every account's (operators)."""
    found = select(DeliveryRow, EventRow).join(EventRow, EventRow.id == DeliveryRow.event_id)
    if account_id is not None:
        found = found.where(DeliveryRow.account_id == account_id)
    if state is not None:
        found = found.where(DeliveryRow.state == state)
    rows = session.execute(found.order_by(DeliveryRow.created_at.desc()).limit(limit)).all()
    return [(row[0], row[1]) for row in rows]


def bury_pending(session: Session, endpoint_id: UUID, reason: str) -> None:
    """What was still to be sent to this endpoint is a dead letter."""
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.state == DeliveryState.PENDING)
        .values(state=DeliveryState.DEAD, next_attempt_at=None, last_error=reason)
    )
