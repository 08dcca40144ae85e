"""Analysis jobs in the terminal, in words and as JSON, and that they are no batches of the enhancement interface."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from pipeline.dialects.analysis import job_id_of
from pipeline.domain.analysis import ImageFindings, VideoFindings
from pipeline.domain.jobs import ItemError, JobKind, Stage
from pipeline.domain.media import Rendition
from pipeline.services import deadlines
from pipeline.services.accounts import Caller
from pipeline.services.analysis import AnalysisRequest, SubmittedImage, submit_analysis
from pipeline.services.line import Ledger
from pipeline.store.base import now
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from pipeline.store.values import dump
from tests.factories import a_job, an_account
from tests.integration.analysis_jobs import FILM, FINDINGS, end_job, images, send_video
from tests.integration.api_server import Api, Customer
from tests.integration.command_line import CommandLine, command_line

darkroom = pytest.fixture(command_line)

IMAGES, VIDEO = JobKind.IMAGE_ANALYSIS, JobKind.VIDEO_ANALYSIS
REFUSED = SubmittedImage("bad.jpg", error=ItemError("invalid_base64", Stage.DOWNLOAD, "It is no base64.", False))


@dataclass(frozen=True, slots=True)
class Accepted:
    id: UUID
    public: str
    kind: JobKind


@pytest.fixture
def studio(ledger: Ledger) -> Caller:
    return an_account(ledger, "studio")


def accepted(
    ledger: Ledger, caller: Caller, kind: JobKind, entries: Sequence[SubmittedImage] = (), *, limit_s: int = 0
) -> Accepted:
    request = AnalysisRequest(kind, entries or [SubmittedImage("film.mp4")], max_processing_s=limit_s)
    view, _ = submit_analysis(ledger, caller, request)
    prefix = "video_" if kind is VIDEO else "image_batch_"
    return Accepted(view.id, prefix + view.id.hex, kind)


def ended(
    ledger: Ledger, caller: Caller, found: ImageFindings | VideoFindings, entries: Sequence[SubmittedImage] = ()
) -> Accepted:
    kind = VIDEO if isinstance(found, VideoFindings) else IMAGES
    job = accepted(ledger, caller, kind, entries)
    end_job(ledger, job.public, kind, found)
    return job


def past_its_limit(ledger: Ledger, caller: Caller) -> Accepted:
    job = accepted(ledger, caller, VIDEO, limit_s=5)
    with ledger.database.session() as session:
        session.execute(update(JobRow).where(JobRow.id == job.id).values(deadline_at=now() - timedelta(seconds=1)))
    assert deadlines.enforce(ledger) == 1
    return job


class TestInWords:
    def test_jobs_of_all_kinds_are_listed_by_their_work(
        self, darkroom: CommandLine, ledger: Ledger, studio: Caller
    ) -> None:
        jobs = [ended(ledger, studio, FILM).id, accepted(ledger, studio, IMAGES).id, a_job(ledger, studio)]
        code, out, err = darkroom.run("jobs", "list")
        assert code == 0, err
        for job_id, work in zip(jobs, ("video analysis", "image analysis", "auto"), strict=True):
            (row,) = [line for line in out.splitlines() if str(job_id) in line]
            assert work in row
            assert "studio" in row

    def test_a_batch_of_images_is_shown_with_what_was_found_in_each(
        self, darkroom: CommandLine, ledger: Ledger, studio: Caller
    ) -> None:
        job = ended(ledger, studio, FINDINGS, [SubmittedImage("cat.jpg"), REFUSED, SubmittedImage()])
        code, out, err = darkroom.run("jobs", "show", job.id)
        assert code == 0, err
        assert f"Job {job.id}  image analysis  FINISHED" in out
        rows = {name: row for row in out.splitlines() for name in ("cat.jpg", "bad.jpg", "file 3") if name in row}
        assert "ANALYZED" in rows["cat.jpg"]
        assert "cat; 1 people, 0 texts" in rows["cat.jpg"]
        assert "FAILED" in rows["bad.jpg"]
        assert "It is no base64." in rows["bad.jpg"]
        assert "cat; 1 people" in rows["file 3"]
        assert f"/images/{job.public}" in out
        assert "0.6" not in out

    def test_a_video_is_shown_with_counts_of_what_was_found(
        self, darkroom: CommandLine, ledger: Ledger, studio: Caller
    ) -> None:
        job = ended(ledger, studio, replace(FILM, people=FINDINGS.people))
        _, out, _ = darkroom.run("jobs", "show", job.id)
        assert f"Job {job.id}  video analysis  FINISHED" in out
        assert "2.0 s; 1 shots, 0 sections, 1 people, 0 texts" in out
        assert f"/video/{job.public}" in out

    def test_a_job_is_found_by_the_id_that_its_customer_knows(
        self, darkroom: CommandLine, ledger: Ledger, studio: Caller
    ) -> None:
        jobs = [ended(ledger, studio, FILM), ended(ledger, studio, FINDINGS, [SubmittedImage("cat.jpg")])]
        for job in jobs:
            code, out, err = darkroom.run("jobs", "show", job.public)
            assert code == 0, err
            assert f"Job {job.id}  " in out
        code, _, err = darkroom.run("jobs", "show", "video_of_mine")
        assert code == 2
        assert "jobs list" in err

    def test_a_job_past_its_limit_says_so(self, darkroom: CommandLine, ledger: Ledger, studio: Caller) -> None:
        job = past_its_limit(ledger, studio)
        code, out, err = darkroom.run("jobs", "show", job.id)
        assert code == 0, err
        assert f"Job {job.id}  video analysis  FAILED" in out
        assert "not done within the 5 seconds" in out
        _, listed, _ = darkroom.run("jobs", "list")
        (row,) = [line for line in listed.splitlines() if str(job.id) in line]
        assert "FAILED" in row

    @pytest.mark.parametrize("kind", [IMAGES, VIDEO])
    def test_a_job_that_waits_is_shown_as_waiting(
        self, darkroom: CommandLine, ledger: Ledger, studio: Caller, kind: JobKind
    ) -> None:
        job = accepted(ledger, studio, kind)
        code, out, err = darkroom.run("jobs", "show", job.id)
        assert code == 0, err
        assert "QUEUED" in out
        assert "WAITING" in out

    def test_what_was_made_of_a_video_is_offered_with_its_address(
        self, darkroom: CommandLine, ledger: Ledger, studio: Caller
    ) -> None:
        job = ended(ledger, studio, FILM)
        key = f"private/{uuid4()}/{job.id}/1/1-{'0' * 64}.mp4"
        rendition = Rendition("preview", key, "video/mp4", 640, 480, 5, "0" * 64)
        with ledger.database.session() as session:
            session.execute(update(ItemRow).where(ItemRow.job_id == job.id).values(renditions=[dump(rendition)]))
        _, out, _ = darkroom.run("jobs", "show", job.id)
        assert any(line.startswith("preview ") and f"/files/{key}?" in line for line in out.splitlines())

    def test_a_job_past_its_limit_is_tried_again(self, darkroom: CommandLine, ledger: Ledger, studio: Caller) -> None:
        job = past_its_limit(ledger, studio)
        with ledger.database.session() as session:  # an original that is still there, by whatever way it came
            session.execute(update(ItemRow).where(ItemRow.job_id == job.id).values(url="http://127.0.0.1:9/film.mp4"))
        code, out, err = darkroom.run("jobs", "retry", job.id, "--failed")
        assert (code, err) == (0, "")
        assert "generation 2" in out


class TestAsJson:
    def test_the_list_says_of_what_kind_each_job_is(
        self, darkroom: CommandLine, ledger: Ledger, studio: Caller
    ) -> None:
        video, batch, job_id = ended(ledger, studio, FILM), accepted(ledger, studio, IMAGES), a_job(ledger, studio)
        listed = darkroom.json("jobs", "list")
        kinds = {job["id"]: job["kind"] for job in listed["jobs"]}
        assert kinds == {str(video.id): VIDEO, str(batch.id): IMAGES, str(job_id): "enhancement"}
        percentages = {job["id"]: job["percentage"] for job in listed["jobs"]}
        assert (percentages[str(video.id)], percentages[str(batch.id)]) == (100, 0)

    def test_a_job_is_the_body_that_its_customer_gets(self, darkroom: CommandLine, api: Api, anna: Customer) -> None:
        answers = [(IMAGES, anna.post("/images", images()), FINDINGS), (VIDEO, send_video(anna), FILM)]
        for kind, answer, found in answers:
            public = answer.json()["job_id"]
            end_job(api.ledger, public, kind, found)
            shown = darkroom.json("jobs", "show", job_id_of(public, kind))
            assert shown.keys() == {"job", "links", "runs"}
            assert shown["job"] == anna.get(answer.headers["location"]).json()
            assert shown["links"]["api"].endswith(answer.headers["location"])

    def test_a_job_past_its_limit_carries_the_code(self, darkroom: CommandLine, ledger: Ledger, studio: Caller) -> None:
        shown = darkroom.json("jobs", "show", past_its_limit(ledger, studio).id)
        assert (shown["job"]["status"], shown["job"]["error"]["code"]) == ("failed", deadlines.CODE)


class TestBatches:
    @pytest.mark.parametrize("kind", [IMAGES, VIDEO])
    def test_an_analysis_is_no_batch(self, anna: Customer, kind: JobKind) -> None:
        answer = anna.post("/images", images()) if kind is IMAGES else send_video(anna)
        public = answer.json()["job_id"]
        job_id, batch = job_id_of(public, kind), anna.created()
        for name in (job_id, public):
            assert anna.get(f"/v1/batches/{name}").status_code == 404
        for action in ("cancel", "cancellation"):
            assert anna.post(f"/v1/batches/{job_id}/{action}").status_code in (404, 405)
        assert anna.call("DELETE", f"/v1/batches/{job_id}").status_code in (404, 405)
        assert [one["id"] for one in anna.get("/v1/batches").json()["data"]] == [batch]
        assert anna.get(answer.headers["location"]).json()["status"] == "queued"

    def test_the_management_interface_knows_jobs_of_every_kind(self, api: Api, anna: Customer) -> None:
        batch, answer = anna.created(), send_video(anna)
        video = str(job_id_of(answer.json()["job_id"], VIDEO))
        assert {job["id"] for job in anna.get("/manage/v1/jobs").json()["data"]} == {batch, video}
        for shown in (video, f"video_{UUID(video).hex}"):
            assert anna.get(f"/manage/v1/jobs/{shown}").json()["kind"] == "video_analysis"
        with api.ledger.database.session() as session:
            assert len(session.scalars(select(JobRow)).all()) == 2
