"""What needs both the ledger and Dagster's word on a run: decided here, asked and carried out by a sensor."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pipeline.domain.jobs import ItemError, ItemState, Outcome, Stage
from pipeline.services.ending import account_for_ended
from pipeline.services.leases import requeue
from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.items import claimed_items
from pipeline.store.jobs import locked_jobs
from pipeline.store.shards import ShardRow, ShardState, claimed_shards, held_shards, locked_shard
from pipeline.store.values import dump

GRACE_S = 5.0
"""A claimed shard's run is created within a second; before 5 s nobody may call it lost (joints-facts, rule 3)."""


class RunWord(StrEnum):
    """What Dagster says of a run, as far as the ledger cares."""

    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HeldShard:
    shard_id: int
    run_id: str


def shards_without_run(ledger: Ledger) -> list[int]:
    """Shards for which a run was asked more than the grace ago and none has begun."""
    with ledger.database.session() as session:
        return [shard.id for shard in claimed_shards(session, older_than_s=GRACE_S)]


def held(ledger: Ledger) -> list[HeldShard]:
    with ledger.database.session() as session:
        return [HeldShard(shard.id, shard.holder) for shard in held_shards(session) if shard.holder]


def requeue_claimed(ledger: Ledger, shard_id: int) -> bool:
    """The shard that a sensor claimed for nobody waits for dispatch again, under its next attempt."""
    return requeue(ledger, shard_id, only_if=lambda _, shard: shard.state is ShardState.CLAIMED)


def requeue_ended(ledger: Ledger, shard_id: int, run_id: str) -> bool:
    """The shard whose run Dagster knows to be over need not wait for its lease."""
    return requeue(ledger, shard_id, only_if=_held_by(run_id))


def _held_by(run_id: str) -> Callable[[Session, ShardRow], bool]:
    return lambda _, shard: shard.state is ShardState.HELD and shard.holder == run_id


def fail_cancelled_run(ledger: Ledger, shard_id: int, run_id: str) -> bool:
    """An operator cancelled the run in Dagster: its unfinished items fail as `cancelled_by_operator`.

    Nothing comes back by itself; the items can be retried.
    """
    with ledger.database.session() as session:
        job_ids = {item.job_id for item in claimed_items(session, shard_id)}
    with ledger.database.session() as session:
        jobs = locked_jobs(session, job_ids)
        shard = locked_shard(session, shard_id)
        if shard is None or shard.state is ShardState.DONE or shard.holder not in (None, run_id):
            return False
        ended = []
        for item in claimed_items(session, shard_id):
            stage = tuple(Stage)[item.stage_done]
            item.state, item.outcome, item.in_flight, item.failed_stage = ItemState.ENDED, Outcome.FAILED, False, stage
            error = ItemError("cancelled_by_operator", stage, "An operator stopped the work: try it again.", True)
            item.error = dump(error)
            ended.append(item.job_id)
        account_for_ended(session, jobs, ended, shard_id=None)
        shard.state, shard.holder, shard.lease_until = ShardState.DONE, None, None
        shard.attempt += 1
    return True


def is_lost(ledger: Ledger, shard_id: int, attempt: int, run_id: str) -> bool:
    """The run's attempt at the shard was given up for a newer one: it is dead, or too slow to matter."""
    with ledger.database.session() as session:
        shard = session.get(ShardRow, shard_id)
        return shard is not None and shard.attempt > attempt and shard.holder != run_id
