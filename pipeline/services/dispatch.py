"""From waiting items to shards: who is next, and how much of it one run takes."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pipeline.domain.jobs import JobKind
from pipeline.services.checkpoints import checkpoint
from pipeline.services.line import Ledger, LineOptions
from pipeline.store import Session
from pipeline.store.dispatch import (
    Queue,
    form_shard,
    jobs_of_shard,
    last_served,
    lock_dispatch,
    measured_seconds_per_item,
    open_shards,
    unreported_jobs,
    waiting_queues,
)
from pipeline.store.shards import ShardRow, ShardState, locked_shard

SHARDS_PER_SLOT = 2
"""One at work and one waiting its turn, so that a slot never idles and nobody queues behind a long list."""
SMALL_REST = 1.25
"""A rest of a quarter of a shard goes with it: a run of its own costs 4 CPU-s, and the cores of the larger one."""
ISOLATED_SHARD = 16
"""Suspects in one shard: they are walked one at a time anyway."""
ALONE = frozenset({JobKind.VIDEO_ANALYSIS})
"""Kinds of which one item is a run's work: a video takes as long as hundreds of pictures."""


@dataclass(frozen=True, slots=True)
class ShardOrder:
    """A shard that needs a run, with what Dagster shows of it."""

    shard_id: int
    run_key: str
    tags: dict[str, str]


def claim_shards(ledger: Ledger) -> list[ShardOrder]:
    """Shards that a run must be asked for, now marked as claimed. Empty when nothing waits or all slots are taken.

    Order: priority class, then round robin over customers, then age. A shard whose run died comes before new ones.
    """
    with ledger.database.session() as session:
        lock_dispatch(session)
        opened = list(open_shards(session))
        at_work = sum(shard.state is not ShardState.WAITING for shard in opened)
        room = SHARDS_PER_SLOT * ledger.options.run_slots - at_work
        due = [shard.id for shard in opened if _is_due(shard)][: max(0, room)]
        # Locked and looked at once more: a late run of the last attempt may have taken it meanwhile.
        again = [locked_shard(session, shard_id) for shard_id in due]
        claimed = [shard for shard in again if shard is not None and _is_due(shard)]
        claimed += _shards_for_reports(session)
        claimed += _new_shards(session, ledger.options, opened, room - len(claimed))
        now = datetime.now(UTC)
        orders = []
        for shard in claimed:
            shard.state, shard.claimed_at = ShardState.CLAIMED, now
            session.flush()
            orders.append(_order(session, shard))
    if orders:
        checkpoint("dispatch.claimed")
    return orders


def _is_due(shard: ShardRow) -> bool:
    if shard.state is not ShardState.WAITING:
        return False
    return shard.not_before is None or shard.not_before <= datetime.now(UTC)


def _new_shards(session: Session, options: LineOptions, opened: Sequence[ShardRow], room: int) -> list[ShardRow]:
    """As many new shards as there is room for; the customer with the fewest outstanding shards goes first."""
    outstanding = Counter(shard.account_id for shard in opened)
    served = last_served(session)
    formed: list[ShardRow] = []
    blocked: set[tuple[UUID, JobKind, bool]] = set()
    while room > 0:
        queues = [q for q in waiting_queues(session) if (q.account_id, q.kind, q.isolated) not in blocked]
        others = len({queue.account_id for queue in queues})
        allowed = [queue for queue in queues if _may_have_another(outstanding, queue.account_id, others, options)]
        if not allowed:
            return formed
        queue = min(
            allowed,
            key=lambda q: (-q.priority, outstanding[q.account_id], served.get(q.account_id, 0), q.oldest_at),
        )
        shard = form_shard(session, queue, limit=_size(session, queue, options, others=others, room=room))
        if shard is None:
            blocked.add((queue.account_id, queue.kind, queue.isolated))
            continue
        outstanding[queue.account_id] += 1
        served[queue.account_id] = shard.id
        formed.append(shard)
        room -= 1
    return formed


def _may_have_another(outstanding: Counter[UUID], account_id: UUID, others: int, options: LineOptions) -> bool:
    """A customer alone may fill every slot; while others wait, nobody takes the last one."""
    if others <= 1:
        return outstanding[account_id] < max(1, options.run_slots)
    return outstanding[account_id] < max(1, options.run_slots - 1)


def _size(session: Session, queue: Queue, options: LineOptions, *, others: int, room: int) -> int:
    """Items for one shard: about 90 s of work, 15 s while other customers wait; on a fleet no slot stays empty."""
    if queue.kind in ALONE:
        return 1
    if queue.isolated:
        return ISOLATED_SHARD
    per_item_s = measured_seconds_per_item(session, queue.kind) or options.seconds_per_item
    target_s = options.shared_shard_s if others > 1 else options.shard_s
    size = max(1, min(options.max_shard_items, int(target_s / max(per_item_s, 0.001))))
    if others <= 1 and queue.items <= size * SMALL_REST:
        size = min(queue.items, options.max_shard_items)
    if options.spread:
        size = min(size, math.ceil(queue.items / max(1, room)))
    return size


def _shards_for_reports(session: Session) -> list[ShardRow]:
    """Shards without items for jobs that wait for their report and have no run to make it (cancelled ones)."""
    shards: dict[tuple[UUID, JobKind], ShardRow] = {}
    for job in unreported_jobs(session):
        shard = shards.get((job.account_id, job.kind))
        if shard is None:
            shard = ShardRow(account_id=job.account_id, kind=job.kind)
            session.add(shard)
            session.flush()
            shards[(job.account_id, job.kind)] = shard
        job.report_shard_id = shard.id
    return list(shards.values())


def _order(session: Session, shard: ShardRow) -> ShardOrder:
    jobs = jobs_of_shard(session, shard.id, limit=3)
    return ShardOrder(
        shard.id,
        shard.run_key,
        {
            "darkroom/shard": str(shard.id),
            "darkroom/attempt": str(shard.attempt),
            "darkroom/customer": str(shard.account_id),
            "darkroom/kind": shard.kind.value,
            "darkroom/jobs": " ".join(str(job_id) for job_id in jobs),
        },
    )
