"""Faces are kept apart, for as long as they may be, or never at all; looked for in every column of the ledger."""

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sqlalchemy import select, text, update

from pipeline.dialects import analysis as dialect
from pipeline.dialects import analysis_schema as wire
from pipeline.domain.analysis import VideoFindings
from pipeline.domain.events import DeliveryState
from pipeline.domain.jobs import JobKind, JobStatus, Outcome, Stage
from pipeline.errors import Conflict
from pipeline.inference import OnnxModels
from pipeline.services.biometrics import findings_columns
from pipeline.services.delivery import replay
from pipeline.services.dispatch import claim_shards
from pipeline.services.kinds import work_of
from pipeline.services.leases import take_shard
from pipeline.services.line import Ledger, Line
from pipeline.services.processing import walk
from pipeline.services.reporting import report_jobs
from pipeline.services.sweeping import forget
from pipeline.store.events import DeliveryRow, EventRow
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from tests.fakes import NoReader, NoSource
from tests.integration.analysis_jobs import FILM, FINDINGS, PICTURE, end_job, images, send_video
from tests.integration.api_server import Api, Customer

DAYS = 7
"""The default of DARKROOM_BIOMETRICS_DAYS."""
HOOK = {"url": "https://hook.example.com/x", "secret": "passphrase"}
FACES = {JobKind.IMAGE_ANALYSIS: FINDINGS, JobKind.VIDEO_ANALYSIS: replace(FILM, people=FINDINGS.people)}
KINDS = pytest.mark.parametrize("kind", list(FACES))


def a_photograph() -> bytes:
    """An astronaut, whom the models know to be one person."""
    buffer = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def an_ended_job(api: Api, customer: Customer, kind: JobKind) -> str:
    """Where a job is shown that found one face, with its event in the outbox."""
    if kind is JobKind.VIDEO_ANALYSIS:
        answer = send_video(customer, **{"x-webhook-url": HOOK["url"], "x-webhook-secret": HOOK["secret"]})
    else:
        answer = customer.post("/images", {**images(PICTURE), "webhook": HOOK})
    end_job(api.ledger, answer.json()["job_id"], kind, FACES[kind])
    return answer.headers["location"]


def deliver_all(ledger: Ledger, state: DeliveryState = DeliveryState.DELIVERED) -> None:
    with ledger.database.session() as session:
        session.execute(update(DeliveryRow).values(state=state, next_attempt_at=None))


def age(ledger: Ledger, **ago: float) -> None:
    """As if every job had ended so long ago."""
    with ledger.database.session() as session:
        session.execute(update(JobRow).values(finished_at=datetime.now(UTC) - timedelta(**ago)))


def everything(ledger: Ledger) -> dict[str, list[str]]:
    """Every row of every table as text, by table."""
    with ledger.database.session() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {
            table: list(session.scalars(text(f'SELECT to_jsonb(t)::text FROM "{table}" t')))  # noqa: S608
            for table in tables
        }


def items(ledger: Ledger) -> Sequence[ItemRow]:
    with ledger.database.session() as session:
        return session.scalars(select(ItemRow).order_by(ItemRow.id)).all()


def bodies(ledger: Ledger) -> list[str]:
    with ledger.database.session() as session:
        return list(session.scalars(select(EventRow.body).order_by(EventRow.sequence)))


def kept_faces(ledger: Ledger) -> int:
    with ledger.database.session() as session:
        kept = "SELECT coalesce(sum(jsonb_array_length(biometrics)), 0) FROM items"
        return int(session.scalar(text(f"{kept} WHERE jsonb_typeof(biometrics) = 'array'")))


class TestKept:
    @KINDS
    def test_findings_hold_no_vector_and_no_thumbnail(self, api: Api, anna: Customer, kind: JobKind) -> None:
        an_ended_job(api, anna, kind)
        (item,) = items(api.ledger)
        assert item.findings is not None
        assert [(one["embedding"], one["thumbnail"]) for one in item.findings["people"]] == [([], "")]
        assert item.biometrics == [
            {"id": 0, "embedding": [0.6, 0.8], "thumbnail": base64.b64encode(b"\xff\xd8").decode()}
        ]

    def test_a_result_carries_them_while_they_are_kept(self, api: Api, anna: Customer) -> None:
        path = an_ended_job(api, anna, JobKind.IMAGE_ANALYSIS)
        (person,) = anna.get(path).json()["items"][0]["result"]["person_ids"]
        assert person["face_embedding"] == [0.6, 0.8]
        assert base64.b64decode(person["face_thumbnail"]) == b"\xff\xd8"


