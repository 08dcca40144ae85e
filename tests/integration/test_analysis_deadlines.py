"""Limits on processing time on a real ledger: the keeper alone ends a job, once, and keeps what was found."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from pipeline.dialects import analysis as dialect
from pipeline.domain.events import DeliveryState
from pipeline.domain.jobs import ItemState, JobKind, JobStatus, Outcome, Stage
from pipeline.services import deadlines
from pipeline.services.biometrics import findings_columns
from pipeline.services.dispatch import claim_shards
from pipeline.services.jobs import cancel
from pipeline.services.leases import take_shard
from pipeline.services.line import Ledger, Line
from pipeline.services.processing import Patch, walk
from pipeline.services.reporting import report_jobs
from pipeline.services.retrying import retry_failed
from pipeline.store.base import now
from pipeline.store.events import DeliveryRow, EventRow
from pipeline.store.items import ItemRow, items_of_job
from pipeline.store.jobs import JobRow, seconds_left
from pipeline.store.shards import Fence
from tests.fakes import NoReader, NoSource
from tests.integration.analysis_jobs import FILM, FINDINGS, PICTURE, end_job, images, send_video
from tests.integration.api_server import Api, Customer

CODE = "max_processing_time_exceeded"
LIMIT_S = 60
HOOK = {"url": "https://hook.example.com/x", "secret": "passphrase"}


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted job of the customer's, and where it is shown."""

    ledger: Ledger
    public: str
    kind: JobKind
    path: str

    def row(self) -> JobRow:
        with self.ledger.database.session() as session:
            return session.get_one(JobRow, dialect.job_id_of(self.public, self.kind))

    def items(self) -> Sequence[ItemRow]:
        with self.ledger.database.session() as session:
            return items_of_job(session, self.row().id)

    def pass_limit(self) -> None:
        """As if so much time had gone by that its limit was over a second ago."""
        with self.ledger.database.session() as session:
            over = now() - timedelta(seconds=1)
            session.execute(update(JobRow).where(JobRow.id == self.row().id).values(deadline_at=over))

    def events(self) -> list[EventRow]:
        with self.ledger.database.session() as session:
            return list(session.scalars(select(EventRow).where(EventRow.job_id == self.row().id)))

    def deliveries(self) -> list[DeliveryRow]:
        with self.ledger.database.session() as session:
            return list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.created_at)))


def a_batch(api: Api, customer: Customer, pictures: int = 3, limit_s: int = LIMIT_S) -> Job:
    body = {**images(*[PICTURE] * pictures), "webhook": HOOK}
    answer = customer.post("/images", body, headers={"max-processing-time": str(limit_s)})
    assert answer.status_code == 202, answer.text
    return Job(api.ledger, answer.json()["job_id"], JobKind.IMAGE_ANALYSIS, answer.headers["location"])


def a_video(api: Api, customer: Customer, limit_s: int = LIMIT_S) -> Job:
    headers = {"max-processing-time": str(limit_s), "x-webhook-url": HOOK["url"], "x-webhook-secret": HOOK["secret"]}
    answer = send_video(customer, **headers)
    assert answer.status_code == 202, answer.text
    return Job(api.ledger, answer.json()["job_id"], JobKind.VIDEO_ANALYSIS, answer.headers["location"])


@pytest.fixture
def line(api: Api) -> Line:
    ledger = api.ledger
    return Line(ledger.database, ledger.key, ledger.options, api.store, NoSource(), None, NoReader())


def a_run(line: Line) -> Fence:
    """A run that has taken the one shard there is."""
    (order,) = claim_shards(line)
    fence = take_shard(line, order.shard_id, "run")
    assert fence is not None
    return fence


def analyzed(*, ends: bool = True) -> Patch:
    end = {"state": ItemState.ENDED, "outcome": Outcome.ANALYZED} if ends else {}
    return {**end, **findings_columns(FINDINGS, keep=True)}


def passing(line: Line, item: ItemRow, fence: Fence) -> Patch:
    return {}


def a_run_before_analysis(line: Line) -> Fence:
    fence = a_run(line)
    for stage in (Stage.DOWNLOAD, Stage.VALIDATE):
        walk(line, fence, stage, passing)
    return fence


