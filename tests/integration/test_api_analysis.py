"""The analysis interface over HTTP: jobs are taken in once, from whom they may be, and as often as they may."""

import json
from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import select, update

from pipeline.api.analysis import examples
from pipeline.api.analysis.options import AnalysisDoor
from pipeline.api.app import create_app
from pipeline.dialects import analysis as dialect
from pipeline.domain.jobs import JobKind
from pipeline.ports import ObjectStore
from pipeline.services.line import Ledger
from pipeline.store.accounts import PlanRow
from pipeline.store.jobs import JobRow
from pipeline.store.uploads import UploadRow
from pipeline.workflows import WorkflowCatalog
from tests.integration.analysis_jobs import PICTURE, VIDEO, images, send_video
from tests.integration.api_server import Api, Customer, served


def uploads_of(ledger: Ledger) -> list[UploadRow]:
    with ledger.database.session() as session:
        rows = list(session.scalars(select(UploadRow).order_by(UploadRow.created_at)))
        session.expunge_all()
        return rows


def job_of(ledger: Ledger, answer: requests.Response, kind: JobKind = JobKind.VIDEO_ANALYSIS) -> JobRow:
    with ledger.database.session() as session:
        row = session.get_one(JobRow, dialect.job_id_of(answer.json()["job_id"], kind))
        session.expunge_all()
        return row


class TestTakingIn:
    def test_a_batch_of_images_is_taken_in_as_the_contract_says(self, anna: Customer) -> None:
        answer = anna.post("/images", images(PICTURE, b"another"))
        assert answer.status_code == 202, answer.text
        assert answer.json().keys() == {"job_id"}
        assert answer.json()["job_id"].startswith("image_batch_")
        assert answer.headers["location"] == f"/images/{answer.json()['job_id']}"
        assert int(answer.headers["retry-after"]) > 0
        shown = anna.get(answer.headers["location"])
        assert shown.json() == {"job_id": answer.json()["job_id"], "status": "queued"}
        assert int(shown.headers["retry-after"]) > 0

    def test_the_images_lie_in_the_store_as_they_were_before_they_were_encoded(self, api: Api, anna: Customer) -> None:
        large = PICTURE * 300
        anna.post("/images", images(b"small", large))
        assert [api.store.get(row.key) for row in uploads_of(api.ledger)] == [b"small", large]

    @pytest.mark.parametrize("kind", ["application/octet-stream", "video/mp4", "Video/Quicktime; codecs=avc1"])
    def test_a_video_is_taken_in_as_the_body(self, api: Api, anna: Customer, kind: str) -> None:
        answer = anna.call("POST", "/video", data=VIDEO, headers={"content-type": kind})
        assert answer.status_code == 202, answer.text
        assert answer.json()["job_id"].startswith("video_")
        assert answer.headers["location"] == f"/video/{answer.json()['job_id']}"
        assert anna.get(answer.headers["location"]).json()["status"] == "queued"
        (row,) = uploads_of(api.ledger)
        assert api.store.get(row.key) == VIDEO

    @pytest.mark.parametrize(
        "fields",
        [
            {"webhook": json.dumps({"url": "https://hook.example.com/x", "secret": "passphrase"})},
            {"webhook[url]": "https://hook.example.com/x", "webhook[secret]": "passphrase"},
        ],
    )
    def test_a_video_is_taken_in_as_a_form_with_its_webhook(
        self, api: Api, anna: Customer, fields: dict[str, str]
    ) -> None:
        answer = anna.post("/video", files={"file": ("../fi\u202elm.mp4", VIDEO, "video/mp4")}, data=fields)
        assert answer.status_code == 202, answer.text
        job = job_of(api.ledger, answer)
        assert job.webhook_url == "https://hook.example.com/x"
        assert api.ledger.key.open(job.webhook_secret_sealed or "") == "passphrase"
        (row,) = uploads_of(api.ledger)
        assert (row.name, api.store.get(row.key)) == ("film.mp4", VIDEO)

    def test_a_video_as_the_body_has_its_webhook_in_headers(self, api: Api, anna: Customer) -> None:
        told = {"x-webhook-url": "https://hook.example.com/x", "x-webhook-secret": "passphrase"}
        job = job_of(api.ledger, send_video(anna, **told))
        assert job.webhook_url == "https://hook.example.com/x"
        assert api.ledger.key.open(job.webhook_secret_sealed or "") == "passphrase"

    def test_images_have_their_webhook_in_the_body(self, api: Api, anna: Customer) -> None:
        answer = anna.post("/images", {**images(), "webhook": {"url": "https://hook.example.com/x"}})
        job = job_of(api.ledger, answer, JobKind.IMAGE_ANALYSIS)
        assert (job.webhook_url, job.webhook_secret_sealed) == ("https://hook.example.com/x", None)

    @pytest.mark.parametrize("value", ["60", "1", "31622400"])
    def test_a_limit_on_processing_time_counts_from_acceptance(self, api: Api, anna: Customer, value: str) -> None:
        job = job_of(api.ledger, send_video(anna, **{"max-processing-time": value}))
        assert job.deadline_at is not None
        assert (job.deadline_at - job.created_at).total_seconds() == pytest.approx(int(value), abs=1.0)

    @pytest.mark.parametrize("headers", [{}, {"max-processing-time": "0"}])
    def test_no_limit_on_processing_time_is_none(self, api: Api, anna: Customer, headers: dict[str, str]) -> None:
        assert job_of(api.ledger, send_video(anna, **headers)).deadline_at is None

    @pytest.mark.parametrize("value", ["-1", "1.5", "soon", "", "1e3", "31622401", "9" * 50])
    @pytest.mark.parametrize("path", ["/video", "/images"])
    def test_a_limit_that_is_no_whole_number_of_seconds_is_refused(
        self, api: Api, anna: Customer, value: str, path: str
    ) -> None:
        answer = anna.post(path, images(), headers={"max-processing-time": value})
        assert answer.status_code == 422
        assert list(answer.json()["error"]["fields"]) == ["Max-Processing-Time"]
        assert not uploads_of(api.ledger)


