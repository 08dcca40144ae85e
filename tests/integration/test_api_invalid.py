"""Requests that cannot be carried out: field by field, in sentences, and with nothing internal in any answer."""

import json
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.access.bodies import JSON_BYTES
from tests.integration.api_server import PICTURE, Api, Customer

FILES = [{"url": PICTURE}]
GOOD = {"workflow": "auto", "files": FILES}
UUID = "9a077f0c-f7ab-4828-b496-4f65aa94f6a4"
BEARER = {"type": "bearer", "token": "secret"}
INTERNAL = (
    "Traceback",
    'File "',
    "/work",
    "/tmp",
    "site-packages",
    "psycopg",
    "SELECT ",
    "sqlalchemy",
    "pydantic",
    ".py",
)


def assert_nothing_internal(answer: requests.Response) -> None:
    assert not [word for word in INTERNAL if word.lower() in answer.text.lower()], answer.text[:500]


def assert_invalid(answer: requests.Response, *fields: str) -> dict[str, list[str]]:
    assert answer.status_code == 422, answer.text[:500]
    body = answer.json()
    assert set(body) == {"message", "errors"}
    assert list(body["errors"]) == list(fields)
    for sentences in body["errors"].values():
        assert sentences
        assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in sentences), sentences
    assert body["message"].startswith(next(iter(body["errors"].values()))[0])
    assert_nothing_internal(answer)
    return body["errors"]


WRONG: list[tuple[Any, tuple[str, ...]]] = [
    ({}, ("workflow", "files")),
    ({"files": FILES}, ("workflow",)),
    ({"workflow": None, "files": FILES}, ("workflow",)),
    ({"workflow": "", "files": FILES}, ("workflow",)),
    ({"workflow": 5, "files": FILES}, ("workflow",)),
    ({"workflow": "none", "files": FILES}, ("workflow",)),
    ({"workflow": "a\x00b", "files": FILES}, ("workflow",)),
    ({"workflow": "x" * 65, "files": FILES}, ("workflow",)),
    ({"workflow": "auto"}, ("files",)),
    ({"workflow": "auto", "files": []}, ("files",)),
    ({"workflow": "auto", "files": {}}, ("files",)),
    ({"workflow": "auto", "files": "a.jpg"}, ("files",)),
    ({"workflow": "auto", "files": ["a.jpg"]}, ("files.0",)),
    ({"workflow": "auto", "files": [{}]}, ("files.0",)),
    ({"workflow": "auto", "files": [{"url": PICTURE, "upload_id": UUID}]}, ("files.0",)),
    ({"workflow": "auto", "files": [{"url": PICTURE}, {"url": "ftp://x/a.jpg"}]}, ("files.1.url",)),
    ({"workflow": "auto", "files": [{"url": "file:///etc/passwd"}]}, ("files.0.url",)),
    ({"workflow": "auto", "files": [{"url": "a.jpg"}]}, ("files.0.url",)),
    ({"workflow": "auto", "files": [{"url": "https://"}]}, ("files.0.url",)),
    ({"workflow": "auto", "files": [{"url": 7}]}, ("files.0.url",)),
    ({"workflow": "auto", "files": [{"url": "https://e.com/" + "x" * 5000}]}, ("files.0.url",)),
    ({"workflow": "auto", "files": [{"url": "https://e.com/\x00"}]}, ("files.0.url",)),
    ({"workflow": "auto", "files": [{"upload_id": "nonsense"}]}, ("files.0.upload_id",)),
    ({"workflow": "auto", "files": [{"upload_id": UUID}]}, ("files.0.upload_id",)),
    ({"workflow": "auto", "files": [{"url": PICTURE, "reference": "x" * 1025}]}, ("files.0.reference",)),
    ({"workflow": "auto", "files": [{"url": PICTURE, "reference": 5}]}, ("files.0.reference",)),
    ({"workflow": "auto", "files": [{"url": PICTURE, "reference": "\x00"}]}, ("files.0.reference",)),
    ({**GOOD, "project": "x" * 257}, ("project",)),
    ({**GOOD, "webhook": "https://e.com"}, ("webhook",)),
    ({**GOOD, "webhook": {}}, ("webhook.url",)),
    ({**GOOD, "webhook": {"url": "gopher://e.com"}}, ("webhook.url",)),
    ({**GOOD, "webhook": {"url": PICTURE, "secret": ""}}, ("webhook.secret",)),
    ({**GOOD, "source_auth": {}}, ("source_auth.type",)),
    ({**GOOD, "source_auth": {"type": "basic"}}, ("source_auth.type",)),
    ({**GOOD, "source_auth": {"type": "bearer"}}, ("source_auth.token",)),
    ({**GOOD, "source_auth": {"type": "bearer", "token": "a\r\nHost: b"}}, ("source_auth.token",)),
    (
        {**GOOD, "source_auth": {"type": "oauth2", "token_url": "x"}},
        ("source_auth.token_url", "source_auth.client_id", "source_auth.client_secret"),
    ),
    ({**GOOD, "source_auth": BEARER, "files": [*FILES, {"url": "http://pictures.example.com"}]}, ("source_auth",)),
    ({**GOOD, "source_auth": BEARER, "files": [{"upload_id": UUID}]}, ("source_auth",)),
    ({**GOOD, "source_auth": BEARER, "files": []}, ("files",)),
    ({**GOOD, "account_id": UUID}, ("account_id",)),
    ({**GOOD, "status": "COMPLETED"}, ("status",)),
    ([], ("body",)),
    ("auto", ("body",)),
    (None, ("body",)),
]


