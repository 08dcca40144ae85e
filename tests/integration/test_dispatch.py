"""Dispatch on a real ledger: who is next, how much at once, and nothing twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from pipeline.domain.jobs import ItemState, JobStatus
from pipeline.services.dispatch import ShardOrder, claim_shards
from pipeline.services.jobs import cancel
from pipeline.services.leases import holding, release
from pipeline.services.line import Ledger
from pipeline.services.views import show_job
from pipeline.services.waiting import wait_for_shards
from pipeline.store.items import items_of_job
from pipeline.store.notify import STOP, notify
from pipeline.store.shards import ShardRow
from tests.factories import a_job, an_account


def with_options(ledger: Ledger, **changes: Any) -> Ledger:
    return replace(ledger, options=replace(ledger.options, **changes))


def finish(ledger: Ledger, order: ShardOrder) -> None:
    """The order's run took the shard and gave it back without having done anything."""
    with holding(ledger, order.shard_id, f"run-of-{order.shard_id}") as fence:
        assert fence is not None
        release(ledger, fence)


def shard(ledger: Ledger, shard_id: int) -> ShardRow:
    with ledger.database.session() as session:
        return session.get_one(ShardRow, shard_id)


def test_many_small_jobs_of_one_customer_share_a_shard(ledger: Ledger) -> None:
    caller = an_account(ledger)
    jobs = [a_job(ledger, caller) for _ in range(5)]
    (order,) = claim_shards(ledger)
    assert shard(ledger, order.shard_id).items == 5
    assert all(show_job(ledger, job).status is JobStatus.RUNNING for job in jobs)


def test_two_dispatchers_never_split_a_job_between_them(ledger: Ledger) -> None:
    a_job(ledger, an_account(ledger), ["http://127.0.0.1:9/a.jpg"] * 200)
    with ThreadPoolExecutor(4) as pool:
        orders = [order for found in pool.map(lambda _: claim_shards(ledger), range(4)) for order in found]
    assert [shard(ledger, order.shard_id).items for order in orders] == [200]


def test_a_shard_holds_at_most_the_set_number_of_images(ledger: Ledger) -> None:
    a_job(ledger, an_account(ledger), ["http://127.0.0.1:9/a.jpg"] * 30)
    orders = claim_shards(with_options(ledger, max_shard_items=20))
    assert [shard(ledger, order.shard_id).items for order in orders] == [20, 10]


@pytest.mark.parametrize(("images", "shards"), [(20, [20]), (25, [25]), (26, [20, 6])])
def test_a_small_rest_goes_with_the_shard_before_it(ledger: Ledger, images: int, shards: list[int]) -> None:
    a_job(ledger, an_account(ledger), ["http://127.0.0.1:9/a.jpg"] * images)
    orders = claim_shards(with_options(ledger, shard_s=3.0, seconds_per_item=0.15))
    assert [shard(ledger, order.shard_id).items for order in orders] == shards


def test_on_a_fleet_one_batch_spreads_over_the_free_slots(ledger: Ledger) -> None:
    a_job(ledger, an_account(ledger), ["http://127.0.0.1:9/a.jpg"] * 40)
    orders = claim_shards(with_options(ledger, spread=True, run_slots=4))
    assert len(orders) >= 4


def test_no_customer_takes_the_last_slot_while_another_waits(ledger: Ledger) -> None:
    big, small = an_account(ledger), an_account(ledger)
    a_job(ledger, big, ["http://127.0.0.1:9/a.jpg"] * 40)
    a_job(ledger, small)
    orders = claim_shards(with_options(ledger, max_shard_items=10))
    first = [order.tags["darkroom/customer"] for order in orders[: ledger.options.run_slots]]
    assert set(first) == {str(big.account_id), str(small.account_id)}


def test_outstanding_shards_are_at_most_two_for_each_slot(ledger: Ledger) -> None:
    for _ in range(8):
        a_job(ledger, an_account(ledger))
    assert len(claim_shards(ledger)) == 2 * ledger.options.run_slots
    assert claim_shards(ledger) == []


def test_a_customer_served_long_ago_comes_before_one_just_served(ledger: Ledger) -> None:
    ledger = with_options(ledger, run_slots=1, max_shard_items=1)
    first, second = an_account(ledger), an_account(ledger)
    a_job(ledger, first, ["http://127.0.0.1:9/a.jpg"] * 3)
    a_job(ledger, second, ["http://127.0.0.1:9/a.jpg"] * 3)
    served = [order.tags["darkroom/customer"] for order in claim_shards(ledger)]
    assert served == [str(first.account_id), str(second.account_id)]


def test_a_cancelled_job_is_dispatched_for_its_report_alone(ledger: Ledger) -> None:
    job = a_job(ledger, an_account(ledger))
    view = cancel(ledger, job)
    assert view.cancelled and view.status is JobStatus.REPORTING
    (order,) = claim_shards(ledger)
    assert shard(ledger, order.shard_id).items == 0
    assert order.tags["darkroom/jobs"] == str(job)


def test_a_listening_sensor_hears_of_a_new_job_at_once(ledger: Ledger) -> None:
    caller = an_account(ledger)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_shards, ledger, until=float("inf"))
        a_job(ledger, caller)
        assert len(waiting.result(timeout=20)) == 1


def test_a_listening_sensor_returns_when_the_instance_stops(ledger: Ledger) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_shards, ledger, until=float("inf"))
        while not waiting.done():
            with ledger.database.session() as session:
                notify(session, STOP)
        assert waiting.result() == []


@pytest.mark.parametrize("seconds", [3600.0])
def test_an_item_in_back_off_is_not_dispatched(ledger: Ledger, seconds: float) -> None:
    from datetime import UTC, datetime, timedelta

    job = a_job(ledger, an_account(ledger))
    with ledger.database.session() as session:
        for item in items_of_job(session, job):
            item.not_before = datetime.now(UTC) + timedelta(seconds=seconds)
    assert claim_shards(ledger) == []
    with ledger.database.session() as session:
        for item in items_of_job(session, job):
            item.not_before = datetime.now(UTC) - timedelta(seconds=1)
    assert len(claim_shards(ledger)) == 1
    with ledger.database.session() as session:
        assert {item.state for item in items_of_job(session, job)} == {ItemState.CLAIMED}