class TestRepeating:
    def test_a_repeated_request_is_one_job(self, anna: Customer) -> None:
        key = {"idempotency-key": "order-1"}
        first, second = (anna.post("/images", images(PICTURE), headers=key) for _ in range(2))
        assert first.json() == second.json()
        assert (first.status_code, second.status_code) == (202, 202)
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        videos = [send_video(anna, **{"idempotency-key": "order-2"}).json() for _ in range(2)]
        assert videos[0] == videos[1]

    def test_a_key_is_for_one_content(self, anna: Customer) -> None:
        key = {"idempotency-key": "order-1"}
        assert send_video(anna, VIDEO, **key).status_code == 202
        for other in (
            send_video(anna, VIDEO + b"!", **key),
            send_video(anna, VIDEO, **key, **{"max-processing-time": "5"}),
            anna.post("/images", images(VIDEO), headers=key),
        ):
            assert other.status_code == 422
            assert list(other.json()["error"]["fields"]) == ["Idempotency-Key"]

    def test_a_key_is_visible_ascii(self, anna: Customer) -> None:
        answer = send_video(anna, **{"idempotency-key": "x" * 256})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["Idempotency-Key"])


class TestCallers:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/video"), ("POST", "/images"), ("GET", "/video/x"), ("GET", "/images/x"), ("GET", "/latency/image")],
    )
    def test_every_call_wants_a_key(self, api: Api, method: str, path: str) -> None:
        for headers in (
            {},
            {"x-api-key": ""},
            {"x-api-key": "wrong"},
            {"x-api-key": "x" * 600},
            {"authorization": "Basic eA=="},
        ):
            answer = requests.request(method, api.base + path, headers=headers, timeout=30)
            assert answer.status_code == 401
            assert answer.json() == {"error": {"code": "unauthenticated", "message": "Unauthenticated."}}
            assert answer.headers["www-authenticate"].startswith("Bearer")

    def test_a_token_is_taken_as_an_api_key(self, api: Api, anna: Customer) -> None:
        answer = requests.post(f"{api.base}/images", json=images(), headers={"x-api-key": anna.token}, timeout=30)
        assert answer.status_code == 202
        assert anna.get(answer.headers["location"]).status_code == 200

    def test_a_wrong_key_is_not_mended_by_a_right_token(self, anna: Customer) -> None:
        assert anna.get("/latency/image", headers={"x-api-key": "wrong"}).status_code == 401

    @pytest.fixture
    def elsewhere(self, ledger: Ledger, folder_store: ObjectStore) -> Iterator[Api]:
        door = AnalysisDoor(
            video_path="/v2/videos", images_path="/v2/pictures", latency_path="/v2/speed", api_key_header="X-Noxo-Key"
        )
        with served(create_app(ledger, folder_store, WorkflowCatalog(None), analysis=door)) as (host, port):
            yield Api(host, port, ledger, folder_store)

    def test_paths_and_the_keys_header_may_be_others(self, elsewhere: Api) -> None:
        token = elsewhere.customer("anna").token
        with requests.Session() as session:
            session.headers["x-noxo-key"] = token
            answer = session.post(f"{elsewhere.base}/v2/pictures", json=images(), timeout=30)
            assert answer.headers["location"].startswith("/v2/pictures/image_batch_")
            assert session.get(elsewhere.base + answer.headers["location"], timeout=30).json()["status"] == "queued"
            assert "error" in session.get(f"{elsewhere.base}/v2/speed/image", timeout=30).json()
            assert session.get(f"{elsewhere.base}/video/x", timeout=30).status_code == 404
        plain = requests.get(f"{elsewhere.base}/v2/speed/image", headers={"x-api-key": token}, timeout=30)
        assert plain.status_code == 401
        page = requests.get(f"{elsewhere.base}/openapi.json", timeout=30).json()
        assert page["components"]["securitySchemes"]["apiKeyAuth"]["name"] == "X-Noxo-Key"
        assert "/v2/videos/{job_id}" in page["paths"]

    def test_too_many_calls_are_told_when_to_come_back(self, api: Api) -> None:
        carl = api.customer("carl", plan="standard")
        with api.ledger.database.session() as session:
            session.execute(update(PlanRow).where(PlanRow.name == "standard").values(creates_per_minute=1))
        first = carl.post("/images", images())
        second = carl.post("/images", images())
        assert (first.headers["x-ratelimit-remaining"], second.status_code) == ("0", 429)
        assert second.json()["error"]["code"] == "rate_limited"
        assert 0 < int(second.headers["retry-after"]) <= 62
        assert carl.get(first.headers["location"]).headers["x-ratelimit-limit"] == "60"

    def test_too_many_jobs_at_work_are_told_when_to_come_back(self, api: Api) -> None:
        carl = api.customer("carl", plan="standard")
        with api.ledger.database.session() as session:
            session.execute(update(PlanRow).where(PlanRow.name == "standard").values(concurrent_jobs=1))
        assert send_video(carl).status_code == 202
        answer = send_video(carl)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "plan_limit_reached")
        assert int(answer.headers["retry-after"]) > 0

    def test_other_methods_are_refused_in_this_interfaces_form(self, anna: Customer) -> None:
        answer = anna.call("DELETE", "/video/video_1")
        assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_the_contracts_samples_are_published_beside_their_models(api: Api) -> None:
    page = requests.get(f"{api.base}/openapi.json", timeout=30).json()
    shown = page["paths"]["/video/{job_id}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert shown == {"schema": {"$ref": "#/components/schemas/VideoAnalysis"}, "example": examples.VIDEO}
    told = page["paths"]["/images"]["post"]["callbacks"]["images_ended"]["{$request.body#/webhook/url}"]["post"]
    assert told["requestBody"]["content"]["application/json"]["example"] == examples.IMAGES_CALLBACK
    assert page["paths"]["/images"]["post"]["security"] == [{"apiKeyAuth": []}, {"HTTPBearer": []}]
    accepted = page["paths"]["/video"]["post"]["responses"]["202"]
    assert accepted["headers"].keys() == {"Location", "Retry-After"}
