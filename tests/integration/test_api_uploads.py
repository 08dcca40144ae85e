"""Originals sent by hand: streamed, limited while they stream, and kept under generated keys."""

import contextlib
import hashlib
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from pipeline.adapters.object_store import from_url
from pipeline.dialects import enhancement_schema as schema
from pipeline.domain.media import MediaLimits
from pipeline.ports import ObjectStore
from pipeline.services.uploads import AT_ONCE, shown_name
from tests.integration.api_server import PICTURE, Api, Customer, a_ledger

BOUNDARY = "----darkroom"
LIMIT = MediaLimits().max_bytes


def form(*parts: bytes, end: bool = True) -> bytes:
    body = b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return body + (b"--" + BOUNDARY.encode() + b"--\r\n" if end else b"")


def part(data: bytes, disposition: bytes = b'form-data; name="file"; filename="a.jpg"') -> bytes:
    return b"Content-Disposition: " + disposition + b"\r\nContent-Type: image/jpeg\r\n\r\n" + data


def send(
    customer: Customer, body: object, *, content_type: str = f"multipart/form-data; boundary={BOUNDARY}"
) -> object:
    return customer.call("POST", "/v1/uploads", data=body, headers={"content-type": content_type})


def in_pieces(body: bytes, size: int) -> Iterator[bytes]:
    """Sent chunked, without a Content-Length."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def stored(store: ObjectStore) -> list[str]:
    return [found.key for found in store.list("uploads/")]


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    return tmp_path / "objects"


def test_an_upload_is_kept_as_it_came(api: Api, anna: Customer) -> None:
    data = bytes(range(256)) * 10_000
    answer = anna.upload(data, "dinner.jpg")
    assert answer.status_code == 201
    body = answer.json()
    schema.UploadAnswer.model_validate(body)
    assert (body["name"], body["bytes"]) == ("dinner.jpg", len(data))
    assert body["sha256"] == hashlib.sha256(data).hexdigest()
    (key,) = stored(api.store)
    assert api.store.get(key) == data
    assert key.endswith(body["upload_id"])


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_a_form_may_come_in_pieces_of_any_size(api: Api, anna: Customer, size: int) -> None:
    data = b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n" + bytes(500)
    answer = send(anna, in_pieces(form(part(data)), size))
    assert answer.json()["sha256"] == hashlib.sha256(data).hexdigest()


def test_the_limit_is_exact_to_the_byte(api: Api, anna: Customer) -> None:
    assert anna.upload(bytes(LIMIT)).status_code == 201
    answer = anna.upload(bytes(LIMIT + 1))
    assert answer.status_code == 413
    assert str(LIMIT) in answer.json()["message"]
    assert len(stored(api.store)) == 1


def test_the_limit_holds_without_a_length(api: Api, anna: Customer, objects: Path) -> None:
    assert send(anna, in_pieces(form(part(bytes(LIMIT))), 65536)).status_code == 201
    assert send(anna, in_pieces(form(part(bytes(LIMIT + 1))), 65536)).status_code == 413
    assert len(stored(api.store)) == 1
    assert sum(path.stat().st_size for path in objects.rglob("*") if path.is_file()) == LIMIT


def test_twice_the_limit_is_refused_at_its_first_byte(api: Api, anna: Customer) -> None:
    assert anna.upload(bytes(2 * LIMIT)).status_code == 413
    assert stored(api.store) == []


def test_an_endless_upload_is_cut_off(api: Api, anna: Customer) -> None:
    sent = 0
    head = (
        f"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {anna.token}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        yield b"%x\r\n" % len(form(part(b""), end=False)[:-2]) + form(part(b""), end=False)[:-2] + b"\r\n"
        while sent < 10 * 1024 * LIMIT:
            sent += 65536
            yield b"10000\r\n" + bytes(65536) + b"\r\n"

    api.raw(head.encode(), more=chunks())
    assert sent < 10 * LIMIT
    assert stored(api.store) == []


def test_a_broken_connection_leaves_nothing(
    api: Api, anna: Customer, objects: Path, until: Callable[..., None]
) -> None:
    body = form(part(bytes(10_000_000)))
    head = (
        f"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {anna.token}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(AT_ONCE + 1):
        with socket.create_connection((api.host, api.port)) as connection:
            connection.sendall(head.encode() + body[:5_000_000])
    until(lambda: anna.upload(b"x").status_code == 201)
    until(lambda: sum(path.is_file() for path in objects.rglob("*")) == len(stored(api.store)))


NAMES = [
    (b"../../x", "x"),
    (b"..\\..\\x.jpg", "x.jpg"),
    (b"/etc/passwd", "passwd"),
    (b".htaccess", "htaccess"),
    (b"..", "upload"),
    (b"", "upload"),
    ("\u202egpj.exe".encode(), "gpj.exe"),
    ("شام.jpg".encode(), "شام.jpg"),
    (b"a\x00b.jpg", "ab.jpg"),
    (b"\xff\xfe.jpg", "\ufffd\ufffd.jpg"),
    (b"x" * 4000 + b".jpg", "x" * 255),
    (b"<script>alert(1)</script>", "script>"),
    (b"a;b=c.jpg", "a;b=c.jpg"),
]


@pytest.mark.parametrize(("sent", "shown"), NAMES)
def test_names_are_shown_and_never_used(api: Api, anna: Customer, sent: bytes, shown: str) -> None:
    disposition = b'form-data; name="file"; filename="' + sent + b'"'
    answer = send(anna, form(part(b"data", disposition)))
    assert (answer.status_code, answer.json()["name"]) == (201, shown)
    (key,) = stored(api.store)
    assert key.endswith(answer.json()["upload_id"])


def test_a_shown_name_has_nothing_that_turns_or_hides_text() -> None:
    assert shown_name("a\u202eb\u2066c\u200bd\ud800e\x1b[31m\x85.jpg") == "abcde[31m.jpg"


def test_the_same_name_twice_is_two_uploads(anna: Customer) -> None:
    assert anna.upload(b"a", "a.jpg").json()["upload_id"] != anna.upload(b"a", "a.jpg").json()["upload_id"]


WRONG = [
    ("", b""),
    ("application/json", b"{}"),
    ("multipart/form-data", form(part(b"x"))),
    ("multipart/form-data; boundary=" + "x" * 400, b"x"),
    (f"multipart/form-data; boundary={BOUNDARY}", b""),
    (f"multipart/form-data; boundary={BOUNDARY}", b"nonsense"),
    (f"multipart/form-data; boundary={BOUNDARY}", form()),
    (f"multipart/form-data; boundary={BOUNDARY}", form(part(b"x"), end=False)),
    (f"multipart/form-data; boundary={BOUNDARY}", form(part(b""))),
    (f"multipart/form-data; boundary={BOUNDARY}", form(part(b"x"), part(b"y"))),
    (f"multipart/form-data; boundary={BOUNDARY}", form(part(b"x", b'form-data; name="other"; filename="a.jpg"'))),
    (f"multipart/form-data; boundary={BOUNDARY}", form(part(b"x", b"attachment"))),
    (f"multipart/form-data; boundary={BOUNDARY}", form(b"X: " + b"y" * 30_000 + b"\r\n\r\nx")),
    (f"multipart/form-data; boundary={BOUNDARY}", form(b"".join(b"X%d: y\r\n" % n for n in range(999)) + b"\r\nx")),
]


@pytest.mark.parametrize(("content_type", "body"), WRONG)
def test_what_is_no_form_with_one_file_is_explained(api: Api, anna: Customer, content_type: str, body: bytes) -> None:
    answer = send(anna, body, content_type=content_type)
    assert answer.status_code == 422, answer.text
    assert list(answer.json()["errors"]) == ["file"]
    assert stored(api.store) == []


def test_an_account_has_so_many_uploads_at_once(api: Api, anna: Customer, until: Callable[..., None]) -> None:
    head = (
        f"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {anna.token}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: 5000\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        under_way = [stack.enter_context(socket.create_connection((api.host, api.port))) for _ in range(AT_ONCE + 1)]
        for connection in under_way:
            connection.sendall(head.encode() + form(part(b"data"), end=False))
        answered, _, _ = select.select(under_way, [], [], 30)
        assert len(answered) == 1
        answer = answered[0].recv(65536).decode()
        assert answer.startswith("HTTP/1.1 429")
        assert "under way" in answer
        assert "retry-after: 1\r\n" in answer
        assert anna.upload(b"x").status_code == 429
        assert api.customer("bert").upload(b"x").status_code == 201
    until(lambda: anna.upload(b"x").status_code == 201)


def test_an_account_holds_so_many_bytes_of_unused_uploads(
    database_url: str, web_server: tuple[FastAPI, str, int], tmp_path: Path
) -> None:
    app, host, port = web_server
    small = a_ledger(database_url, max_items=2, limits=MediaLimits(max_bytes=100))
    api = Api(host, port, small, from_url((tmp_path / "small").as_uri()))
    app.state.ledger, app.state.store = api.ledger, api.store
    anna = api.customer("anna")
    uploads = [anna.upload(bytes(100)) for _ in range(4)]
    assert {answer.status_code for answer in uploads} == {201}
    refused = anna.upload(b"x")
    assert refused.status_code == 422
    assert "400 bytes" in refused.json()["errors"]["file"][0]
    assert api.customer("bert").upload(b"x").status_code == 201
    anna.created(files=[{"upload_id": uploads[0].json()["upload_id"]}, {"url": PICTURE}])
    assert anna.upload(bytes(101)).status_code == 413
    assert anna.upload(bytes(100)).status_code == 201
    assert len(stored(api.store)) == 6
    small.database.dispose()
