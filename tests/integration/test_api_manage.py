"""The management interface: the caller's own jobs, retries and webhooks, with problems as RFC 9457 has them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from pipeline.domain.events import DeliveryState
from pipeline.domain.jobs import ItemState, JobStatus, Outcome, Stage
from pipeline.services.line import Ledger
from pipeline.store.accounts import EndpointRow
from pipeline.store.events import DeliveryRow, EventRow
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from tests.integration.api_server import PICTURE, Api, Customer


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "request_id"} <= set(problem)
    assert problem["type"] == f"urn:darkroom:problem:{code}"
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def a_failed_job(api: Api, customer: Customer, items: int = 3) -> str:
    """A job that has ended, all of whose items failed at `enhance`."""
    job_id = customer.created(files=[{"url": PICTURE}] * items)
    error = {"code": "corrupt", "stage": "enhance", "message": "It broke.", "retryable": True}
    with api.ledger.database.session() as session:
        mine = JobRow.id == UUID(job_id)
        session.execute(update(JobRow).where(mine).values(status=JobStatus.SUCCEEDED, open_items=0))
        session.execute(
            update(ItemRow)
            .where(ItemRow.job_id == UUID(job_id))
            .values(
                state=ItemState.ENDED,
                outcome=Outcome.FAILED,
                failed_stage=Stage.ENHANCE,
                error=error,
                stage_done=Stage.ANALYZE.rank,
                ended_at=datetime.now(UTC),
            )
        )
    return job_id


def a_dead_delivery(ledger: Ledger, job_id: str) -> str:
    with ledger.database.session() as session:
        account_id = session.get_one(JobRow, UUID(job_id)).account_id
        event = EventRow(account_id=account_id, job_id=UUID(job_id), generation=1, type="batch.completed", body="{}")
        session.add(event)
        session.flush()
        row = DeliveryRow(event_id=event.id, account_id=account_id, url=PICTURE, state=DeliveryState.DEAD, attempts=10)
        session.add(row)
        session.flush()
        return str(row.id)


class TestJobs:
    def test_jobs_are_listed_page_by_page(self, anna: Customer) -> None:
        created = [anna.created() for _ in range(3)]
        first = anna.get("/manage/v1/jobs?per_page=2").json()
        assert [job["id"] for job in first["data"]] == [created[2], created[1]]
        second = anna.get(first["next"]).json()
        assert ([job["id"] for job in second["data"]], second["next"]) == ([created[0]], None)

    def test_a_job_is_shown_with_its_items(self, api: Api, anna: Customer) -> None:
        job = anna.get(f"/manage/v1/jobs/{a_failed_job(api, anna)}").json()
        assert (job["status"], job["counts"], job["progress"]) == ("succeeded", {"failed": 3}, 100)
        assert [item["error"]["code"] for item in job["items"]] == ["corrupt"] * 3

    def test_a_job_is_cancelled_once(self, anna: Customer) -> None:
        path = f"/manage/v1/jobs/{anna.created()}/cancel"
        assert [anna.post(path).json()["cancelled"] for _ in range(2)] == [True, True]


class TestRetrying:
    def test_failed_items_wait_again_before_the_stage_that_failed(self, api: Api, anna: Customer) -> None:
        job = a_failed_job(api, anna)
        answer = anna.post(f"/manage/v1/jobs/{job}/retry", {})
        assert answer.json() == {"job_id": job, "generation": 2, "items": 3, "from_stage": None}
        with api.ledger.database.session() as session:
            rows = session.scalars(select(ItemRow)).all()
        assert {(row.state, row.stage_done) for row in rows} == {(ItemState.WAITING, Stage.ANALYZE.rank)}
        assert anna.get(f"/v1/batches/{job}").json()["status"] == "PROCESSING"

    @pytest.mark.parametrize("content_type", [None, "application/json", "application/x-www-form-urlencoded"])
    def test_without_a_body_all_of_them_are_tried(self, api: Api, anna: Customer, content_type: str | None) -> None:
        headers = {} if content_type is None else {"content-type": content_type}
        answer = anna.post(f"/manage/v1/jobs/{a_failed_job(api, anna)}/retry", headers=headers)
        assert (answer.status_code, answer.json()["items"]) == (200, 3)

    def test_a_body_of_no_chunks_is_no_body(self, api: Api, anna: Customer) -> None:
        path, headers = f"/manage/v1/jobs/{a_failed_job(api, anna)}/retry", {"content-type": "application/json"}
        answer = anna.post(path, data=(chunk for chunk in ()), headers=headers)
        assert (answer.status_code, answer.json()["items"]) == (200, 3)

    def test_a_body_that_is_no_json_is_told_so_all_the_same(self, api: Api, anna: Customer) -> None:
        path = f"/manage/v1/jobs/{a_failed_job(api, anna)}/retry"
        assert_problem(anna.post(path, data=b"from=enhance"), 422, "invalid_request")

    def test_a_stage_and_positions_may_be_chosen(self, api: Api, anna: Customer) -> None:
        job = a_failed_job(api, anna)
        answer = anna.post(f"/manage/v1/jobs/{job}/retry", {"from": "download", "positions": [1]})
        assert (answer.json()["items"], answer.json()["from_stage"]) == (1, "download")
        items = anna.get(f"/manage/v1/jobs/{job}").json()["items"]
        assert [(item["state"], item["stage_done"]) for item in items] == [("ended", 3), ("waiting", 0), ("ended", 3)]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"from": "nowhere"}, "from"),
            ({"from": "report"}, "from"),
            ({"positions": []}, "positions"),
            ({"positions": [-1]}, "positions.0"),
            ({"positions": ["x"]}, "positions.0"),
            ({"items": 3}, "items"),
        ],
    )
    def test_a_wrong_request_is_explained(self, api: Api, anna: Customer, body: dict[str, Any], field: str) -> None:
        problem = assert_problem(
            anna.post(f"/manage/v1/jobs/{a_failed_job(api, anna)}/retry", body), 422, "invalid_request"
        )
        assert list(problem["errors"]) == [field]

    def test_a_job_at_work_cannot_be_retried(self, anna: Customer) -> None:
        assert_problem(anna.post(f"/manage/v1/jobs/{anna.created()}/retry", {}), 409, "conflict")

    def test_nobody_retries_or_cancels_anothers_job(self, api: Api, anna: Customer) -> None:
        job, bert = a_failed_job(api, anna), api.customer("bert")
        assert_problem(bert.post(f"/manage/v1/jobs/{job}/retry", {}), 404, "not_found")
        assert_problem(bert.post(f"/manage/v1/jobs/{job}/cancel"), 404, "not_found")


class TestWebhook:
    def test_the_secret_is_shown_once_and_kept_sealed(self, api: Api, anna: Customer) -> None:
        assert_problem(anna.get("/manage/v1/webhook"), 404, "not_found")
        made = anna.call("PUT", "/manage/v1/webhook", json={"url": "https://hook.example.com/a"}).json()
        assert len(made["secret"]) == 64
        shown = anna.get("/manage/v1/webhook")
        assert shown.json() == {
            "url": "https://hook.example.com/a", "enabled": True, "disabled_reason": None, "failing_since": None
        }  # fmt: skip
        with api.ledger.database.session() as session:
            row = session.scalars(select(EndpointRow)).one()
        assert made["secret"] not in row.secret_sealed
        assert api.ledger.key.open(row.secret_sealed) == made["secret"]

    def test_there_is_one_per_account(self, api: Api, anna: Customer) -> None:
        for name in ("a", "b"):
            body = {"url": f"https://hook.example.com/{name}", "secret": "a secret of our own"}
            assert anna.call("PUT", "/manage/v1/webhook", json=body).json()["secret"] == "a secret of our own"
        assert anna.get("/manage/v1/webhook").json()["url"] == "https://hook.example.com/b"
        assert_problem(api.customer("bert").get("/manage/v1/webhook"), 404, "not_found")

    @pytest.mark.parametrize("body", [{}, {"url": "ftp://x"}, {"url": PICTURE, "secret": "short"}])
    def test_a_wrong_one_is_explained(self, anna: Customer, body: dict[str, str]) -> None:
        assert_problem(anna.call("PUT", "/manage/v1/webhook", json=body), 422, "invalid_request")


class TestDeliveries:
    def test_dead_ones_are_listed_and_sent_again(self, api: Api, anna: Customer) -> None:
        delivery = a_dead_delivery(api.ledger, anna.created())
        found = anna.get("/manage/v1/deliveries?state=dead").json()["data"]
        assert [(one["id"], one["attempts"]) for one in found] == [(delivery, 10)]
        assert anna.post(f"/manage/v1/deliveries/{delivery}/replay").json()["state"] == "pending"
        assert anna.get("/manage/v1/deliveries?state=dead").json()["data"] == []
        assert_problem(anna.post(f"/manage/v1/deliveries/{delivery}/replay"), 409, "conflict")

    def test_they_are_an_accounts_own(self, api: Api, anna: Customer) -> None:
        delivery, bert = a_dead_delivery(api.ledger, anna.created()), api.customer("bert")
        assert bert.get("/manage/v1/deliveries").json()["data"] == []
        assert_problem(bert.post(f"/manage/v1/deliveries/{delivery}/replay"), 404, "not_found")

    def test_an_unknown_state_is_explained(self, anna: Customer) -> None:
        assert_problem(anna.get("/manage/v1/deliveries?state=lost"), 422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/manage/v1/jobs/nonsense", 404, "not_found"),
        ("GET", f"/manage/v1/jobs/{uuid4()}", 404, "not_found"),
        ("GET", "/manage/v1/nothing", 404, "not_found"),
        ("DELETE", "/manage/v1/jobs", 405, "method_not_allowed"),
    ],
)
def test_every_error_is_a_problem(anna: Customer, method: str, path: str, status: int, code: str) -> None:
    assert_problem(anna.call(method, path), status, code)


def test_without_a_token_the_problem_says_so(api: Api) -> None:
    assert_problem(Customer(api.base, "dk_none", "nobody").get("/manage/v1/jobs"), 401, "unauthenticated")