@pytest.mark.parametrize(("body", "fields"), WRONG)
def test_what_is_wrong_is_named(anna: Customer, body: Any, fields: tuple[str, ...]) -> None:
    assert_invalid(anna.call("POST", "/v1/batches", json=body, data=None if body else json.dumps(body),
                             headers={"content-type": "application/json"}), *fields)  # fmt: skip


def test_the_sentences_are_the_contracts(anna: Customer) -> None:
    answer = anna.create(workflow=None, files=FILES)
    missing = anna.post("/v1/batches", {"files": FILES})
    assert missing.json() == {
        "message": "The workflow field is required.",
        "errors": {"workflow": ["The workflow field is required."]},
    }
    assert answer.json()["message"] == "The workflow field must be a string."
    assert anna.post("/v1/batches", {}).json()["message"] == "The workflow field is required. (and 1 more error)"


def test_an_unknown_workflow_is_answered_with_the_known_ones(anna: Customer) -> None:
    assert "auto" in assert_invalid(anna.create(workflow="none"), "workflow")["workflow"][0]


class TestOneServerPerCredential:
    def test_the_servers_are_named(self, anna: Customer) -> None:
        hosts = ("a.example:8443", "a.example", "b.example", "A.example:443")
        files = [{"url": f"https://{host}/a.jpg"} for host in hosts]
        (sentence,) = assert_invalid(anna.create(files=files, source_auth=BEARER), "source_auth")["source_auth"]
        assert sentence.endswith("on 3 of them: https://a.example, https://a.example:8443, https://b.example.")

    def test_of_very_many_servers_a_few_are_named(self, anna: Customer) -> None:
        answer = anna.create(files=[{"url": f"https://{n}.example/a.jpg"} for n in range(800)], source_auth=BEARER)
        assert len(assert_invalid(answer, "source_auth")["source_auth"][0]) < 300

    def test_one_server_in_several_spellings_is_one(self, anna: Customer) -> None:
        upload = anna.upload(b"bytes").json()["upload_id"]
        urls = ("https://a.example/1.jpg", "HTTPS://A.Example:443/2.jpg", "https://a.example./3.jpg?x=1")
        assert anna.create(files=[{"url": url} for url in urls], source_auth=BEARER).status_code == 201
        assert anna.create(files=[{"upload_id": upload}, {"url": urls[0]}], source_auth=BEARER).status_code == 201

    def test_uploads_alone_need_no_credential(self, anna: Customer) -> None:
        answer = anna.create(files=[{"upload_id": UUID}], source_auth=BEARER)
        assert "uploads only" in assert_invalid(answer, "source_auth")["source_auth"][0]

    def test_a_url_that_nothing_is_sent_to_fails_alone(self, anna: Customer) -> None:
        files = [*FILES, {"url": "https://user@elsewhere.example/a.jpg"}]
        assert anna.create(files=files, source_auth=BEARER).status_code == 201


def test_a_batch_needs_a_body(anna: Customer) -> None:
    assert_invalid(anna.post("/v1/batches"), "content-type")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
def test_a_body_must_say_that_it_is_json(anna: Customer, content_type: str) -> None:
    answer = anna.call("POST", "/v1/batches", data=json.dumps(GOOD), headers={"content-type": content_type})
    assert_invalid(answer, "content-type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"])
