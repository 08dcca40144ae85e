"""The fence and the lease on a real ledger: one run writes, a dead one is replaced, a zombie is refused."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from pipeline.domain.jobs import MAX_ATTEMPTS, ItemState, JobStatus, Outcome, Stage
from pipeline.errors import ShardLost, SourceBusy, SourceUnavailable, StoreUnavailable, UnsupportedType
from pipeline.services.dispatch import claim_shards
from pipeline.services.leases import expire_leases, holding, release, requeue, take_shard
from pipeline.services.line import Ledger, Line
from pipeline.services.processing import MAX_SOURCE_TRIES, Patch, walk
from pipeline.services.repairs import fail_cancelled_run, is_lost, requeue_ended
from pipeline.services.reporting import REPORT_TRIES, report_jobs
from pipeline.services.retrying import retry_failed
from pipeline.services.views import show_job
from pipeline.store.items import ItemRow, items_of_job, mark_in_flight
from pipeline.store.jobs import JobRow
from pipeline.store.shards import Fence, ShardRow, ShardState, hold, locked_shard
from tests.factories import a_job, an_account
from tests.fakes import NoReader, NoSource, NoStore


@pytest.fixture
def line(ledger: Ledger) -> Line:
    return Line(ledger.database, ledger.key, ledger.options, NoStore(), NoSource(), None, NoReader())


def a_claimed_shard(ledger: Ledger, pictures: int = 4) -> tuple[UUID, int]:
    job = a_job(ledger, an_account(ledger), ["http://127.0.0.1:9/a.jpg"] * pictures)
    (order,) = claim_shards(ledger)
    return job, order.shard_id


def items(ledger: Ledger, job: UUID) -> list[ItemRow]:
    with ledger.database.session() as session:
        return list(items_of_job(session, job))


def shard(ledger: Ledger, shard_id: int) -> ShardRow:
    with ledger.database.session() as session:
        return session.get_one(ShardRow, shard_id)


def end_lease(ledger: Ledger, shard_id: int) -> None:
    """As if the holder had not been heard of for a whole lease."""
    with ledger.database.session() as session:
        row = locked_shard(session, shard_id)
        assert row is not None
        row.lease_until = row.created_at


def passing(line: Line, item: ItemRow, fence: Fence) -> Patch:
    return {"timings": {}}


def test_the_stages_of_one_run_share_one_epoch(ledger: Ledger) -> None:
    _, shard_id = a_claimed_shard(ledger)
    first, again = take_shard(ledger, shard_id, "a"), take_shard(ledger, shard_id, "a")
    assert first == again is not None


def test_a_second_run_is_refused_while_the_lease_is_live(ledger: Ledger) -> None:
    _, shard_id = a_claimed_shard(ledger)
    assert take_shard(ledger, shard_id, "a") is not None
    assert take_shard(ledger, shard_id, "b") is None


def test_every_write_of_an_overtaken_run_is_refused(line: Line) -> None:
    job, shard_id = a_claimed_shard(line)
    old = take_shard(line, shard_id, "a")
    assert old is not None
    end_lease(line, shard_id)
    new = take_shard(line, shard_id, "b")
    assert new is not None and new.epoch == old.epoch + 1
    with pytest.raises(ShardLost):
        walk(line, old, Stage.DOWNLOAD, passing)
    assert {item.stage_done for item in items(line, job)} == {0}
    with line.database.session() as session, pytest.raises(ShardLost):
        hold(session, old)


def test_a_run_that_wakes_up_after_it_was_overtaken_does_not_begin_again(ledger: Ledger) -> None:
    _, shard_id = a_claimed_shard(ledger)
    take_shard(ledger, shard_id, "zombie")
    end_lease(ledger, shard_id)
    successor = take_shard(ledger, shard_id, "successor")
    assert successor is not None
    release(ledger, successor)
    with pytest.raises(ShardLost):
        take_shard(ledger, shard_id, "zombie")


def test_a_live_run_keeps_its_lease_by_its_heartbeat(ledger: Ledger, until: Callable[..., None]) -> None:
    ledger = replace(ledger, options=replace(ledger.options, lease_s=60.0, heartbeat_s=0.1))
    _, shard_id = a_claimed_shard(ledger)
    with holding(ledger, shard_id, "a") as fence:
        assert fence is not None
        end_lease(ledger, shard_id)
        until(lambda: shard(ledger, shard_id).lease_until > datetime.now(UTC))
        assert expire_leases(ledger) == 0


def test_only_what_was_in_flight_is_blamed_for_a_death(ledger: Ledger) -> None:
    job, shard_id = a_claimed_shard(ledger)
    take_shard(ledger, shard_id, "a")
    suspect = items(ledger, job)[0].id
    with ledger.database.session() as session:
        mark_in_flight(session, shard_id, [suspect])
    end_lease(ledger, shard_id)
    assert expire_leases(ledger) == 1
    attempts = {item.id: (item.attempts, item.state) for item in items(ledger, job)}
    assert attempts.pop(suspect) == (1, ItemState.WAITING)
    assert set(attempts.values()) == {(0, ItemState.CLAIMED)}
    assert shard(ledger, shard_id).state is ShardState.WAITING and shard(ledger, shard_id).attempt == 2


def test_suspects_are_run_alone(ledger: Ledger) -> None:
    job, shard_id = a_claimed_shard(ledger)
    take_shard(ledger, shard_id, "a")
    with ledger.database.session() as session:
        mark_in_flight(session, shard_id, [items(ledger, job)[0].id])
    end_lease(ledger, shard_id)
    expire_leases(ledger)
    orders = claim_shards(ledger)
    rows = {order.shard_id: shard(ledger, order.shard_id) for order in orders}
    assert rows[shard_id].isolated is False
    (alone,) = [row for row in rows.values() if row.isolated]
    assert alone.items == 1


def test_an_item_that_kills_its_process_three_times_is_quarantined_and_its_batch_ends(ledger: Ledger) -> None:
    job, _ = a_claimed_shard(ledger, pictures=1)
    for attempt in range(MAX_ATTEMPTS):
        shard_id = items(ledger, job)[0].shard_id
        assert shard_id is not None
        take_shard(ledger, shard_id, f"run-{attempt}")
        with ledger.database.session() as session:
            mark_in_flight(session, shard_id, [items(ledger, job)[0].id])
        end_lease(ledger, shard_id)
        expire_leases(ledger)
        claim_shards(ledger)
    (item,) = items(ledger, job)
    assert item.outcome is Outcome.FAILED and item.error is not None and item.error["code"] == "quarantined"
    assert show_job(ledger, job).status is JobStatus.REPORTING


def test_a_dead_run_that_leaves_nothing_to_do_still_counts_as_lost(ledger: Ledger) -> None:
    job, shard_id = a_claimed_shard(ledger, pictures=1)
    take_shard(ledger, shard_id, "a")
    with ledger.database.session() as session:
        mark_in_flight(session, shard_id, [items(ledger, job)[0].id])
    assert requeue_ended(ledger, shard_id, "a")
    assert shard(ledger, shard_id).state is ShardState.DONE
    assert is_lost(ledger, shard_id, 1, "a")


def test_a_failed_run_gives_its_shard_back_with_a_pause(line: Line) -> None:
    job, shard_id = a_claimed_shard(line)
    with pytest.raises(ZeroDivisionError), holding(line, shard_id, "a"):
        raise ZeroDivisionError
    row = shard(line, shard_id)
    assert row.state is ShardState.WAITING and row.holder is None and row.not_before is not None
    assert {item.attempts for item in items(line, job)} == {0}


def test_a_bad_item_fails_alone_and_the_rest_goes_on(line: Line) -> None:
    job, shard_id = a_claimed_shard(line)
    bad = items(line, job)[1].id

    def one_is_bad(line: Line, item: ItemRow, fence: Fence) -> Patch:
        if item.id == bad:
            raise UnsupportedType
        return {}

    with holding(line, shard_id, "a") as fence:
        assert fence is not None
        counts = walk(line, fence, Stage.DOWNLOAD, one_is_bad)
    assert (counts.items, counts.failed) == (4, 1)
    view = show_job(line, job)
    assert view.counts == {Outcome.FAILED: 1}
    error = view.items[1].error
    assert error is not None and (error.code, error.stage, error.retryable) == ("unsupported_type", "download", False)
    assert [item.stage_done for item in view.items] == [1, 0, 1, 1]


def test_trouble_of_the_store_hands_items_back_and_costs_no_attempt(line: Line) -> None:
    job, shard_id = a_claimed_shard(line)

    def store_is_away(line: Line, item: ItemRow, fence: Fence) -> Patch:
        raise StoreUnavailable

    with holding(line, shard_id, "a") as fence:
        assert fence is not None
        counts = walk(line, fence, Stage.DOWNLOAD, store_is_away)
    assert counts.handed_back == 4
    found = items(line, job)
    assert {(item.state, item.attempts, item.tries, item.shard_id) for item in found} == {
        (ItemState.WAITING, 0, 0, None)
    }
    assert all(item.not_before is not None for item in found)


def test_a_source_that_stays_away_fails_its_item_after_the_last_try(line: Line) -> None:
    job, shard_id = a_claimed_shard(line, pictures=1)
    with line.database.session() as session:
        items_of_job(session, job)[0].tries = MAX_SOURCE_TRIES - 1

    def source_is_away(line: Line, item: ItemRow, fence: Fence) -> Patch:
        raise SourceUnavailable("The source answers 503.")

    with holding(line, shard_id, "a") as fence:
        assert fence is not None
        walk(line, fence, Stage.DOWNLOAD, source_is_away)
    error = show_job(line, job).items[0].error
    assert error is not None and error.code == "source_unavailable" and error.retryable


def test_a_slow_picture_holds_back_no_other_ones_result(line: Line, until: Callable[..., None]) -> None:
    job, shard_id = a_claimed_shard(line)
    slow = items(line, job)[0].id
    others_are_written = threading.Event()

    def one_is_slow(line: Line, item: ItemRow, fence: Fence) -> Patch:
        if item.id == slow:
            assert others_are_written.wait(30)
        return {}

    def look() -> None:
        until(lambda: sorted(item.stage_done for item in items(line, job)) == [0, 1, 1, 1])
        others_are_written.set()

    with ThreadPoolExecutor(1) as pool, holding(line, shard_id, "a") as fence:
        assert fence is not None
        looked = pool.submit(look)
        walk(line, fence, Stage.DOWNLOAD, one_is_slow)
        looked.result()


def test_a_source_that_asks_for_years_is_asked_again_within_the_hour(line: Line) -> None:
    job, shard_id = a_claimed_shard(line, pictures=1)

    def come_back_in_2056(line: Line, item: ItemRow, fence: Fence) -> Patch:
        raise SourceUnavailable("Come back later.", retry_after_s=1e9)

    with holding(line, shard_id, "a") as fence:
        assert fence is not None
        walk(line, fence, Stage.DOWNLOAD, come_back_in_2056)
    (item,) = items(line, job)
    assert item.not_before is not None and item.not_before < datetime.now(UTC) + timedelta(hours=1)


def test_waiting_for_our_own_slots_counts_no_try(line: Line) -> None:
    job, shard_id = a_claimed_shard(line, pictures=1)

    def all_slots_are_taken(line: Line, item: ItemRow, fence: Fence) -> Patch:
        raise SourceBusy

    with holding(line, shard_id, "a") as fence:
        assert fence is not None
        walk(line, fence, Stage.DOWNLOAD, all_slots_are_taken)
    assert [(item.state, item.tries) for item in items(line, job)] == [(ItemState.WAITING, 0)]


def test_an_interrupted_run_blames_no_picture_and_keeps_its_lease(line: Line) -> None:
    job, shard_id = a_claimed_shard(line)

    def interrupted() -> None:
        with holding(line, shard_id, "a"):
            with line.database.session() as session:
                mark_in_flight(session, shard_id, [item.id for item in items_of_job(session, job)])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(item.in_flight for item in items(line, job))
    assert shard(line, shard_id).holder == "a"


def test_a_job_whose_report_fails_every_time_ends_without_one(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    job, shard_id = a_claimed_shard(line, pictures=1)
    with line.database.session() as session:
        (item,) = items_of_job(session, job)
        item.state, item.outcome, item.failed_stage = ItemState.ENDED, Outcome.FAILED, Stage.DOWNLOAD
        item.error = {"broken": "so that its report cannot be made"}
        row = session.get_one(JobRow, job)
        row.status, row.open_items, row.report_shard_id = JobStatus.REPORTING, 0, shard_id
    for attempt in range(REPORT_TRIES):
        with holding(line, shard_id, f"run-{attempt}") as fence:
            assert fence is not None
            report_jobs(line, fence)
        (order,) = claim_shards(line) or [None]
        shard_id = shard_id if order is None else order.shard_id
    assert show_job(line, job, items=False).status is JobStatus.SUCCEEDED
    caplog.clear()


def test_a_cancelled_job_takes_no_late_result(line: Line) -> None:
    from pipeline.services.jobs import cancel

    job, shard_id = a_claimed_shard(line)

    def cancelled_meanwhile(line: Line, item: ItemRow, fence: Fence) -> Patch:
        cancel(line, job)
        return {"original_key": "originals/late"}

    with holding(line, shard_id, "a") as fence:
        assert fence is not None
        walk(line, fence, Stage.DOWNLOAD, cancelled_meanwhile)
    assert {(item.outcome, item.original_key) for item in items(line, job)} == {(Outcome.CANCELLED, None)}


def test_a_run_cancelled_in_dagster_fails_its_items_and_does_not_come_back(ledger: Ledger) -> None:
    job, shard_id = a_claimed_shard(ledger)
    take_shard(ledger, shard_id, "a")
    assert fail_cancelled_run(ledger, shard_id, "a")
    view = show_job(ledger, job)
    assert view.counts == {Outcome.FAILED: 4}
    assert {item.error.code for item in view.items if item.error} == {"cancelled_by_operator"}
    assert all(item.error is not None and item.error.retryable for item in view.items)
    assert shard(ledger, shard_id).state is ShardState.DONE


def test_a_retry_takes_only_the_failed_items_from_the_stage_that_failed(line: Line) -> None:
    job, _ = a_claimed_shard(line, pictures=3)
    with line.database.session() as session:
        for position, item in enumerate(items_of_job(session, job)):
            failed = position == 0
            item.state, item.stage_done = ItemState.ENDED, 3 if failed else 6
            item.outcome = Outcome.FAILED if failed else Outcome.ENHANCED
        row = session.get_one(JobRow, job)
        row.status, row.open_items, row.report_tries = JobStatus.SUCCEEDED, 0, REPORT_TRIES
    retried = retry_failed(line, job)
    assert (retried.items, retried.generation) == (1, 2)
    assert [(item.state, item.stage_done) for item in items(line, job)] == [
        (ItemState.WAITING, 3),
        (ItemState.ENDED, 6),
        (ItemState.ENDED, 6),
    ]
    assert show_job(line, job).status is JobStatus.RUNNING
    with line.database.session() as session:
        assert session.get_one(JobRow, job).report_tries == 0, "the new generation's report has all its tries"


def test_requeue_changes_nothing_when_the_shard_moved_on(ledger: Ledger) -> None:
    _, shard_id = a_claimed_shard(ledger)
    assert not requeue(ledger, shard_id, only_if=lambda _, row: row.state is ShardState.HELD)
    assert shard(ledger, shard_id).attempt == 1


@pytest.mark.parametrize("found", [float("nan"), float("inf"), "a\x00b", "\ud800"], ids=["nan", "inf", "nul", "half"])
def test_a_result_that_the_ledger_cannot_hold_fails_its_picture_and_no_other(
    line: Line, caplog: pytest.LogCaptureFixture, found: object
) -> None:
    def work(line: Line, item: ItemRow, fence: Fence) -> Patch:
        return {"facts": {"found": found if item.position == 1 else r"a\u0000b"}}

    job, shard_id = a_claimed_shard(line)
    fence = take_shard(line, shard_id, "a")
    assert fence is not None
    walk(line, fence, Stage.DOWNLOAD, work)
    assert [item.outcome for item in items(line, job)] == [None, Outcome.FAILED, None, None]
    assert "by a fault of ours" in caplog.text
    caplog.clear()
