"""Holding a shard: taking it, keeping the lease alive, giving it back, and mending what a dead run left."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from pipeline.domain.jobs import ITEM_STAGES, MAX_ATTEMPTS, ItemError, ItemState, Outcome, Stage
from pipeline.errors import DatabaseUnavailable, Quarantined, ShardLost
from pipeline.services.ending import account_for_ended
from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.items import ItemRow, claimed_items
from pipeline.store.jobs import jobs_to_report, locked_jobs
from pipeline.store.notify import WORK, notify
from pipeline.store.shards import (
    Fence,
    ShardRow,
    ShardState,
    expired_shards,
    hold,
    locked_shard,
    renew,
    take,
)
from pipeline.store.values import dump

log = logging.getLogger(__name__)

MAX_BACK_OFF_S = 300
INSIST_TIMES, INSIST_EVERY_S = 30, 2.0
"""A database that restarts is back within seconds; after a minute the lease must do."""

_FENCES: dict[tuple[int, str], Fence] = {}
"""Fences this process has held. A run that finds a newer epoch than its own has been overtaken and must stop."""


@contextmanager
def holding(ledger: Ledger, shard_id: int, run_id: str) -> Iterator[Fence | None]:
    """The run holds the shard inside the block; None when another run holds it or nothing is left to do.

    The lease outlives the block, so that the run's next stage goes on under it; an exception releases it.
    """
    fence = take_shard(ledger, shard_id, run_id)
    if fence is None:
        yield None
        return
    with _heartbeat(ledger, fence):
        try:
            yield fence
        except ShardLost:
            raise
        except Exception:
            release(ledger, fence, failed=True)
            raise
        except BaseException:
            # Interrupted from outside. The shard is not given back: an operator's cancel would come back by itself.
            acquit(ledger, fence)
            raise


def take_shard(ledger: Ledger, shard_id: int, run_id: str) -> Fence | None:
    with ledger.database.session() as session:
        fence = take(session, shard_id, run_id, lease_s=ledger.options.lease_s)
    known = _FENCES.get((shard_id, run_id))
    if fence is not None and known is not None and fence != known:
        release(ledger, fence)
        raise ShardLost(f"Run {run_id} had lost shard {shard_id}: another run has worked on it since.")
    if fence is not None:
        _FENCES[(shard_id, run_id)] = fence
    return fence


def holder_of(ledger: Ledger, shard_id: int) -> str | None:
    """The run that holds the shard, for the words of a run that did not get it."""
    with ledger.database.session() as session:
        row = session.get(ShardRow, shard_id)
        return None if row is None else row.holder


@contextmanager
def _heartbeat(ledger: Ledger, fence: Fence) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(ledger.options.heartbeat_s):
            try:
                with ledger.database.session() as session:
                    if not renew(session, fence, lease_s=ledger.options.lease_s):
                        return
            except DatabaseUnavailable:
                log.warning("The lease of shard %s could not be renewed: the database is away.", fence.shard_id)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def release(ledger: Ledger, fence: Fence, *, failed: bool = False) -> None:
    """The shard is free again: done when none of its items is left, else waiting for its next run.

    After a failed run the next one waits 2, 4, 8 ... at most 300 s, so that trouble that stays does not spin. Items
    that a stage left in flight count as not tried: the process is alive to say so.
    """

    def give_back() -> None:
        with ledger.database.session() as session:
            shard = locked_shard(session, fence.shard_id)
            if shard is None or shard.epoch != fence.epoch or shard.holder != fence.run_id:
                return
            items = claimed_items(session, fence.shard_id)
            for item in items:
                item.in_flight = False
            _settle(session, shard, unfinished=bool(items))
            if failed:
                shard.not_before = _back_off(shard.attempt)

    _insisting(give_back, fence)


def acquit(ledger: Ledger, fence: Fence) -> None:
    """No item counts as in flight: this process ends in good order, so none of them is to blame for its end."""

    def clear() -> None:
        with ledger.database.session() as session:
            hold(session, fence)
            for item in claimed_items(session, fence.shard_id):
                item.in_flight = False

    try:
        clear()
    except (ShardLost, DatabaseUnavailable):
        log.warning("The items of shard %s stay marked as in flight.", fence.shard_id)


def _insisting(write: Callable[[], None], fence: Fence) -> None:
    """The write is made as soon as the database takes it; given up when it stays away."""
    pause = threading.Event()
    for _ in range(INSIST_TIMES):
        try:
            return write()
        except DatabaseUnavailable:
            pause.wait(INSIST_EVERY_S)
    log.warning("Shard %s could not be released: its lease will run out.", fence.shard_id)
    return None


def _back_off(attempt: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=min(MAX_BACK_OFF_S, 2**attempt))


def add_seconds(session: Session, fence: Fence, seconds: float) -> None:
    """Under the fence: the shard's stages took this much longer."""
    hold(session, fence)
    row = session.get(ShardRow, fence.shard_id)
    if row is not None:
        row.seconds += seconds