def test_json_by_any_of_its_names_is_taken(anna: Customer, content_type: str) -> None:
    answer = anna.call("POST", "/v1/batches", data=json.dumps(GOOD), headers={"content-type": content_type})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"workflow": "auto",}',
        b"{'workflow': 'auto'}",
        b"\xff\xfe{\x00}\x00",
        b'{"workflow": "\xff"}',
        b'{"workflow": "\\ud800"}',
        b'{"workflow": NaN}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"workflow": "auto", "workflow": "food", "files": []}',
        b"{} {}",
    ],
)
def test_broken_json_is_told_so(anna: Customer, body: bytes) -> None:
    answer = anna.call("POST", "/v1/batches", data=body, headers={"content-type": "application/json"})
    assert "not valid JSON" in assert_invalid(answer, "body")["body"][0]


def test_a_compressed_body_is_not_unpacked(anna: Customer) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert_invalid(anna.call("POST", "/v1/batches", data=b"\x1f\x8b" + bytes(100), headers=headers), "content-encoding")


def test_one_file_more_than_the_limit_says_the_limit(anna: Customer) -> None:
    assert anna.create(files=FILES * 800).status_code == 201
    assert "at most 800 files" in assert_invalid(anna.create(files=FILES * 801), "files")["files"][0]
    assert_invalid(anna.create(files=[None] * 100_000), "files")


def test_many_wrong_files_are_answered_shortly(anna: Customer) -> None:
    answer = anna.create(files=[{}] * 800)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


def test_a_body_over_the_limit_is_refused_before_it_is_read(api: Api, anna: Customer) -> None:
    answer = anna.call(
        "POST", "/v1/batches", data=b" " * (JSON_BYTES + 1), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert str(JSON_BYTES) in answer.json()["message"]
    head = (
        "POST /v1/batches HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {anna.token}\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n"
    )
    assert api.raw(head.encode()).startswith(b"HTTP/1.1 413")


def test_a_body_without_a_length_is_cut_off(anna: Customer) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        while sent < 40 * 1024 * 1024:
            sent += 65536
            yield b" " * 65536

    answer = anna.call("POST", "/v1/batches", data=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("per_page=101", "per_page"),
        ("per_page=-1", "per_page"),
        ("page=%00", "page"),
    ],
)
def test_wrong_pages_are_named(anna: Customer, query: str, field: str) -> None:
    assert_invalid(anna.get(f"/v1/batches?{query}"), field)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("PUT", "/v1/batches", 405), ("GET", "/v1/uploads", 405), ("POST", "/healthz", 405)],
)
def test_what_is_not_there_is_told_shortly(anna: Customer, method: str, path: str, status: int) -> None:
    answer = anna.call(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"message"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
BATCHES = st.fixed_dictionaries(
    {},
    optional={
        "workflow": st.just("auto") | JSON_VALUES,
        "files": st.lists(
            st.fixed_dictionaries(
                {}, optional={"url": st.just(PICTURE) | st.text(), "upload_id": st.uuids().map(str) | JSON_VALUES}
            )
            | JSON_VALUES,
            max_size=3,
        )
        | JSON_VALUES,
        "webhook": st.fixed_dictionaries({}, optional={"url": st.just(PICTURE) | JSON_VALUES, "secret": JSON_VALUES}),
        "source_auth": st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from(["bearer", "oauth2"]) | JSON_VALUES, "token": JSON_VALUES}
        ),
        "project": JSON_VALUES,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BATCHES | JSON_VALUES)
def test_whatever_is_sent_as_a_batch_is_accepted_or_explained(anna: Customer, body: Any) -> None:
    answer = anna.call(
        "POST", "/v1/batches", data=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    assert answer.status_code in (201, 422)
    if answer.status_code == 422:
        assert all(answer.json()["errors"].values())
        assert not [word for word in ("Traceback", "pydantic", "psycopg") if word in answer.text]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        ["/v1/batches/{}", "/v1/workflows/{}", "/cdn/{}", "/files/{}", "/manage/v1/jobs/{}", "/manage/v1/{}", "/{}"]
    ),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    name=st.text(max_size=30),
    query=st.text(max_size=20),
)
def test_whatever_is_asked_for_nothing_breaks(anna: Customer, path: str, method: str, name: str, query: str) -> None:
    name = requests.utils.quote(name.encode("utf-8", "replace"), safe="")
    answer = anna.call(method, path.format(name), params={"page": query, "expires": query, "signature": query})
    assert answer.status_code < 500
    assert answer.headers["x-request-id"]
    if answer.status_code >= 400:
        assert_nothing_internal(answer)
