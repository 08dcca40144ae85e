"""Shards: the items one run works on, and the fence that lets only one run write."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from pipeline.domain.jobs import JobKind
from pipeline.errors import ShardLost
from pipeline.store.base import Base, created_at


class ShardState(StrEnum):
    WAITING = "waiting"
    """Needs a run: a sensor will ask Dagster for one."""
    CLAIMED = "claimed"
    """A sensor has asked Dagster for a run, which has not begun yet."""
    HELD = "held"
    """A run works on it."""
    DONE = "done"


class ShardRow(Base):
    __tablename__ = "shards"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[JobKind]
    state: Mapped[ShardState] = mapped_column(default=ShardState.WAITING)
    attempt: Mapped[int] = mapped_column(default=1)
    isolated: Mapped[bool] = mapped_column(default=False)
    """Its items were in flight when a process died: they are walked one at a time."""
    items: Mapped[int] = mapped_column(default=0)
    holder: Mapped[str | None]
    """Dagster run id of the run that holds the lease."""
    last_holder: Mapped[str | None]
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_until: Mapped[datetime | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    """Wall seconds of the stages, all runs together: what dispatch estimates the next shards by."""
    claimed_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    """A run of it failed: the next one waits until then."""
    created_at: Mapped[created_at]

    __table_args__ = (Index("ix_shards_open", "state", postgresql_where=text("state <> 'done'")),)

    @property
    def run_key(self) -> str:
        return f"shard:{self.id}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof of holding a shard: every write of a run carries it and changes nothing once it is stale."""

    shard_id: int
    run_id: str
    epoch: int


def take(session: Session, shard_id: int, run_id: str, *, lease_s: float) -> Fence | None:
    """The run holds the shard until the lease ends; None when another run's lease is live or nothing is left to do.

    The same run gets the same epoch again, so that its later stages go on under one fence.
    """
    epoch = session.scalar(
        text(
            "UPDATE shards SET epoch = CASE WHEN holder = :run THEN epoch ELSE epoch + 1 END, holder = :run,"
            " last_holder = :run, state = 'held', lease_until = clock_timestamp() + make_interval(secs => :lease)"
            " WHERE id = :id AND state <> 'done'"
            " AND (holder IS NULL OR holder = :run OR lease_until < clock_timestamp()) RETURNING epoch"
        ),
        {"id": shard_id, "run": run_id, "lease": lease_s},
    )
    return None if epoch is None else Fence(shard_id, run_id, epoch)


def hold(session: Session, fence: Fence) -> None:
    """The fence stays valid until this transaction ends; raises `ShardLost` when it is stale already."""
    held = session.scalar(
        select(ShardRow.id)
        .where(ShardRow.id == fence.shard_id, ShardRow.epoch == fence.epoch, ShardRow.holder == fence.run_id)
        .with_for_update(read=True)
    )
    if held is None:
        raise ShardLost(f"Run {fence.run_id} no longer holds shard {fence.shard_id}: another run has taken over.")


def renew(session: Session, fence: Fence, *, lease_s: float) -> bool:
    """The lease runs for `lease_s` more seconds; False when the shard was lost."""
    renewed = session.scalar(
        update(ShardRow)
        .where(ShardRow.id == fence.shard_id, ShardRow.epoch == fence.epoch, ShardRow.holder == fence.run_id)
        .values(lease_until=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, lease_s))
        .returning(ShardRow.id)
    )
    return renewed is not None


def expired_shards(session: Session) -> Sequence[ShardRow]:
    """Held shards whose lease has run out, locked; shards that somebody else is mending are passed over."""
    return session.scalars(
        select(ShardRow)
        .where(ShardRow.state == ShardState.HELD, ShardRow.lease_until < func.clock_timestamp())
        .order_by(ShardRow.id)
        .with_for_update(skip_locked=True)
    ).all()


def held_shards(session: Session) -> Sequence[ShardRow]:
    return session.scalars(select(ShardRow).where(ShardRow.state == ShardState.HELD).order_by(ShardRow.id)).all()


def claimed_shards(session: Session, *, older_than_s: float) -> Sequence[ShardRow]:
    """Shards for which a run was asked at least this long ago and has not begun."""
    return session.scalars(
        select(ShardRow)
        .where(
            ShardRow.state == ShardState.CLAIMED,
            ShardRow.claimed_at < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, older_than_s),
        )
        .order_by(ShardRow.id)
    ).all()


def locked_shard(session: Session, shard_id: int) -> ShardRow | None:
    return session.scalar(
        select(ShardRow).where(ShardRow.id == shard_id).with_for_update().execution_options(populate_existing=True)
    )
