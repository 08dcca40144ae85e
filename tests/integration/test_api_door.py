"""What every request passes: headers of any size, bodies that never end, faults of ours, and the health pages."""

import asyncio
import json
import logging
import re
import socket
from collections.abc import Iterator

import pytest
import requests
from fastapi import FastAPI, Request

from pipeline.access.bodies import body_chunks
from pipeline.access.door import MAX_HEADERS
from pipeline.errors import RequestTimedOut, RequestTooLarge, StoreUnavailable
from pipeline.ports import ObjectStore
from pipeline.services.line import Ledger
from pipeline.store.alerts import set_alert
from tests.integration.api_server import Api, Customer, a_ledger, running_api


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_headers_of_a_megabyte_are_refused(ledger: Ledger, folder_store: ObjectStore, http: str) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Big: " + b"x" * 1024 * 1024 + b"\r\n\r\n"
    with running_api(ledger, folder_store, http=http) as api:
        status = api.raw(head).split(b" ")[1]
    assert status in (b"400", b"431")


def test_headers_over_the_limit_are_told_the_limit(api: Api) -> None:
    answer = requests.get(f"{api.base}/v1/batches", headers={"x-big": "x" * MAX_HEADERS}, timeout=30)
    assert answer.status_code == 431
    assert str(MAX_HEADERS) in answer.json()["message"]
    problem = requests.get(f"{api.base}/manage/v1/jobs", headers={"x-big": "x" * MAX_HEADERS}, timeout=30).json()
    assert problem["type"] == "urn:darkroom:problem:headers_too_large"


def test_every_answer_has_an_id_and_is_not_kept(api: Api, anna: Customer) -> None:
    answers = [anna.get("/v1/batches"), anna.get("/nothing"), requests.get(f"{api.base}/v1/batches", timeout=30)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}


@pytest.mark.parametrize(
    ("given", "is_kept"), [("trace-1234", True), ("short", False), ("x" * 65, False), ("a b c d e", False)]
)
def test_a_proxys_id_is_kept_when_it_is_harmless(api: Api, given: str, is_kept: bool) -> None:
    answer = requests.get(f"{api.base}/healthz", headers={"x-request-id": given}, timeout=30)
    assert (answer.headers["x-request-id"] == given) is is_kept


def a_request(messages: list[bytes]) -> Request:
    """A request whose body comes in these pieces and then in silence."""
    waiting = iter(messages)

    async def receive() -> dict[str, object]:
        chunk = next(waiting, None)
        if chunk is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": chunk, "more_body": True}

    return Request({"type": "http", "headers": [], "method": "POST"}, receive)


async def read(request: Request, *, max_bytes: int = 100, max_s: float = 0.05) -> bytes:
    chunks = body_chunks(request, max_bytes=max_bytes, max_s=max_s, too_large=RequestTooLarge())
    return b"".join([chunk async for chunk in chunks])


def test_a_body_that_never_ends_is_given_up() -> None:
    with pytest.raises(RequestTimedOut):
        asyncio.run(read(a_request([b"a", b"b"])))


def test_a_body_over_the_limit_is_not_read_on() -> None:
    request = a_request([b"x" * 60, b"x" * 60])
    with pytest.raises(RequestTooLarge):
        asyncio.run(read(request, max_s=30))