class TestForgotten:
    @KINDS
    def test_they_are_gone_when_their_days_are_over(self, api: Api, anna: Customer, kind: JobKind) -> None:
        path = an_ended_job(api, anna, kind)
        deliver_all(api.ledger)
        age(api.ledger, days=DAYS, minutes=1)
        forget(api.ledger)
        assert (kept_faces(api.ledger), bodies(api.ledger)) == (0, [""])
        (item,) = items(api.ledger)
        assert (item.outcome, item.findings is None) == (Outcome.ANALYZED, False)
        model = wire.VideoAnalysis if kind is JobKind.VIDEO_ANALYSIS else wire.ImageBatchAnalysis
        shown = anna.get(path)
        assert model.model_validate(shown.json()).status == "finished"
        assert '"face_thumbnail"' not in shown.text
        assert "0.6,0.8" not in shown.text

    @KINDS
    def test_they_stay_until_then(self, api: Api, anna: Customer, kind: JobKind) -> None:
        path = an_ended_job(api, anna, kind)
        before = anna.get(path).content
        deliver_all(api.ledger)
        age(api.ledger, days=DAYS, minutes=-1)
        forget(api.ledger)
        assert kept_faces(api.ledger) == 1
        assert [body.encode() for body in bodies(api.ledger)] == [before]
        assert anna.get(path).content == before

    def test_the_operator_decides_how_many_days(self, api: Api, anna: Customer) -> None:
        an_ended_job(api, anna, JobKind.IMAGE_ANALYSIS)
        deliver_all(api.ledger)
        age(api.ledger, days=2)
        options = api.ledger.options
        for days, kept in ((3, 1), (1, 0)):
            changed = replace(options, analysis=replace(options.analysis, biometrics_days=days))
            forget(replace(api.ledger, options=changed))
            assert kept_faces(api.ledger) == kept

    def test_an_event_that_is_still_being_tried_keeps_its_words(self, api: Api, anna: Customer) -> None:
        path = an_ended_job(api, anna, JobKind.IMAGE_ANALYSIS)
        words = anna.get(path).text
        age(api.ledger, days=DAYS + 1)
        forget(api.ledger)
        assert (kept_faces(api.ledger), bodies(api.ledger)) == (0, [words])
        deliver_all(api.ledger)
        forget(api.ledger)
        assert bodies(api.ledger) == [""]

    @pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.DEAD])
    def test_an_event_without_words_is_not_sent_again(self, api: Api, anna: Customer, state: DeliveryState) -> None:
        an_ended_job(api, anna, JobKind.IMAGE_ANALYSIS)
        deliver_all(api.ledger, state)
        age(api.ledger, days=DAYS + 1)
        forget(api.ledger)
        with api.ledger.database.session() as session:
            delivery = session.scalars(select(DeliveryRow.id)).one()
        with pytest.raises(Conflict, match="past its retention"):
            replay(api.ledger, delivery)

    def test_an_event_without_a_webhook_lets_go_of_its_words_too(self, api: Api, anna: Customer) -> None:
        answer = anna.post("/images", images(PICTURE))
        end_job(api.ledger, answer.json()["job_id"], JobKind.IMAGE_ANALYSIS, FINDINGS)
        age(api.ledger, days=DAYS + 1)
        forget(api.ledger)
        assert bodies(api.ledger) == [""]

    def test_a_job_that_is_tried_again_keeps_them_until_it_has_ended(self, api: Api, anna: Customer) -> None:
        an_ended_job(api, anna, JobKind.IMAGE_ANALYSIS)
        with api.ledger.database.session() as session:
            session.execute(update(JobRow).values(status=JobStatus.RUNNING, finished_at=None))
        forget(api.ledger)
        assert kept_faces(api.ledger) == 1

    def test_an_enhancements_event_keeps_its_words(self, api: Api, anna: Customer) -> None:
        job_id = anna.created()
        with api.ledger.database.session() as session:
            job = session.get_one(JobRow, job_id)
            job.status, job.open_items = JobStatus.SUCCEEDED, 0
            session.add(
                EventRow(account_id=job.account_id, job_id=job.id, generation=1, type="batch.completed", body="{}")
            )
        age(api.ledger, days=DAYS + 1)
        forget(api.ledger)
        assert bodies(api.ledger) == ["{}"]


