"""What attackers and broken clients send to the analysis interface (acceptance A 12 and 13)."""

import base64
import gzip
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from pipeline.dialects import analysis as dialect
from pipeline.domain.jobs import JobKind
from pipeline.domain.media import VideoLimits
from pipeline.services.line import AnalysisOptions, Ledger
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from pipeline.store.uploads import UploadRow
from tests.integration.api_server import Api, Customer

SMALL = AnalysisOptions(max_images=3, max_image_bytes=20_000, video=VideoLimits(max_bytes=100_000))
BOUNDARY = "----darkroom"
MB = 1024 * 1024


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """Limits that a test reaches quickly."""
    return Ledger(ledger.database, ledger.key, replace(ledger.options, analysis=SMALL))


def encoded(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


def kept(api: Api) -> int:
    """Objects in the store; each has its row, or it would be an orphan."""
    with api.ledger.database.session() as session:
        rows = session.scalar(select(func.count()).select_from(UploadRow)) or 0
    objects = [found.key for found in api.store.list("uploads/")]
    assert rows == len(objects)
    return rows


def jobs_in(api: Api) -> int:
    with api.ledger.database.session() as session:
        return session.scalar(select(func.count()).select_from(JobRow)) or 0


def in_pieces(body: bytes, size: int = 4096) -> Iterator[bytes]:
    """Sent chunked, without a Content-Length."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def post(customer: Customer, path: str, body: Any, content_type: str, **headers: str) -> requests.Response:
    return customer.call("POST", path, data=body, headers={"content-type": content_type, **headers})


def video(customer: Customer, body: Any, content_type: str = "video/mp4", **headers: str) -> requests.Response:
    return post(customer, "/video", body, content_type, **headers)


def batch(customer: Customer, body: Any, content_type: str = "application/json") -> requests.Response:
    return post(customer, "/images", body, content_type)


def errors_of(api: Api, answer: requests.Response) -> list[dict[str, Any] | None]:
    assert answer.status_code == 202, answer.text
    job_id = dialect.job_id_of(answer.json()["job_id"], JobKind.IMAGE_ANALYSIS)
    with api.ledger.database.session() as session:
        rows = session.scalars(select(ItemRow).where(ItemRow.job_id == job_id).order_by(ItemRow.position))
        return [row.error for row in rows]


def a_form(*parts: tuple[str, bytes], end: bool = True) -> bytes:
    body = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in parts
    )
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


FORM = f"multipart/form-data; boundary={BOUNDARY}"


def request_head(customer: Customer, path: str, *lines: str) -> bytes:
    fixed = [f"POST {path} HTTP/1.1", "Host: x", f"X-API-Key: {customer.token}", "Connection: close"]
    return "\r\n".join([*fixed, *lines, "", ""]).encode()


class TestSizes:
    @pytest.mark.parametrize("chunked", [True, False])
    def test_the_limit_of_a_video_is_exact_to_the_byte(self, api: Api, anna: Customer, chunked: bool) -> None:
        at, over = bytes(SMALL.video.max_bytes), bytes(SMALL.video.max_bytes + 1)
        assert video(anna, in_pieces(at) if chunked else at).status_code == 202
        assert video(anna, a_form(("file", at)), FORM).status_code == 202
        for refused in (
            video(anna, in_pieces(over) if chunked else over),
            video(anna, a_form(("file", over)), FORM),
            video(anna, in_pieces(a_form(("file", over))), FORM),
        ):
            assert refused.status_code == 413
            assert refused.json()["error"]["code"] == "too_large_bytes"
            assert str(SMALL.video.max_bytes) in refused.json()["error"]["message"]
        assert (kept(api), jobs_in(api)) == (2, 2)

    def test_the_limit_of_an_image_is_exact_to_the_byte_and_fails_it_alone(self, api: Api, anna: Customer) -> None:
        sizes = (SMALL.max_image_bytes, SMALL.max_image_bytes + 1, 5)
        body = {"images": [{"data_base64": encoded(size)} for size in sizes]}
        first, second, third = errors_of(api, anna.post("/images", body))
        assert (first, third) == (None, None)
        assert second is not None
        assert (second["code"], second["stage"], second["retryable"]) == ("too_large_bytes", "download", False)
        assert kept(api) == 2

    def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(self, api: Api, anna: Customer) -> None:
        announced = f"Content-Length: {100 * 10 * MB * 4 // 3}"
        for path, kind in (("/images", "application/json"), ("/video", "video/mp4")):
            head = request_head(anna, path, f"Content-Type: {kind}", announced, "Expect: 100-continue")
            answer = api.raw(head)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"100 Continue" not in answer

    def test_more_images_than_allowed_are_refused_in_words(self, api: Api, anna: Customer) -> None:
        answer = anna.post("/images", {"images": [{"data_base64": "AAAA"}] * 4})
        assert answer.status_code == 422
        assert "at most 3 images" in answer.json()["error"]["fields"]["images"][0]
        assert kept(api) == 0


class TestLies:
    def test_a_video_that_breaks_off_before_its_length_leaves_nothing(self, api: Api, anna: Customer) -> None:
        head = request_head(anna, "/video", "Content-Type: video/mp4", "Content-Length: 90000")
        with socket.create_connection((api.host, api.port), timeout=30) as connection:
            connection.sendall(head + bytes(50_000))
        assert video(anna, b"another").status_code == 202  # served meanwhile: nobody waits for the one that has gone
        assert (kept(api), jobs_in(api)) == (1, 1)

    def test_a_body_longer_than_its_length_is_cut_there(self, api: Api, anna: Customer) -> None:
        head = request_head(anna, "/video", "Content-Type: video/mp4", "Content-Length: 1000")
        assert api.raw(head + bytes(5000)).startswith(b"HTTP/1.1 202 ")
        head = request_head(anna, "/images", "Content-Type: application/json", "Content-Length: 40")
        body = json.dumps({"images": [{"data_base64": encoded(600)}]}).encode()
        answer = api.raw(head + body)
        assert answer.startswith(b"HTTP/1.1 422 ")
        assert b"not valid JSON" in answer
        assert (kept(api), jobs_in(api)) == (1, 1)

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
    @pytest.mark.parametrize("path", ["/video", "/images"])
    def test_a_compressed_body_is_refused_unread(self, api: Api, anna: Customer, path: str, encoding: str) -> None:
        bomb = gzip.compress(bytes(10 * MB))
        answer = post(anna, path, bomb, "application/json", **{"content-encoding": encoding})
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
        assert kept(api) == 0

    @pytest.mark.parametrize("kind", ["", "image/jpeg", "text/plain", "application/json", "videos/mp4", "audio/mpeg"])
    def test_a_video_of_another_type_is_refused(self, anna: Customer, kind: str) -> None:
        answer = video(anna, b"x", kind)
        assert answer.status_code == 415
        assert "application/octet-stream" in answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        "kind", ["", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
    )
    def test_images_of_another_type_are_refused(self, anna: Customer, kind: str) -> None:
        answer = batch(anna, b'{"images": []}', kind)
        assert answer.status_code == 415
        assert "application/json" in answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"]
    )
    def test_json_may_say_so_in_other_words(self, anna: Customer, kind: str) -> None:
        assert batch(anna, b'{"images": [{"data_base64": "AAAA"}]}', kind).status_code == 202


class TestBase64:
    @pytest.mark.parametrize("pad", [0, 15_000])
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("data:image/png;base64,{}", "data: URI prefix"),
            ("{}\\nAAAA", "line break"),
            ("{}\\r\\nAAAA", "line break"),
            ("{} AAAA", "white space"),
            ("{}AAA", "padding (=) is missing"),
            ("{}AA=", "padding (=) is missing"),
            ("{}AA==AAAA", "before its end"),
            ("{}AA-_", "URL-safe"),
            ("{}AAé=", "which no base64 has"),
            ("{}AA\\u0000=", "which no base64 has"),
        ],
    )
    def test_each_fault_fails_its_image_alone_and_leaves_nothing(
        self, api: Api, anna: Customer, text: str, words: str, pad: int
    ) -> None:
        bad = text.format(encoded(pad))
        body = f'{{"images": [{{"data_base64": "{bad}"}}, {{"data_base64": "AAAA"}}]}}'
        first, second = errors_of(api, batch(anna, body.encode()))
        assert first is not None
        assert (first["code"], second) == ("invalid_base64", None)
        assert words in first["message"]
        assert kept(api) == 1

    def test_an_empty_image_fails_alone(self, api: Api, anna: Customer) -> None:
        first, second = errors_of(api, anna.post("/images", {"images": [{"data_base64": ""}, {"data_base64": "AA=="}]}))
        assert first is not None
        assert (first["code"], second) == ("empty", None)

    def test_a_batch_of_faults_only_is_a_job_of_faults(self, api: Api, anna: Customer) -> None:
        answer = anna.post("/images", {"images": [{"data_base64": "?"}] * 3})
        assert [error and error["code"] for error in errors_of(api, answer)] == ["invalid_base64"] * 3

    @pytest.mark.parametrize("slash", ["\\/", "\\u002f", "\\u002F"])
    def test_slashes_may_be_escaped_as_php_and_dotnet_do(self, api: Api, anna: Customer, slash: str) -> None:
        data = b"\xff" * 18_000
        text = base64.b64encode(data).decode().replace("/", slash)
        assert errors_of(api, batch(anna, f'{{"images": [{{"data_base64": "{text}"}}]}}'.encode())) == [None]
        (found,) = api.store.list("uploads/")
        assert api.store.get(found.key) == data


class TestShapes:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (b"", "body"),
            (b"[]", "body"),
            (b'"text"', "body"),
            (b"{", "body"),
            (b'{"images": [', "body"),
            (b"\xff\xfe", "body"),
            (b'{"images": NaN}', "body"),
            (b'{"images": [{"data_base64": "AA\nAA"}]}', "body"),
            (b'{"images": "AAAA"}', "images"),
            (b'{"images": [], "images": []}', "body"),
            (b'{"images": [{"data_base64": 5}]}', "images.0.data_base64"),
            (b'{"images": [{"data_base64": null}]}', "images.0.data_base64"),
            (b'{"images": [{"data_base64": "AAAA", "external_id": 7}]}', "images.0.external_id"),
            (b'{"images": [{"data_base64": "AAAA", "external_id": "\\u0000"}]}', "images.0.external_id"),
            (b'{"images": [{"data_base64": "AAAA", "account_id": "x"}]}', "images.0.account_id"),
            (b'{"images": [{"data_base64": "AAAA"}], "status": "finished"}', "status"),
            (b'{"images": [{"data_base64": "AAAA"}], "webhook": {"url": "ftp://x"}}', "webhook.url"),
            (b'{"images": [{"data_base64": "AAAA"}], "webhook": {"secret": "x"}}', "webhook.url"),
            (b'{"images":' + b'{"images":' * 50_000, "body"),
            (b'{"images": ' + b"[" * 1_000_000, "body"),
        ],
    )
    def test_a_body_of_the_wrong_shape_is_refused_by_field(
        self, api: Api, anna: Customer, body: bytes, field: str
    ) -> None:
        answer = batch(anna, body)
        assert answer.status_code == 422, answer.text
        assert list(answer.json()["error"]["fields"]) == [field]
        assert answer.json()["error"]["code"] == "invalid_request"
        assert (kept(api), jobs_in(api)) == (0, 0)

    @pytest.mark.parametrize(
        ("parts", "field"),
        [
            ((), "file"),
            ((("webhook", b"{}"),), "file"),
            ((("file", b""),), "file"),
            ((("file", b"x"), ("file", b"y")), "file"),
            ((("file", b"x"), ("webhook", b"no json")), "webhook"),
            ((("file", b"x"), ("webhook", b'{"url": "file:///etc/passwd"}')), "webhook.url"),
            ((("file", b"x"), ("webhook", b"{}")), "webhook.url"),
            ((("file", b"x"), ("webhook[secret]", b"s")), "webhook.url"),
            ((("webhook[url]", b"https://a.example/\xff\x00"), ("file", b"x")), "webhook.url"),
            (
                (("file", b"x"), ("webhook", b'{"url": "https://a.example"}'), ("webhook[url]", b"https://b.example")),
                "webhook",
            ),
            ((("file", b"x"), ("webhook", bytes(20_000))), "webhook"),
            ((("file", b"x"), ("account_id", b"1")), "account_id"),
        ],
    )
    def test_a_form_that_is_wrong_is_refused_and_leaves_nothing(
        self, api: Api, anna: Customer, parts: tuple[tuple[str, bytes], ...], field: str
    ) -> None:
        answer = video(anna, a_form(*parts), FORM)
        assert answer.status_code == 422, answer.text
        assert list(answer.json()["error"]["fields"]) == [field]
        assert (kept(api), jobs_in(api)) == (0, 0)

    def test_a_form_that_breaks_off_leaves_nothing(self, api: Api, anna: Customer) -> None:
        answer = video(anna, a_form(("file", bytes(50_000)), end=False), FORM)
        assert (answer.status_code, "broke off" in answer.json()["error"]["message"]) == (422, True)
        assert kept(api) == 0

    def test_an_empty_video_is_refused(self, api: Api, anna: Customer) -> None:
        assert video(anna, b"").json()["error"]["fields"] == {"file": ["The file is empty."]}
        assert kept(api) == 0

    @pytest.mark.parametrize("url", ["javascript:alert(1)", "", "https://", "https://" + "x" * 4096])
    def test_a_webhook_in_headers_is_looked_at_before_the_video(self, api: Api, anna: Customer, url: str) -> None:
        answer = video(anna, bytes(1000), **{"x-webhook-url": url})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["webhook.url"])
        assert kept(api) == 0

    def test_errors_hold_nothing_of_the_inside(self, anna: Customer) -> None:
        for body in (b"{", b'{"images": [{"data_base64": 1}]}', b"[" * 1000):
            text = batch(anna, body).text
            assert "Traceback" not in text
            assert "pydantic" not in text
            assert "/work" not in text