def expire_leases(ledger: Ledger) -> int:
    """Shards whose run has not been heard of for a whole lease are free for another run; returns how many."""
    with ledger.database.session() as session:
        ids = [row.id for row in expired_shards(session)]
    return sum(requeue(ledger, shard_id, only_if=_lease_is_over) for shard_id in ids)


def _lease_is_over(session: Session, shard: ShardRow) -> bool:
    return shard.id in {row.id for row in expired_shards(session)}


def requeue(ledger: Ledger, shard_id: int, *, only_if: Callable[[Session, ShardRow], bool]) -> bool:
    """The shard's run is dead: what was in flight is a suspect, the rest waits for the shard's next attempt.

    A suspect leaves the shard and is run alone; one that was in flight in three dead processes is quarantined.
    Locks jobs, then the shard, then items: the order everywhere.
    """
    with ledger.database.session() as session:
        suspects = [item for item in claimed_items(session, shard_id) if item.in_flight]
        job_ids = {item.job_id for item in suspects}
    with ledger.database.session() as session:
        jobs = locked_jobs(session, job_ids)
        shard = locked_shard(session, shard_id)
        if shard is None or not only_if(session, shard):
            return False
        items, attempt = claimed_items(session, shard_id), shard.attempt
        ended = []
        for item in items:
            if not item.in_flight:
                continue
            if _blame(item):
                ended.append(item.job_id)
        account_for_ended(session, jobs, ended, shard_id=None)
        _settle(session, shard, unfinished=any(item.state == ItemState.CLAIMED for item in items))
        if attempt > 2:  # it died again and again with nobody to blame: not at once a fourth time
            shard.not_before = _back_off(attempt)
        shard.attempt = attempt + 1  # even when nothing is left: the dead run's attempt is over, and reconcile sees it
        log.warning("Shard %s was taken from run %s, which has died.", shard_id, shard.last_holder)
    return True


def _blame(item: ItemRow) -> bool:
    """The item was in flight when its process died; True when it is quarantined for it."""
    item.in_flight = False
    item.attempts += 1
    if item.attempts < MAX_ATTEMPTS:
        item.state, item.shard_id = ItemState.WAITING, None
        return False
    stage = ITEM_STAGES[min(item.stage_done, len(ITEM_STAGES) - 1)]
    item.state, item.outcome, item.failed_stage = ItemState.ENDED, Outcome.FAILED, stage
    item.error = dump(ItemError(Quarantined.code, Stage(stage), str(Quarantined()), retryable=True))
    return True


def _settle(session: Session, shard: ShardRow, *, unfinished: bool) -> None:
    """Nobody holds the shard; with unfinished items or reports it waits for its next attempt."""
    shard.holder, shard.lease_until = None, None
    if unfinished or jobs_to_report(session, shard.id):
        shard.state, shard.attempt = ShardState.WAITING, shard.attempt + 1
    else:
        shard.state = ShardState.DONE
    notify(session, WORK)
