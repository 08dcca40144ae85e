"""The sweeper and retention on a real ledger and a real folder store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from pipeline.adapters.object_store import from_url
from pipeline.domain.jobs import ItemState, JobStatus, Outcome
from pipeline.ports import ObjectStore
from pipeline.services.line import Ledger
from pipeline.services.sweeping import forget, sweep
from pipeline.store.items import items_of_job
from pipeline.store.jobs import JobRow
from pipeline.store.uploads import UploadRow
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
