"""Files over HTTP: what a CDN needs to know of a public picture, and links that only work as they were signed."""

import hashlib
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests

from pipeline.services.sealing import SealingKey
from pipeline.services.views import file_url
from tests.integration.api_server import Api

DATA = bytes(range(256)) * 8
SHA = hashlib.sha256(DATA).hexdigest()


def a_key(kind: str = "public", extension: str = "jpg") -> str:
    return f"{kind}/{uuid4()}/{uuid4()}/17/3-{SHA}.{extension}"


@pytest.fixture
def public_url(api: Api) -> str:
    key = a_key()
    api.store.put(key, DATA, media_type="image/jpeg")
    return f"{api.base}/cdn/{key}"


@pytest.fixture
def signed(api: Api) -> Callable[[str], str]:
    """Stores an object under the key and returns its signed URL at the running API."""

    def sign(key: str) -> str:
        api.store.put(key, DATA, media_type="application/octet-stream")
        parts = urlsplit(file_url(api.ledger, key))
        return f"{api.base}{parts.path}?{parts.query}"

    return sign


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=30)


def test_a_public_picture_is_served_to_every_cache(public_url: str) -> None:
    answer = get(public_url)
    assert (answer.status_code, answer.content) == (200, DATA)
    headers = answer.headers
    assert headers["etag"] == f'"{SHA}"'
    assert headers["content-type"] == "image/jpeg"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["content-disposition"] == f'inline; filename="{SHA[:16]}.jpg"'
    assert headers["access-control-allow-origin"] == "*"
    assert headers["accept-ranges"] == "bytes"


def test_head_says_the_same_without_the_bytes(public_url: str) -> None:
    head, whole = requests.head(public_url, timeout=30), get(public_url)
    assert head.content == b""
    own = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in whole.headers.items() if k not in own
    }


@pytest.mark.parametrize(
    ("extension", "media_type"),
    [
        ("png", "image/png"),
        ("tif", "image/tiff"),
        ("tiff", "image/tiff"),
        ("webp", "image/webp"),
        ("avif", "image/avif"),
    ],
)
def test_the_type_is_that_of_the_extension(api: Api, extension: str, media_type: str) -> None:
    key = a_key(extension=extension)
    api.store.put(key, b"<html>", media_type="text/html")
    assert get(f"{api.base}/cdn/{key}").headers["content-type"] == media_type


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        (f'"{SHA}"', 304),
        (f'W/"{SHA}"', 304),
        (f'"other", "{SHA}"', 304),
        ("*", 304),
        ('"other"', 200),
        (SHA, 200),
        ("", 200),
    ],
)
def test_a_cache_that_has_it_is_told_so(public_url: str, tags: str, status: int) -> None:
    answer = get(public_url, if_none_match=tags)
    assert (answer.status_code, len(answer.content)) == (status, 0 if status == 304 else len(DATA))
    assert answer.headers["etag"] == f'"{SHA}"'


