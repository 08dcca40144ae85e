"""Batches over HTTP: created, shown, listed, cancelled; whose they are; and how often one may call."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import requests
from sqlalchemy import func, select, update

from pipeline.access.door import MAX_HEADERS
from pipeline.dialects import enhancement_schema as schema
from pipeline.domain.jobs import JobStatus
from pipeline.services.accounts import create_token
from pipeline.services.line import Ledger
from pipeline.store.accounts import PlanRow, TokenRow
from pipeline.store.jobs import JobRow
from pipeline.store.limits import RateWindowRow
from tests.integration.api_server import PICTURE, Api, Customer, running_api


def set_plan(ledger: Ledger, **limits: int | None) -> None:
    with ledger.database.session() as session:
        session.execute(update(PlanRow).where(PlanRow.name == "standard").values(**limits))


def let_pass(ledger: Ledger, seconds: float) -> None:
    """The windows look as they will after so many seconds."""
    with ledger.database.session() as session:
        for row in session.scalars(select(RateWindowRow)):
            row.calls = [call - timedelta(seconds=seconds) for call in row.calls]


def jobs_in(ledger: Ledger) -> int:
    with ledger.database.session() as session:
        return session.scalar(select(func.count()).select_from(JobRow)) or 0


class TestCreating:
    def test_a_batch_is_created_as_the_contract_says(self, anna: Customer) -> None:
        answer = anna.create(project="PRJ-EXA")
        assert answer.status_code == 201
        body = answer.json()
        assert set(body) == {"id", "workflow", "status"}
        assert (body["workflow"], body["status"]) == ("auto", "PENDING")
        assert answer.headers["location"] == f"/v1/batches/{UUID(body['id'])}"
        assert anna.get(answer.headers["location"]).json()["project"] == "PRJ-EXA"

    def test_a_file_comes_back_with_its_reference_untouched(self, anna: Customer) -> None:
        reference = "  a ñ 写 \u202e 😀 <b> "
        batch = anna.created(files=[{"url": PICTURE, "reference": reference}, {"url": PICTURE}])
        files = anna.get(f"/v1/batches/{batch}").json()["files"]
        assert [file["reference"] for file in files] == [reference, None]
        assert [file["status"] for file in files] == ["PENDING", "PENDING"]

    def test_secrets_of_a_batch_are_never_shown(self, anna: Customer) -> None:
        batch = anna.created(
            webhook={"url": "https://hook.example.com/x", "secret": "hook-passphrase"},
            source_auth={
                "type": "oauth2",
                "token_url": "https://auth.example.com/token",
                "client_id": "client-id-1",
                "client_secret": "source-passphrase",
            },
        )
        for path in (f"/v1/batches/{batch}", "/v1/batches", f"/manage/v1/jobs/{batch}"):
            text = anna.get(path).text
            assert "passphrase" not in text
            assert "client-id-1" not in text

    def test_an_upload_becomes_a_file_of_a_batch(self, anna: Customer) -> None:
        upload = anna.upload(b"bytes").json()["upload_id"]
        batch = anna.created(files=[{"upload_id": upload}])
        assert anna.get(f"/v1/batches/{batch}").json()["files"][0]["upload_id"] == upload

    def test_somebody_elses_upload_does_not_exist(self, api: Api, anna: Customer) -> None:
        upload = api.customer("bert").upload(b"bytes").json()["upload_id"]
        answer = anna.create(files=[{"url": PICTURE}, {"upload_id": upload}])
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["files.1.upload_id"]

    def test_answers_are_what_openapi_says(self, anna: Customer) -> None:
        batch = anna.created()
        schema.Batch.model_validate(anna.get(f"/v1/batches/{batch}").json())
        schema.BatchPage.model_validate(anna.get("/v1/batches").json())
        schema.WorkflowList.model_validate(anna.get("/v1/workflows").json())
        schema.WorkflowAnswer.model_validate(anna.get("/v1/workflows/auto").json())


class TestIdempotency:
    def test_twenty_at_once_with_one_key_make_one_batch(self, api: Api, anna: Customer) -> None:
        anna.headers["Idempotency-Key"] = str(uuid4())
        together = threading.Barrier(20)

        def create(_: int) -> requests.Response:
            together.wait()
            return anna.create()

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(create, range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert jobs_in(api.ledger) == 1

    def test_another_body_under_the_same_key_is_refused(self, api: Api, anna: Customer) -> None:
        anna.headers["Idempotency-Key"] = "order-1"
        anna.created()
        answer = anna.create(project="another")
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["Idempotency-Key"]
        assert jobs_in(api.ledger) == 1

    def test_keys_are_an_accounts_own(self, api: Api, anna: Customer) -> None:
        bert = api.customer("bert")
        anna.headers["Idempotency-Key"] = bert.headers["Idempotency-Key"] = "order-1"
        assert anna.created() != bert.created()

    def test_a_repeat_says_so_and_needs_no_room_in_the_plan(self, api: Api) -> None:
        set_plan(api.ledger, concurrent_jobs=1)
        carl = api.customer("carl", plan="standard")
        carl.headers["Idempotency-Key"] = "order-1"
        batch = carl.created()
        again = carl.create()
        assert (again.status_code, again.json()["id"]) == (201, batch)
        assert again.headers["idempotency-replayed"] == "true"

    def test_without_a_key_two_requests_are_two_visible_batches(self, anna: Customer) -> None:
        assert anna.created() != anna.created()
        assert anna.get("/v1/batches").json()["meta"]["total"] == 2

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
    def test_a_key_that_is_none_is_refused(self, anna: Customer, key: str) -> None:
        answer = anna.call(
            "POST", "/v1/batches", json={"workflow": "auto", "files": [{"url": PICTURE}]},
            headers={"Idempotency-Key": key.encode("latin-1")},
        )  # fmt: skip
        assert answer.status_code == 422


class TestListing:
    def test_pages_are_laravels(self, anna: Customer) -> None:
        created = [anna.created() for _ in range(5)]
        page = anna.get("/v1/batches?page=2&per_page=2").json()
        assert [row["id"] for row in page["data"]] == [created[2], created[1]]
        assert page["meta"] | {"path": None} == {
            "current_page": 2, "from": 3, "to": 4, "last_page": 3, "per_page": 2, "total": 5, "path": None
        }  # fmt: skip
        assert page["links"]["prev"].endswith("/v1/batches?page=1&per_page=2")
        assert page["links"]["next"].endswith("/v1/batches?page=3&per_page=2")
        assert "files" not in page["data"][0]

    def test_a_page_behind_the_last_is_empty(self, anna: Customer) -> None:
        page = anna.get("/v1/batches?page=7").json()
        assert (page["data"], page["meta"]["from"], page["links"]["next"]) == ([], None, None)


class TestCancelling:
    def test_a_cancelled_batch_is_cancelled_and_stays_so(self, anna: Customer) -> None:
        batch = anna.created()
        first, second = (anna.call("DELETE", f"/v1/batches/{batch}") for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 200)
        assert (first.json()["status"], second.json()["status"]) == ("CANCELLED", "CANCELLED")
        assert [file["status"] for file in second.json()["files"]] == ["CANCELLED"]

    def test_what_has_ended_cannot_be_cancelled(self, api: Api, anna: Customer) -> None:
        batch = anna.created()
        with api.ledger.database.session() as session:
            session.execute(update(JobRow).values(status=JobStatus.SUCCEEDED, open_items=0))
        answer = anna.call("DELETE", f"/v1/batches/{batch}")
        assert answer.status_code == 409
        assert answer.json() == {"message": "The batch has ended already and cannot be cancelled."}


class TestWhoCalls:
    @pytest.mark.parametrize(
        "authorization",
        [None, "", "Bearer", "Bearer ", "Bearer dk_unknown", "Basic YTpi", "Bearer " + "x" * 5000, "Bearer \xff\xfe"],
    )
    @pytest.mark.parametrize("path", ["/v1/batches", "/v1/workflows", "/manage/v1/jobs"])
    def test_without_a_valid_token_nothing_is_told(self, api: Api, authorization: str | None, path: str) -> None:
        headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
        answer = requests.get(api.base + path, headers=headers, timeout=30)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert [answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")] == ["0", "0"]
        assert abs(int(answer.headers["x-ratelimit-reset"]) - time.time()) < 60
        if path.startswith("/v1"):
            assert answer.json() == {"message": "Unauthenticated."}

    def test_the_token_is_asked_for_before_the_body_is_read(self, api: Api) -> None:
        answer = requests.post(f"{api.base}/v1/batches", data=b"{broken", timeout=30)
        assert answer.status_code == 401

    @pytest.mark.parametrize("column", ["expires_at", "revoked_at"])
    def test_a_token_that_is_over_is_refused(self, api: Api, anna: Customer, column: str) -> None:
        with api.ledger.database.session() as session:
            session.execute(update(TokenRow).values({column: func.now()}))
        assert anna.get("/v1/batches").status_code == 401

    def test_a_token_lasts_ten_years_unless_asked_otherwise(self, api: Api, anna: Customer) -> None:
        create_token(api.ledger, "anna", days=0.5)
        with api.ledger.database.session() as session:
            tokens = session.scalars(select(TokenRow).order_by(TokenRow.created_at)).all()
        assert [row.expires_at - row.created_at > timedelta(days=3649) for row in tokens] == [True, False]

    def test_another_accounts_batch_looks_like_none(self, api: Api, anna: Customer) -> None:
        bert = api.customer("bert")
        batch = anna.created()
        nothing = uuid4()
        for method, path in (
            ("GET", "/v1/batches/{}"),
            ("DELETE", "/v1/batches/{}"),
            ("GET", "/manage/v1/jobs/{}"),
            ("POST", "/manage/v1/jobs/{}/cancel"),
        ):
            theirs, none = (bert.call(method, path.format(name)) for name in (batch, nothing))
            assert (theirs.status_code, none.status_code) == (404, 404)
            assert theirs.json() | {"request_id": None} == none.json() | {"request_id": None}
        assert bert.get("/v1/batches").json()["data"] == []
        assert anna.get(f"/v1/batches/{batch}").json()["status"] == "PENDING"

    @pytest.mark.parametrize("name", ["nonsense", "1", "..", "%00", uuid4().hex + "0"])
    def test_what_cannot_be_a_batch_is_not_found(self, anna: Customer, name: str) -> None:
        answer = anna.get(f"/v1/batches/{name}")
        assert answer.status_code == 404
        assert set(answer.json()) == {"message"}


class TestHowOften:
    def test_the_window_is_exact_and_slides(self, api: Api) -> None:
        set_plan(api.ledger, reads_per_minute=3, creates_per_minute=2)
        carl = api.customer("carl", plan="standard")
        assert [carl.create().status_code for _ in range(3)] == [201, 201, 429]
        assert [carl.get("/v1/batches").status_code for _ in range(4)] == [200, 200, 200, 429]
        let_pass(api.ledger, 50)
        assert carl.get("/v1/batches").status_code == 429
        let_pass(api.ledger, 10)
        assert [carl.get("/v1/batches").status_code for _ in range(4)] == [200, 200, 200, 429]

    def test_ten_creates_and_sixty_reads_fit_into_a_minute(self, api: Api) -> None:
        carl = api.customer("carl", plan="standard")
        set_plan(api.ledger, concurrent_jobs=None)
        assert [carl.create().status_code for _ in range(11)] == [201] * 10 + [429]
        assert [carl.get("/v1/workflows").status_code for _ in range(61)] == [200] * 60 + [429]

    def test_the_window_holds_for_calls_at_once_on_two_processes(self, api: Api) -> None:
        set_plan(api.ledger, reads_per_minute=15)
        carl = api.customer("carl", plan="standard")
        with running_api(api.ledger, api.store) as other, ThreadPoolExecutor(16) as pool:
            both = [carl, Customer(other.base, carl.token, carl.name)]
            codes = list(pool.map(lambda turn: both[turn % 2].get("/v1/workflows").status_code, range(40)))
        assert (codes.count(200), codes.count(429)) == (15, 25)

    def test_headers_tell_the_truth(self, api: Api) -> None:
        set_plan(api.ledger, reads_per_minute=2)
        carl = api.customer("carl", plan="standard")
        before = time.time()
        first, second, third = (carl.get("/v1/batches") for _ in range(3))
        assert [answer.headers["x-ratelimit-limit"] for answer in (first, second, third)] == ["2", "2", "2"]
        assert [answer.headers["x-ratelimit-remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
        assert before + 59 < int(third.headers["x-ratelimit-reset"]) < time.time() + 62
        assert third.json() == {"message": "Too Many Attempts."}
        assert time.time() + int(third.headers["retry-after"]) >= int(third.headers["x-ratelimit-reset"])

    def test_errors_carry_the_headers_as_well(self, anna: Customer) -> None:
        for answer in (anna.create(workflow=5), anna.get(f"/v1/batches/{uuid4()}"), anna.upload(b"")):
            assert answer.status_code in (404, 422)
            assert int(answer.headers["x-ratelimit-limit"]) > 0
            assert int(answer.headers["x-ratelimit-remaining"]) > 0
            assert int(answer.headers["x-ratelimit-reset"]) > 0

    def test_calls_that_reach_no_route_show_the_window_and_do_not_count(self, api: Api) -> None:
        set_plan(api.ledger, reads_per_minute=7)
        carl = api.customer("carl", plan="standard")
        carl.get("/v1/batches")
        for method, path in (("GET", "/v1/nothing"), ("PUT", "/v1/batches"), ("GET", "/manage/v1/nothing")):
            answer = carl.call(method, path)
            assert answer.status_code in (404, 405)
            assert [answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")] == ["7", "6"]

    @pytest.mark.parametrize("path", ["/v1/nothing", "/manage/v1/nothing", "/v1/batches"])
    def test_nobody_known_has_no_calls(self, api: Api, path: str) -> None:
        for headers in ({}, {"authorization": "Bearer dk_unknown"}, {"x-big": "x" * MAX_HEADERS}):
            answer = requests.get(api.base + path, headers=headers, timeout=30)
            assert answer.status_code in (401, 404, 431)
            assert [answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")] == ["0", "0"]

    @pytest.mark.parametrize("path", ["/healthz", "/cdn/public/none", "/files/none", "/nothing"])
    def test_what_has_no_rates_says_nothing_of_them(self, anna: Customer, path: str) -> None:
        assert "x-ratelimit-limit" not in anna.get(path).headers

    def test_invalid_attempts_count_and_refused_ones_do_not(self, api: Api) -> None:
        set_plan(api.ledger, creates_per_minute=2)
        carl = api.customer("carl", plan="standard")
        assert [carl.create(workflow=5).status_code for _ in range(3)] == [422, 422, 429]
        with api.ledger.database.session() as session:
            assert [len(row.calls) for row in session.scalars(select(RateWindowRow))] == [2]

    def test_uploads_are_in_no_window(self, api: Api) -> None:
        set_plan(api.ledger, creates_per_minute=1, reads_per_minute=1)
        carl = api.customer("carl", plan="standard")
        answers = [carl.upload(b"x") for _ in range(4)]
        assert {answer.status_code for answer in answers} == {201}
        assert {answer.headers["x-ratelimit-remaining"] for answer in answers} == {"1"}
        assert carl.get("/v1/batches").status_code == 200

    def test_one_batch_more_than_the_plan_allows_is_told_so(self, api: Api) -> None:
        set_plan(api.ledger, concurrent_jobs=2)
        carl = api.customer("carl", plan="standard")
        batch, _ = carl.created(), carl.created()
        answer = carl.create()
        assert answer.status_code == 429
        assert "2 batches at work at the same time" in answer.json()["message"]
        assert int(answer.headers["retry-after"]) > 0
        carl.call("DELETE", f"/v1/batches/{batch}")
        with api.ledger.database.session() as session:
            session.execute(update(JobRow).where(JobRow.id == UUID(batch)).values(status=JobStatus.CANCELLED))
        assert carl.create().status_code == 201


def test_workflows_are_listed_and_shown(anna: Customer) -> None:
    slugs = [workflow["slug"] for workflow in anna.get("/v1/workflows").json()["data"]]
    assert "auto" in slugs
    assert anna.get("/v1/workflows/auto").json()["slug"] == "auto"
    assert anna.get("/v1/workflows/none").json() == {"message": "There is no such workflow."}
