"""The sweeper and retention on a real ledger and a real folder store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from pipeline.adapters.object_store import from_url
from pipeline.domain.events import DeliveryState
from pipeline.domain.jobs import ItemState, JobKind, JobStatus, Outcome, Stage
from pipeline.domain.media import Rendition
from pipeline.errors import Conflict
from pipeline.ports import ObjectStore
from pipeline.services.delivery import replay
from pipeline.services.jobs import cancel
from pipeline.services.line import Ledger
from pipeline.services.retrying import retry_failed
from pipeline.services.sweeping import forget, sweep, take_back
from pipeline.store.events import DeliveryRow, EventRow
from pipeline.store.items import items_of_job
from pipeline.store.jobs import JobRow
from pipeline.store.shards import ShardRow, ShardState
from pipeline.store.uploads import UploadRow
from pipeline.store.values import dump
from tests.factories import a_job, an_account


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return from_url(tmp_path.as_uri())


def at_once(ledger: Ledger) -> Ledger:
    """As if every object were older than the sweep age."""
    return replace(ledger, options=replace(ledger.options, sweep_after_s=0.0))


def keys(store: ObjectStore) -> set[str]:
    return {
        found.key for kind in ("originals", "work", "public", "reports", "uploads") for found in store.list(f"{kind}/")
    }


def an_ended_job(ledger: Ledger, store: ObjectStore) -> tuple[UUID, set[str]]:
    """A delivered one-picture job and the keys of all its objects."""
    job = a_job(ledger, an_account(ledger))
    kept = {name: f"{name}/{uuid4()}/1-{'0' * 64}.jpg" for name in ("originals", "work", "public", "reports")}
    proxy, rendition = f"work/{uuid4()}/proxy.jpg", f"work/{uuid4()}/rendition.jpg"
    for key in (*kept.values(), proxy, rendition):
        store.put(key, b"bytes", media_type="image/jpeg")
    with ledger.database.session() as session:
        (item,) = items_of_job(session, job)
        item.state, item.outcome, item.stage_done = ItemState.ENDED, Outcome.ENHANCED, 6
        item.original_key, item.proxy_key = kept["originals"], kept["work"]
        item.enhancement = {"proxy_key": proxy, "renditions": [{"key": rendition}]}
        item.renditions = [{"key": kept["public"]}]
        row = session.get_one(JobRow, job)
        row.status, row.open_items, row.reports = JobStatus.SUCCEEDED, 0, {"html": kept["reports"]}
        row.finished_at = datetime.now(UTC)
    return job, {*kept.values(), proxy, rendition}


def test_objects_that_nothing_refers_to_are_removed_and_all_others_stay(ledger: Ledger, store: ObjectStore) -> None:
    _, kept = an_ended_job(ledger, store)
    store.put("public/orphan/1-of-an-overtaken-run.jpg", b"bytes", media_type="image/jpeg")
    assert sweep(at_once(ledger), store) == 1
    assert keys(store) == kept


def test_a_young_object_is_left_alone_for_its_run_may_still_commit_it(ledger: Ledger, store: ObjectStore) -> None:
    store.put("public/young/1.jpg", b"bytes", media_type="image/jpeg")
    assert sweep(ledger, store) == 0
    assert keys(store) == {"public/young/1.jpg"}


def test_an_upload_that_waits_for_its_batch_is_kept(ledger: Ledger, store: ObjectStore) -> None:
    caller = an_account(ledger)
    store.put("uploads/kept", b"bytes", media_type="image/jpeg")
    with ledger.database.session() as session:
        session.add(UploadRow(account_id=caller.account_id, key="uploads/kept", name="a.jpg", bytes=5, sha256="0" * 64))
    assert sweep(at_once(ledger), store) == 0


def an_uploaded_cancelled_job(ledger: Ledger, store: ObjectStore) -> tuple[UUID, str, set[str]]:
    """Two pictures: one delivered before, one cancelled after it was published; the job, what may be read of the
    cancelled one, and the keys of the delivered one."""
    job = a_job(ledger, an_account(ledger), ["http://127.0.0.1:9/a.jpg"] * 2)
    with ledger.database.session() as session:
        items = items_of_job(session, job)
        published = [f"public/{item.account_id}/{job}/{item.id}/1-{'0' * 64}.jpg" for item in items]
        delivered = items[0]
        delivered.state, delivered.outcome, delivered.stage_done = ItemState.ENDED, Outcome.ENHANCED, 6
        for item, key in zip(items, published, strict=True):
            item.renditions = [dump(Rendition("main", key, "image/jpeg", 4, 3, 5, "0" * 64))]
            store.put(key, b"bytes", media_type="image/jpeg")
        private = published[1].replace("public/", "private/")
        store.put(private, b"bytes", media_type="image/jpeg")
        session.get_one(JobRow, job).status = JobStatus.RUNNING
    return job, published[1], {published[0]}


def all_readable(store: ObjectStore) -> set[str]:
    return {found.key for kind in ("public", "private") for found in store.list(f"{kind}/")}


def test_what_a_cancelled_picture_had_published_is_taken_back_and_nothing_else(
    ledger: Ledger, store: ObjectStore
) -> None:
    job, _, kept = an_uploaded_cancelled_job(ledger, store)
    _, others = an_ended_job(ledger, store)
    kept |= {key.replace("/1-", "/2-") for key in kept}  # of a picture that was not cancelled: the sweeper's to judge
    for key in kept:
        store.put(key, b"bytes", media_type="image/jpeg")
    cancel(ledger, job)
    assert take_back(ledger, store) == 2
    assert all_readable(store) == kept | {key for key in others if key.startswith("public/")}
    assert take_back(ledger, store) == 0


def test_what_another_picture_of_the_job_refers_to_is_not_taken_back(ledger: Ledger, store: ObjectStore) -> None:
    job, key, _ = an_uploaded_cancelled_job(ledger, store)
    cancel(ledger, job)
    with ledger.database.session() as session:
        items_of_job(session, job)[0].renditions = [{"key": key}]
    take_back(ledger, store)
    assert key in all_readable(store)


def test_what_a_run_publishes_after_the_cancel_is_taken_back_until_the_run_has_ended(
    ledger: Ledger, store: ObjectStore
) -> None:
    job, late, kept = an_uploaded_cancelled_job(ledger, store)
    with ledger.database.session() as session:
        shard = ShardRow(account_id=items_of_job(session, job)[0].account_id, kind=JobKind.ENHANCEMENT)
        shard.state = ShardState.HELD
        session.add(shard)
        session.flush()
        items_of_job(session, job)[1].shard_id = shard.id
    cancel(ledger, job)
    take_back(ledger, store)
    store.put(late, b"bytes", media_type="image/jpeg")
    with ledger.database.session() as session:
        session.get_one(ShardRow, shard.id).state = ShardState.DONE
    assert take_back(ledger, store) == 1
    assert all_readable(store) == kept


def test_a_job_that_ended_without_a_report_is_forgotten_as_any_other(ledger: Ledger, store: ObjectStore) -> None:
    job, _ = an_ended_job(ledger, store)
    with ledger.database.session() as session:
        old = session.get_one(JobRow, job)
        old.reports, old.report_tries, old.finished_at = {}, 3, datetime.now(UTC) - timedelta(days=31)
        old.source_auth_sealed = old.webhook_secret_sealed = "sealed"
    assert forget(ledger) == 1
    sweep(at_once(ledger), store)
    assert keys(store) == set()
    with ledger.database.session() as session:
        row = session.get_one(JobRow, job)
        assert (row.source_auth_sealed, row.webhook_secret_sealed) == (None, None)
    assert forget(ledger) == 0


def test_a_job_past_retention_is_not_tried_again(ledger: Ledger, store: ObjectStore) -> None:
    job, _ = an_ended_job(ledger, store)
    with ledger.database.session() as session:
        (item,) = items_of_job(session, job)
        item.outcome, item.failed_stage = Outcome.FAILED, Stage.ENHANCE
        session.get_one(JobRow, job).finished_at = datetime.now(UTC) - timedelta(days=31)
    with pytest.raises(Conflict, match="past retention"):
        retry_failed(ledger, job)


def a_delivery(ledger: Ledger, job: UUID, state: DeliveryState, *, days: int) -> UUID:
    """One that was made so many days ago, with a secret of its own."""
    with ledger.database.session() as session:
        account_id = session.get_one(JobRow, job).account_id
        event = EventRow(account_id=account_id, job_id=job, generation=1, type=f"{state}.{days}", body="{}")
        session.add(event)
        session.flush()
        delivery = DeliveryRow(event_id=event.id, account_id=account_id, url="http://127.0.0.1:9/", state=state)
        delivery.secret_sealed, delivery.created_at = "sealed", datetime.now(UTC) - timedelta(days=days)
        session.add(delivery)
        session.flush()
        return delivery.id


def test_the_secret_of_a_delivery_goes_with_retention_unless_it_is_still_tried(
    ledger: Ledger, store: ObjectStore
) -> None:
    job, _ = an_ended_job(ledger, store)
    made = [
        a_delivery(ledger, job, state, days=days)
        for state, days in (
            (DeliveryState.DELIVERED, 31),
            (DeliveryState.DEAD, 31),
            (DeliveryState.PENDING, 31),
            (DeliveryState.DEAD, 29),
        )
    ]
    forget(ledger)
    with ledger.database.session() as session:
        secrets = [session.get_one(DeliveryRow, delivery).secret_sealed for delivery in made]
    assert secrets == [None, None, "sealed", "sealed"]
    with pytest.raises(Conflict, match="past retention"):
        replay(ledger, made[1])
    assert replay(ledger, made[3]).state is DeliveryState.PENDING


def test_a_job_past_retention_lets_go_of_its_pictures_and_keeps_its_words(ledger: Ledger, store: ObjectStore) -> None:
    job, _ = an_ended_job(ledger, store)
    _, kept = an_ended_job(ledger, store)
    with ledger.database.session() as session:
        old = session.get_one(JobRow, job)
        old.finished_at, old.source_auth_sealed = datetime.now(UTC) - timedelta(days=31), "sealed"
    assert forget(ledger) == 1
    sweep(at_once(ledger), store)
    assert keys(store) == kept
    with ledger.database.session() as session:
        (item,) = items_of_job(session, job)
        assert item.outcome is Outcome.ENHANCED
        assert session.get_one(JobRow, job).source_auth_sealed is None