class TestOverTheLimit:
    def test_a_job_that_nobody_works_on_is_failed_by_the_keeper_alone(self, api: Api, anna: Customer) -> None:
        job = a_batch(api, anna)
        job.pass_limit()
        assert deadlines.enforce(api.ledger) == 1
        assert (job.row().status, job.row().open_items) == (JobStatus.FAILED, 0)
        shown = anna.get(job.path).json()
        assert (shown["status"], shown["error"]["code"]) == ("failed", CODE)
        assert str(LIMIT_S) in shown["error"]["message"]
        assert [item["error"]["code"] for item in shown["items"]] == [CODE] * 3

    def test_a_video_says_why_it_has_no_result(self, api: Api, anna: Customer) -> None:
        job = a_video(api, anna)
        job.pass_limit()
        deadlines.enforce(api.ledger)
        shown = anna.get(job.path).json()
        assert shown.keys() == {"job_id", "status", "error"}
        assert (shown["status"], shown["error"]["code"]) == ("failed", CODE)

    def test_its_webhook_is_in_the_outbox_and_says_what_get_says(self, api: Api, anna: Customer) -> None:
        job = a_batch(api, anna)
        job.pass_limit()
        deadlines.enforce(api.ledger)
        (event,), (delivery,) = job.events(), job.deliveries()
        assert event.body.encode() == anna.get(job.path).content
        assert json.loads(event.body)["error"]["code"] == CODE
        assert (delivery.event_id, delivery.url, delivery.state) == (event.id, HOOK["url"], DeliveryState.PENDING)
        assert api.ledger.key.open(delivery.secret_sealed or "") == HOOK["secret"]

    def test_it_ends_once_however_many_keepers_look(self, api: Api, anna: Customer) -> None:
        job = a_batch(api, anna)
        job.pass_limit()
        with ThreadPoolExecutor(4) as pool:
            ended = list(pool.map(deadlines.enforce, [api.ledger] * 4))
        assert sum(ended) == 1
        assert deadlines.enforce(api.ledger) == 0
        assert (len(job.events()), len(job.deliveries())) == (1, 1)

    def test_items_that_had_ended_keep_what_was_found(self, api: Api, anna: Customer, line: Line) -> None:
        job = a_batch(api, anna)
        fence = a_run_before_analysis(line)
        last = job.items()[-1].id

        def work(line: Line, item: ItemRow, fence: Fence) -> Patch:
            return analyzed(ends=item.id != last)

        walk(line, fence, Stage.ANALYZE, work)
        job.pass_limit()
        assert deadlines.enforce(line) == 1
        first, second, late = anna.get(job.path).json()["items"]
        assert [tag["tag"] for tag in first["result"]["tags"]] == ["cat"]
        assert second["result"] == first["result"]
        assert late["error"]["code"] == CODE
        assert "result" not in late
        assert [item.outcome for item in job.items()] == [Outcome.ANALYZED, Outcome.ANALYZED, Outcome.FAILED]

    def test_the_stage_that_was_not_reached_is_named_on_the_item(self, api: Api, anna: Customer, line: Line) -> None:
        job = a_batch(api, anna, 1)
        walk(line, a_run(line), Stage.DOWNLOAD, passing)
        job.pass_limit()
        deadlines.enforce(line)
        (item,) = job.items()
        assert (item.state, item.failed_stage, item.in_flight) == (ItemState.ENDED, Stage.VALIDATE, False)
        assert item.error is not None and item.error["retryable"]

    def test_a_job_that_waits_for_its_report_is_over_its_limit_too(self, api: Api, anna: Customer, line: Line) -> None:
        job = a_batch(api, anna, 1)
        fence = a_run_before_analysis(line)
        walk(line, fence, Stage.ANALYZE, lambda line, item, fence: analyzed())
        assert job.row().status is JobStatus.REPORTING
        job.pass_limit()
        assert deadlines.enforce(line) == 1
        assert report_jobs(line, fence).jobs == []
        assert (job.row().status, job.row().reports, len(job.events())) == (JobStatus.FAILED, {}, 1)
        assert "result" in anna.get(job.path).json()["items"][0]


class TestLateRuns:
    def test_what_a_run_finds_after_the_limit_is_not_written(self, api: Api, anna: Customer, line: Line) -> None:
        job = a_batch(api, anna, 1)
        fence = a_run_before_analysis(line)

        def too_late(line: Line, item: ItemRow, fence: Fence) -> Patch:
            job.pass_limit()
            assert deadlines.enforce(line) == 1
            return analyzed()

        walk(line, fence, Stage.ANALYZE, too_late)
        report_jobs(line, fence)
        (item,) = job.items()
        assert (item.outcome, item.findings, item.biometrics) == (Outcome.FAILED, None, None)
        assert job.row().status is JobStatus.FAILED
        assert len(job.events()) == 1
        assert "result" not in anna.get(job.path).json()["items"][0]

    def test_a_run_does_not_begin_what_has_ended(self, api: Api, anna: Customer, line: Line) -> None:
        job = a_batch(api, anna)
        fence = a_run(line)
        job.pass_limit()
        deadlines.enforce(line)
        begun: list[int] = []

        def work(line: Line, item: ItemRow, fence: Fence) -> Patch:
            begun.append(item.id)
            return {}

        walk(line, fence, Stage.DOWNLOAD, work)
        assert begun == []