def test_a_customer_who_hangs_up_breaks_nothing(api: Api, anna: Customer) -> None:
    head = (
        f"POST /v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {anna.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )

    with socket.create_connection((api.host, api.port)) as connection:
        connection.sendall(head.encode())
    assert anna.get("/v1/batches").json()["data"] == []


def test_a_fault_of_ours_says_nothing_and_is_logged_under_its_id(
    api: Api, anna: Customer, web_server: tuple[FastAPI, str, int], caplog: pytest.LogCaptureFixture
) -> None:
    web_server[0].state.workflows, kept = None, web_server[0].state.workflows
    try:
        answer = anna.get("/v1/workflows")
    finally:
        web_server[0].state.workflows = kept
    assert (answer.status_code, answer.json()) == (500, {"message": "Server Error"})
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert answer.headers["x-request-id"] in errors[0].getMessage()
    assert errors[0].exc_info is not None
    caplog.clear()


class TestHealth:
    def test_a_sound_instance_is_ready(self, api: Api) -> None:
        assert requests.get(f"{api.base}/healthz", timeout=30).json()["status"] == "ok"
        ready = requests.get(f"{api.base}/readyz", timeout=30)
        assert ready.status_code == 200
        assert ready.json() == {"status": "ok", "database": "ok", "store": "ok", "alerts": []}

    def test_alerts_are_listed(self, api: Api, anna: Customer) -> None:
        with api.ledger.database.session() as session:
            set_alert(session, "dispatch_stuck", "Work waits.")
        alerts = requests.get(f"{api.base}/readyz", timeout=30).json()["alerts"]
        assert [(alert["kind"], alert["message"]) for alert in alerts] == [("dispatch_stuck", "Work waits.")]
        assert anna.get("/manage/v1/alerts").json()["data"][0]["kind"] == "dispatch_stuck"

    def test_a_lost_database_is_told_with_a_time_to_come_back(self, folder_store: ObjectStore) -> None:
        nowhere = a_ledger("postgresql+psycopg2://nobody@127.0.0.1:1/none")
        with running_api(nowhere, folder_store) as api:
            ready = requests.get(f"{api.base}/readyz", timeout=30)
            answer = requests.get(f"{api.base}/v1/batches", headers={"authorization": "Bearer dk_x"}, timeout=30)
            problem = requests.get(f"{api.base}/manage/v1/jobs", headers={"authorization": "Bearer dk_x"}, timeout=30)
        assert (ready.status_code, ready.json()["database"], ready.json()["store"]) == (503, "unavailable", "ok")
        assert (answer.status_code, problem.status_code) == (503, 503)
        assert int(answer.headers["retry-after"]) > 0
        assert set(answer.json()) == {"message"}
        assert not re.search("127.0.0.1|psycopg|connection", answer.text + problem.text)

    def test_a_lost_store_is_told(self, ledger: Ledger, folder_store: ObjectStore) -> None:
        class Lost:
            def head(self, key: str) -> None:
                raise StoreUnavailable("The object store could not read /secret/place.")

        with running_api(ledger, Lost()) as api:  # type: ignore[arg-type]
            ready = requests.get(f"{api.base}/readyz", timeout=30)
        assert (ready.status_code, ready.json()["store"]) == (503, "unavailable")
        assert "secret" not in ready.text


class TestOpenApi:
    @pytest.fixture
    def page(self, api: Api) -> dict[str, object]:
        page: dict[str, object] = requests.get(f"{api.base}/openapi.json", timeout=30).json()
        return page

    def test_it_is_3_1_and_every_reference_leads_somewhere(self, page: dict[str, object]) -> None:
        assert str(page["openapi"]).startswith("3.1")
        text = json.dumps(page)
        names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
        assert names <= set(page["components"]["schemas"])  # type: ignore[index]
        assert "$defs" not in text

    def test_the_contracts_samples_are_its_examples(self, page: dict[str, object]) -> None:
        text = json.dumps(page)
        assert "9a077f0c-f7ab-4828-b496-4f65aa94f6a4" in text
        assert "2023-06-15T07:37:50.000000Z" in text
        assert "batch.completed" in page["webhooks"]  # type: ignore[operator]

    def test_every_call_that_needs_a_token_says_so_and_refuses_without(self, api: Api, page: dict[str, object]) -> None:
        for path, operations in page["paths"].items():  # type: ignore[attr-defined]
            for method, operation in operations.items():
                if path in ("/", "/healthz", "/readyz"):
                    continue
                assert operation["security"], path
                name = re.sub(r"\{\w+\}", "9a077f0c-f7ab-4828-b496-4f65aa94f6a4", path)
                assert requests.request(method, api.base + name, timeout=30).status_code == 401


def endless() -> Iterator[bytes]:
    while True:
        yield b"10000\r\n" + b"x" * 65536 + b"\r\n"


def test_an_endless_body_that_nobody_wants_is_cut_off(api: Api) -> None:
    head = b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    api.raw(head, more=endless())
    assert requests.get(f"{api.base}/healthz", timeout=30).status_code == 200