END = len(DATA)


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=100-", (100, END)),
        ("bytes=-5", (END - 5, END)),
        ("bytes=-99999", (0, END)),
        ("bytes=10-99999", (10, END)),
        (f"bytes={END - 1}-{END - 1}", (END - 1, END)),
        ("Bytes = 5 - 9", (5, 10)),
    ],
)
def test_a_range_is_answered_with_that_range(public_url: str, asked: str, span: tuple[int, int]) -> None:
    answer = get(public_url, range=asked)
    assert (answer.status_code, answer.content) == (206, DATA[slice(*span)])
    assert answer.headers["content-range"] == f"bytes {span[0]}-{span[1] - 1}/{END}"


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=a-b", "bytes=-", "items=0-5", "bytes=0-1,4-5", "nonsense", "bytes=--5"]
)
def test_what_is_no_single_range_is_answered_with_the_whole(public_url: str, asked: str) -> None:
    answer = get(public_url, range=asked)
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("asked", [f"bytes={END}-", "bytes=999999999999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(public_url: str, asked: str) -> None:
    answer = get(public_url, range=asked)
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{END}")


def test_a_range_of_another_version_is_answered_with_the_whole(public_url: str) -> None:
    assert get(public_url, range="bytes=0-4", if_range='"other"').status_code == 200
    assert get(public_url, range="bytes=0-4", if_range=f'"{SHA}"').status_code == 206


@pytest.mark.parametrize("kind", ["private", "originals", "reports", "work", "uploads"])
def test_only_the_public_class_is_public(api: Api, kind: str) -> None:
    key = a_key(kind)
    api.store.put(key, DATA, media_type="image/jpeg")
    assert get(f"{api.base}/cdn/{key}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "", "public", "public/", "public/..", "public/../private/x", "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd", "public%00", "public//x", "//etc/passwd", "public/x.jpg",
        f"public/{uuid4()}/", "public/%ff", "x" * 5000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("root", ["cdn", "files"])
def test_a_strange_path_is_nothing(api: Api, path: str, root: str) -> None:
    answer = api.raw(f"GET /{root}/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert b"passwd" not in answer


def test_an_html_page_is_no_picture(api: Api) -> None:
    key = a_key(extension="html")
    api.store.put(key, b"<script>", media_type="text/html")
    assert get(f"{api.base}/cdn/{key}").status_code == 404


def test_an_unknown_picture_is_not_found(api: Api) -> None:
    answer = get(f"{api.base}/cdn/{a_key()}")
    assert (answer.status_code, answer.json()) == (404, {"message": "There is no such object."})


class TestSigned:
    def test_a_private_picture_is_for_whoever_has_the_link(self, signed: Callable[[str], str]) -> None:
        answer = get(signed(a_key("private")))
        assert (answer.status_code, answer.content) == (200, DATA)
        assert answer.headers["cache-control"].startswith("private")
        assert answer.headers["content-type"] == "image/jpeg"
        assert "access-control-allow-origin" not in answer.headers

    @pytest.mark.parametrize(
        ("extension", "media_type", "disposition"),
        [("html", "text/html", "inline"), ("csv", "text/csv", "attachment"), ("json", "application/json", "inline")],
    )
    def test_a_report_is_served_as_what_it_is(
        self, signed: Callable[[str], str], extension: str, media_type: str, disposition: str
    ) -> None:
        headers = get(signed(a_key("reports", extension))).headers
        assert headers["content-type"].startswith(media_type)
        assert headers["content-disposition"].startswith(f'{disposition}; filename="report-')
        assert headers["content-security-policy"].startswith("sandbox")
        assert ("allow-scripts" in headers["content-security-policy"]) is (extension == "html")
        assert "allow-same-origin" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"

    def test_an_original_is_only_ever_downloaded(self, signed: Callable[[str], str]) -> None:
        headers = get(signed(a_key("originals", "bin"))).headers
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"].startswith("attachment")

    def test_a_part_of_it_can_be_asked_for(self, signed: Callable[[str], str]) -> None:
        assert get(signed(a_key("private")), range="bytes=2-3").content == DATA[2:4]

    @pytest.mark.parametrize(
        "change",
        [
            lambda path, expires, signature: (path, expires, ""),
            lambda path, expires, signature: (path, expires, "0" * 64),
            lambda path, expires, signature: (path, expires, signature[:-1]),
            lambda path, expires, signature: (path, expires, signature.upper()),
            lambda path, expires, signature: (path, expires, "ä" * 64),
            lambda path, expires, signature: (path, expires, signature + "0"),
            lambda path, expires, signature: (path, str(int(expires) + 1), signature),
            lambda path, expires, signature: (path, "0" + expires, signature),
            lambda path, expires, signature: (path, expires + "0", signature),
            lambda path, expires, signature: (path, "", signature),
            lambda path, expires, signature: (path, "-1", signature),
            lambda path, expires, signature: (path, "1e12", signature),
            lambda path, expires, signature: (path, "9" * 500, signature),
            lambda path, expires, signature: (path.replace("/17/", "/18/"), expires, signature),
            lambda path, expires, signature: (path.replace("/3-", "/4-"), expires, signature),
            lambda path, expires, signature: (path.replace("private", "originals"), expires, signature),
        ],
    )
    def test_a_link_that_was_changed_is_refused(
        self, api: Api, signed: Callable[[str], str], change: Callable[[str, str, str], tuple[str, str, str]]
    ) -> None:
        parts = urlsplit(signed(a_key("private")))
        query = parse_qs(parts.query)
        path, expires, signature = change(parts.path, query["expires"][0], query["signature"][0])
        answer = requests.get(api.base + path, params={"expires": expires, "signature": signature}, timeout=30)
        assert answer.status_code == 403
        assert set(answer.json()) == {"message"}

    def test_a_link_ends_with_its_time(self, api: Api) -> None:
        key = a_key("private")
        api.store.put(key, DATA, media_type="image/jpeg")
        for expires, status in ((int(time.time()) + 60, 200), (int(time.time()) - 1, 403)):
            signature = api.ledger.key.sign(f"{key}\n{expires}")
            answer = get(f"{api.base}/files/{key}?signature={signature}&expires={expires}")
            assert answer.status_code == status

    def test_another_installations_signature_is_none(self, api: Api) -> None:
        key, expires = a_key("private"), int(time.time()) + 60
        api.store.put(key, DATA, media_type="image/jpeg")
        signature = SealingKey("another secret").sign(f"{key}\n{expires}")
        assert get(f"{api.base}/files/{key}?signature={signature}&expires={expires}").status_code == 403

    def test_a_good_link_to_what_is_gone_is_not_found(self, api: Api, signed: Callable[[str], str]) -> None:
        key = a_key("private")
        url = signed(key)
        api.store.delete([key])
        assert get(url).status_code == 404