class TestLeftAlone:
    def test_a_limit_of_nothing_is_none_however_old_the_job(self, api: Api, anna: Customer) -> None:
        job = a_batch(api, anna, limit_s=0)
        with api.ledger.database.session() as session:
            long_ago = datetime.now(UTC) - timedelta(days=400)
            session.execute(update(JobRow).where(JobRow.id == job.row().id).values(created_at=long_ago))
        assert deadlines.enforce(api.ledger) == 0
        assert anna.get(job.path).json()["status"] == "queued"

    def test_a_cancelled_job_stays_cancelled(self, api: Api, anna: Customer, line: Line) -> None:
        job = a_batch(api, anna)
        cancel(api.ledger, job.row().id)
        job.pass_limit()
        assert deadlines.enforce(api.ledger) == 0
        assert {item.outcome for item in job.items()} == {Outcome.CANCELLED}
        report_jobs(line, a_run(line))
        assert job.row().status is JobStatus.CANCELLED
        assert anna.get(job.path).json()["error"]["code"] == "cancelled"

    @pytest.mark.parametrize("kind", [JobKind.IMAGE_ANALYSIS, JobKind.VIDEO_ANALYSIS])
    def test_a_job_that_has_ended_keeps_its_result(self, api: Api, anna: Customer, kind: JobKind) -> None:
        job, found = (a_video(api, anna), FILM) if kind is JobKind.VIDEO_ANALYSIS else (a_batch(api, anna), FINDINGS)
        end_job(api.ledger, job.public, kind, found)
        before = anna.get(job.path).content
        job.pass_limit()
        assert deadlines.enforce(api.ledger) == 0
        assert anna.get(job.path).content == before
        assert len(job.events()) == 1

    def test_another_job_of_the_same_run_goes_on(self, api: Api, anna: Customer, line: Line) -> None:
        overdue, other = a_batch(api, anna, 2), a_batch(api, anna, 2)
        fence = a_run(line)
        overdue.pass_limit()
        assert deadlines.enforce(line) == 1
        for stage in (Stage.DOWNLOAD, Stage.VALIDATE):
            walk(line, fence, stage, passing)
        walk(line, fence, Stage.ANALYZE, lambda line, item, fence: analyzed())
        assert (overdue.row().status, other.row().status) == (JobStatus.FAILED, JobStatus.REPORTING)


class TestTryingAgain:
    def test_a_retry_has_the_whole_limit_again(self, api: Api, anna: Customer) -> None:
        job = a_batch(api, anna)
        job.pass_limit()
        deadlines.enforce(api.ledger)
        assert retry_failed(api.ledger, job.row().id).items == 3
        with api.ledger.database.session() as session:
            left_s = seconds_left(session, job.row().id)
        assert left_s is not None
        assert LIMIT_S / 2 < left_s <= LIMIT_S
        assert deadlines.enforce(api.ledger) == 0
        assert anna.get(job.path).json() == {"job_id": job.public, "status": "processing"}

    def test_a_retry_that_takes_too_long_fails_and_is_told_again(self, api: Api, anna: Customer) -> None:
        job = a_batch(api, anna)
        for _ in range(2):
            job.pass_limit()
            assert deadlines.enforce(api.ledger) == 1
            if len(job.events()) == 1:
                retry_failed(api.ledger, job.row().id)
        assert job.row().status is JobStatus.FAILED
        assert sorted(event.generation for event in job.events()) == [1, 2]

    def test_a_retry_after_the_analysis_keeps_the_faces_that_it_found(
        self, api: Api, anna: Customer, line: Line
    ) -> None:
        job = a_batch(api, anna, 1)
        fence = a_run_before_analysis(line)
        walk(line, fence, Stage.ANALYZE, lambda line, item, fence: analyzed(ends=False))
        job.pass_limit()
        deadlines.enforce(line)
        retry_failed(line, job.row().id)
        (item,) = job.items()
        assert item.stage_done == Stage.ANALYZE.rank
        assert [kept["embedding"] for kept in item.biometrics or ()] == [[0.6, 0.8]]