class TestWithRealModels:
    @pytest.fixture
    def line(self, api: Api, shared: Path) -> Line:
        ledger, models = api.ledger, OnnxModels(shared / "models")
        return Line(ledger.database, ledger.key, ledger.options, api.store, NoSource(), models, NoReader())

    def analyze(self, line: Line, customer: Customer) -> Any:
        """A photograph of one person goes the whole way; the job as it is shown."""
        answer = customer.post("/images", {**images(a_photograph()), "webhook": HOOK})
        assert answer.status_code == 202, answer.text
        (order,) = claim_shards(line)
        fence = take_shard(line, order.shard_id, "run")
        assert fence is not None
        for stage in (Stage.DOWNLOAD, Stage.VALIDATE, Stage.ANALYZE):
            counts = walk(line, fence, stage, work_of(stage))
            assert counts.failed == 0, [item.error for item in items(line)]
        assert len(report_jobs(line, fence).jobs) == 1
        return customer.get(answer.headers["location"])

    def test_a_face_is_kept_in_its_own_column_and_told_and_nowhere_else(
        self, line: Line, anna: Customer, api: Api
    ) -> None:
        shown = self.analyze(line, anna)
        (person,) = shown.json()["items"][0]["result"]["person_ids"]
        assert len(person["face_embedding"]) == 128
        thumbnail = base64.b64decode(person["face_thumbnail"])
        assert thumbnail.startswith(b"\xff\xd8")
        number = json.dumps(max(person["face_embedding"], key=lambda value: len(str(value))))
        holders = {table for table, rows in everything(line).items() if any(number in row for row in rows)}
        assert holders == {"items", "events"}
        (item,) = items(line)
        assert number not in json.dumps(item.findings)
        reports = [api.store.get(found.key) for found in api.store.list("reports/")]
        assert reports
        for data in reports:
            assert number.encode() not in data
            assert person["face_thumbnail"].encode() not in data
            assert thumbnail not in data

    def test_an_account_that_keeps_none_has_none_anywhere(self, line: Line, anna: Customer) -> None:
        assert anna.call("PUT", "/manage/v1/analysis", json={"keeps_biometrics": False}).status_code == 200
        shown = self.analyze(line, anna)
        found = wire.ImageBatchAnalysis.model_validate(shown.json())
        assert found.items is not None and found.items[0].result is not None
        (person,) = found.items[0].result.person_ids
        assert (person.face_embedding, person.face_thumbnail, person.gender) == ([], None, "female")
        (item,) = items(line)
        assert item.biometrics == []
        assert bodies(line) == [shown.text]
        vectors = re.compile(r"embedding\W+\[\s*-?\d|thumbnail\W+[A-Za-z0-9+/]{40}")
        assert not {table for table, rows in everything(line).items() if any(map(vectors.search, rows))}

    def test_what_was_accepted_under_other_rules_is_not_changed(self, line: Line, anna: Customer) -> None:
        anna.post("/images", images(a_photograph()))
        anna.call("PUT", "/manage/v1/analysis", json={"keeps_biometrics": False})
        (order,) = claim_shards(line)
        fence = take_shard(line, order.shard_id, "run")
        assert fence is not None
        for stage in (Stage.DOWNLOAD, Stage.VALIDATE, Stage.ANALYZE):
            walk(line, fence, stage, work_of(stage))
        assert kept_faces(line) == 1

    @pytest.mark.parametrize("keeps", [True, False])
    def test_somebody_on_the_allow_list_is_known_whether_faces_are_kept_or_not(
        self, line: Line, anna: Customer, keeps: bool
    ) -> None:
        assert line.models is not None
        from pipeline.stages.analyze.people import embedding_of_picture

        vector = embedding_of_picture(np.asarray(skimage.data.astronaut(), dtype=np.uint8), line.models)
        anna.call("PUT", "/manage/v1/analysis", json={"keeps_biometrics": keeps})
        added = anna.post("/manage/v1/people", {"name": "Eileen", "embeddings": [list(vector)]})
        assert self.person(line, anna)["allowlisted"] is True
        anna.call("DELETE", f"/manage/v1/people/{added.json()['id']}")
        stranger = [-value for value in vector]
        anna.post("/manage/v1/people", {"name": "Carl", "embeddings": [stranger]})
        assert self.person(line, anna)["allowlisted"] is False

    def person(self, line: Line, customer: Customer) -> dict[str, Any]:
        (person,) = self.analyze(line, customer).json()["items"][0]["result"]["person_ids"]
        return dict(person)


def test_a_video_whose_account_keeps_none_shows_people_without_faces(api: Api, anna: Customer) -> None:
    found = FACES[JobKind.VIDEO_ANALYSIS]
    assert isinstance(found, VideoFindings)
    columns = findings_columns(found, keep=False)
    assert columns["biometrics"] == []
    answer = send_video(anna)
    end_job(api.ledger, answer.json()["job_id"], JobKind.VIDEO_ANALYSIS, found)
    with api.ledger.database.session() as session:
        job_id = dialect.job_id_of(answer.json()["job_id"], JobKind.VIDEO_ANALYSIS)
        session.execute(update(ItemRow).where(ItemRow.job_id == job_id).values(**columns))
    shown = anna.get(answer.headers["location"])
    assert wire.VideoAnalysis.model_validate(shown.json()).status == "finished"
