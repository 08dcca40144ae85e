"""Results of the analysis interface over HTTP: shown, told, measured, and to nobody but their owner."""

import uuid

import pytest
from sqlalchemy import select

from pipeline.api.analysis import examples
from pipeline.dialects import analysis_schema as wire
from pipeline.domain.jobs import JobKind
from pipeline.store.events import DeliveryRow, EventRow
from tests.integration.analysis_jobs import FILM, FINDINGS, PICTURE, end_job, images, send_video
from tests.integration.api_server import Api, Customer


@pytest.fixture
def bert(api: Api) -> Customer:
    return api.customer("bert")


class TestResults:
    def test_the_webhook_says_byte_for_byte_what_get_says(self, api: Api, anna: Customer) -> None:
        body = {**images(PICTURE, PICTURE), "webhook": {"url": "https://hook.example.com/x", "secret": "passphrase"}}
        answer = anna.post("/images", body)
        end_job(api.ledger, answer.json()["job_id"], JobKind.IMAGE_ANALYSIS, FINDINGS)
        shown = anna.get(answer.headers["location"])
        with api.ledger.database.session() as session:
            (event,) = session.scalars(select(EventRow))
            (delivery,) = session.scalars(select(DeliveryRow))
            assert event.body.encode() == shown.content
            assert delivery.url == "https://hook.example.com/x"
        assert shown.headers["content-type"] == "application/json"
        assert "retry-after" not in shown.headers
        found = wire.ImageBatchAnalysis.model_validate(shown.json())
        assert found.status == "finished"
        assert [item.external_id for item in found.items or []] == ["0", "1"]

    def test_a_finished_video_shows_its_result(self, api: Api, anna: Customer) -> None:
        answer = send_video(anna)
        end_job(api.ledger, answer.json()["job_id"], JobKind.VIDEO_ANALYSIS, FILM)
        found = wire.VideoAnalysis.model_validate(anna.get(answer.headers["location"]).json())
        assert found.result is not None
        assert found.result.raw_scenes == [wire.TimeSegment(start_seconds=0, end_seconds=2)]

    def test_an_image_that_is_refused_at_the_door_fails_alone(self, api: Api, anna: Customer) -> None:
        body = images(PICTURE, PICTURE)
        body["images"][0]["data_base64"] = "data:image/jpeg;base64,AAAA"
        answer = anna.post("/images", body)
        assert answer.status_code == 202
        end_job(api.ledger, answer.json()["job_id"], JobKind.IMAGE_ANALYSIS, FINDINGS)
        bad, good = anna.get(answer.headers["location"]).json()["items"]
        assert (bad["external_id"], bad["status"], bad["error"]["code"]) == ("0", "failed", "invalid_base64")
        assert "data: URI prefix" in bad["error"]["message"]
        assert good.keys() == {"external_id", "result"}

    def test_somebody_elses_job_does_not_exist(self, api: Api, anna: Customer, bert: Customer) -> None:
        for answer in (send_video(anna), anna.post("/images", images())):
            path = answer.headers["location"]
            strange = bert.get(path)
            unknown = bert.get(path[:-32] + uuid.uuid4().hex)
            assert anna.get(path).status_code == 200
            assert (strange.status_code, strange.content) == (unknown.status_code, unknown.content)
            assert strange.json() == {"error": {"code": "not_found", "message": "There is no such job."}}

    def test_a_job_is_found_under_its_own_kind_and_id_only(self, anna: Customer) -> None:
        video = send_video(anna).json()["job_id"]
        digits = video.removeprefix("video_")
        for path in (
            f"/images/{video}",
            f"/images/image_batch_{digits}",
            f"/video/{digits}",
            f"/video/{uuid.UUID(digits)}",
            f"/video/{video.upper()}",
            f"/video/{video}/",
            "/video/video_",
            "/video/%00",
            "/video/..%2f..%2fetc",
            "/video/" + "9" * 4000,
        ):
            answer = anna.get(path, allow_redirects=False)
            assert answer.status_code in (404, 307), path
            assert answer.status_code == 307 or answer.json()["error"]["code"] == "not_found"

    def test_an_enhancement_batch_is_no_analysis(self, anna: Customer) -> None:
        digits = anna.created().replace("-", "")
        assert anna.get(f"/video/video_{digits}").status_code == 404
        assert anna.get(f"/images/image_batch_{digits}").status_code == 404


class TestLatency:
    @pytest.mark.parametrize("media_type", ["video", "image"])
    def test_nothing_measured_is_said_and_no_number_invented(self, anna: Customer, media_type: str) -> None:
        answer = anna.get(f"/latency/{media_type}")
        assert answer.status_code == 404
        assert "has not been measured" in answer.json()["error"]["message"]

    def test_an_unknown_media_type_names_the_known_ones(self, anna: Customer) -> None:
        answer = anna.get("/latency/audio")
        assert (answer.status_code, "video or image" in answer.json()["error"]["message"]) == (404, True)

    def test_what_was_measured_is_shown_with_its_sample(self, api: Api, anna: Customer) -> None:
        end_job(
            api.ledger,
            anna.post("/images", images(PICTURE, PICTURE)).json()["job_id"],
            JobKind.IMAGE_ANALYSIS,
            FINDINGS,
        )
        body = anna.get("/latency/image").json()
        found = wire.MediaLatency.model_validate(body)
        assert body.keys() == examples.LATENCY.keys()
        assert (found.media_type, found.unit, found.sample_size) == ("image", "image", 2)
        assert found.latency_ms_per_unit == pytest.approx(1000.0, abs=50.0)
