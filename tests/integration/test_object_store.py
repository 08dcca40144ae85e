"""The object store: a real local folder and a real S3 server, whole and broken."""

import contextlib
import hashlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from pipeline.adapters.object_store import ObjectStoreAdapter, from_url
from pipeline.errors import ObjectMissing, OperatorError, StoreUnavailable
from pipeline.stages.upload import publish
from tests.integration.local_servers import Behaviour, Exchange, Request, response, serving

KEY = "public/acme/job-1/item-1/1-abc.jpg"
DATA = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(DATA).hexdigest()
CREDENTIALS = {"access_key_id": "test-key", "secret_access_key": "test-secret", "region": "us-east-1"}


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    """Moto's S3 in a process of its own."""
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        lines = (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
        yield int(next(found[1] for found in lines if found))
        server.terminate()


def s3_client(port: int) -> Any:
    names = {"aws_access_key_id": "test-key", "aws_secret_access_key": "test-secret", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **names)


@pytest.fixture
def bucket(s3_port: int) -> Iterator[str]:
    client = s3_client(s3_port)
    client.create_bucket(Bucket="darkroom-test")
    yield "darkroom-test"
    for entry in client.list_objects_v2(Bucket="darkroom-test").get("Contents", []):
        client.delete_object(Bucket="darkroom-test", Key=entry["Key"])
    client.delete_bucket(Bucket="darkroom-test")


def s3_store(bucket: str, port: int, **retry: Any) -> ObjectStoreAdapter:
    options = CREDENTIALS | {"endpoint": f"http://127.0.0.1:{port}"}
    return ObjectStoreAdapter(f"s3://{bucket}/some/prefix", options=options, first_wait_s=0.01, **retry)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a store"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, folder: Path) -> ObjectStoreAdapter:
    if request.param == "folder":
        return from_url(folder.as_uri())
    return s3_store(request.getfixturevalue("bucket"), request.getfixturevalue("s3_port"))


def test_what_was_put_is_there(store: ObjectStoreAdapter) -> None:
    store.put(KEY, DATA, media_type="image/jpeg")
    assert store.get(KEY) == DATA
    head = store.head(KEY)
    assert (head.key, head.bytes, head.modified_at.tzinfo is not None) == (KEY, len(DATA), True)
    assert head.etag


def test_putting_again_replaces_the_object(store: ObjectStoreAdapter) -> None:
    store.put(KEY, b"old", media_type="image/jpeg")
    store.put(KEY, b"new!", media_type="image/jpeg")
    assert store.get(KEY) == b"new!"


def test_an_empty_object_is_an_object(store: ObjectStoreAdapter) -> None:
    store.put(KEY, b"", media_type="image/jpeg")
    assert store.put_stream("a/empty", iter(()), media_type="image/jpeg") == 0
    assert (store.get(KEY), store.get("a/empty"), list(store.read(KEY))) == (b"", b"", [])


def test_a_stream_is_put_in_parts(store: ObjectStoreAdapter) -> None:
    pieces = [bytes([number]) * 3_000_000 for number in range(7)]
    assert store.put_stream(KEY, iter(pieces), media_type="image/tiff") == 21_000_000
    assert store.get(KEY) == b"".join(pieces)


def test_a_big_object_is_put_in_parts(store: ObjectStoreAdapter) -> None:
    big = DATA * 20
    store.put(KEY, big, media_type="image/tiff")
    assert store.get(KEY) == big


def test_a_stream_that_breaks_off_leaves_no_object(store: ObjectStoreAdapter) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 9_000_000
        raise ConnectionResetError("the uploader left")

    with pytest.raises(ConnectionResetError):
        store.put_stream(KEY, broken(), media_type="image/jpeg")
    with pytest.raises(ObjectMissing):
        store.get(KEY)
    assert list(store.list("")) == []


def test_an_object_is_not_visible_before_it_is_whole(store: ObjectStoreAdapter) -> None:
    seen: list[object] = []

    def watched() -> Iterator[bytes]:
        yield b"x" * 9_000_000
        seen.append([entry.key for entry in store.list("")])
        with contextlib.suppress(ObjectMissing):
            seen.append(store.get(KEY))
        yield b"y"

    store.put_stream(KEY, watched(), media_type="image/jpeg")
    assert seen == [[]]
    assert [entry.key for entry in store.list("")] == [KEY]


def test_a_range_is_read(store: ObjectStoreAdapter) -> None:
    store.put(KEY, DATA, media_type="image/jpeg")
    assert b"".join(store.read(KEY)) == DATA
    assert b"".join(store.read(KEY, start=10, end=20)) == DATA[10:20]
    assert b"".join(store.read(KEY, start=len(DATA) - 5)) == DATA[-5:]
    assert b"".join(store.read(KEY, start=len(DATA) - 5, end=len(DATA) + 99)) == DATA[-5:]
    assert list(store.read(KEY, start=len(DATA))) == []
    assert list(store.read(KEY, start=7, end=7)) == []


def test_an_object_that_is_missing_says_so_at_once(store: ObjectStoreAdapter) -> None:
    for ask in (store.get, store.head, store.read):
        with pytest.raises(ObjectMissing):
            ask("public/nobody")


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../secret", "a/../b", "a/./b", "a//b", "a/", "a\x00b", "a b", "a%2e", "ä", "a\\b", "a" * 1025],
)
def test_a_key_that_could_leave_its_folder_is_no_key(store: ObjectStoreAdapter, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.put(key, b"x", media_type="image/jpeg")
    for ask in (store.get, store.head, store.read):
        with pytest.raises(ObjectMissing):
            ask(key)


def test_listing_goes_by_whole_path_segments(store: ObjectStoreAdapter) -> None:
    for key in ("public/a/1", "public/a/2/3", "public/ab/1", "originals/a/1"):
        store.put(key, b"x", media_type="image/jpeg")
    assert sorted(entry.key for entry in store.list("public/a")) == ["public/a/1", "public/a/2/3"]
    assert sorted(entry.key for entry in store.list("public/a/")) == ["public/a/1", "public/a/2/3"]
    assert len(list(store.list(""))) == 4
    assert list(store.list("nothing")) == []


def test_deleted_objects_are_gone_and_missing_ones_no_error(store: ObjectStoreAdapter) -> None:
    keys = [f"public/a/{number}" for number in range(5)]
    for key in keys:
        store.put(key, b"x", media_type="image/jpeg")
    store.delete(iter(["public/nobody", *keys[:3], "public/nobody-else"]))
    assert sorted(entry.key for entry in store.list("")) == keys[3:]
    store.delete([])


def test_many_threads_share_one_store(store: ObjectStoreAdapter) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        key, data = f"public/{number}", bytes([number]) * 100_000
        publish(store, key, data, hashlib.sha256(data).hexdigest(), "image/jpeg")
        if store.get(key) != data:
            wrong.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(list(store.list("public"))) == 8


def test_a_folder_in_a_path_with_spaces_holds_plain_files(folder: Path) -> None:
    store = from_url(folder.as_uri())
    store.put(KEY, DATA, media_type="image/jpeg")
    assert (folder / KEY).read_bytes() == DATA
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["1-abc.jpg"]
    store.delete([KEY])
    assert list(folder.iterdir()) == []


def test_a_folder_has_no_urls_of_its_own(folder: Path) -> None:
    assert from_url(folder.as_uri()).signed_url(KEY, expires_in_s=60) is None


def test_a_folder_that_became_unusable_is_the_stores_trouble(folder: Path) -> None:
    store = from_url(folder.as_uri())
    (folder / "public").write_bytes(b"a file where a folder should be")
    with pytest.raises(StoreUnavailable):
        store.put(KEY, DATA, media_type="image/jpeg")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where this user may mount one."""
    mount, point = shutil.which("mount"), tmp_path / "disk"
    point.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(point)]
    if os.geteuid() != 0 or mount is None or subprocess.run([mount, *options], check=False).returncode != 0:
        pytest.skip("no file system of its own can be mounted here: run as root")
    yield point
    subprocess.run(["umount", str(point)], check=True)


def test_a_full_disk_is_the_stores_trouble_and_leaves_nothing_behind(small_disk: Path) -> None:
    store = from_url(small_disk.as_uri())
    with pytest.raises(StoreUnavailable):
        store.put(KEY, DATA * 2, media_type="image/jpeg")
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
    store.put(KEY, b"small", media_type="image/jpeg")
    assert store.get(KEY) == b"small"


def test_a_read_only_disk_is_the_stores_trouble(small_disk: Path) -> None:
    store = from_url(small_disk.as_uri())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreUnavailable):
        store.put(KEY, b"small", media_type="image/jpeg")


@pytest.mark.parametrize(
    "url", ["", "/a/folder", "http://example.com/", "ftp://example.com/a", "file://host/a", "s3://"]
)
def test_a_setting_that_names_no_store_is_refused_in_words(url: str) -> None:
    with pytest.raises(OperatorError, match="object store"):
        from_url(url)


def test_s3_keeps_type_and_prefix(bucket: str, s3_port: int) -> None:
    s3_store(bucket, s3_port).put(KEY, DATA, media_type="image/jpeg")
    stored = s3_client(s3_port).get_object(Bucket=bucket, Key=f"some/prefix/{KEY}")
    assert stored["ContentType"] == "image/jpeg"
    assert stored["Body"].read() == DATA


def test_s3_leaves_no_unfinished_upload_behind(bucket: str, s3_port: int) -> None:
    client, underway = s3_client(s3_port), []

    def broken() -> Iterator[bytes]:
        yield b"x" * 20_000_000
        underway.extend(client.list_multipart_uploads(Bucket=bucket)["Uploads"])
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        s3_store(bucket, s3_port).put_stream(KEY, broken(), media_type="image/jpeg")
    assert len(underway) == 1
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


def test_a_signed_url_gives_the_object_without_credentials(bucket: str, s3_port: int) -> None:
    store = s3_store(bucket, s3_port)
    store.put(KEY, DATA, media_type="image/jpeg")
    url = store.signed_url(KEY, expires_in_s=60)
    assert url is not None
    assert "X-Amz-Expires=60" in url
    assert "test-secret" not in url
    with urllib.request.urlopen(url) as answer:
        assert (answer.headers["Content-Type"], answer.read()) == ("image/jpeg", DATA)


def test_a_bucket_that_does_not_exist_is_the_stores_trouble(s3_port: int) -> None:
    with pytest.raises(StoreUnavailable, match="bucket"):
        s3_store("no-such-bucket", s3_port).put(KEY, b"x", media_type="image/jpeg")


def test_credentials_come_from_the_environment(bucket: str, s3_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    store = from_url(f"s3://{bucket}")
    store.put(KEY, DATA, media_type="image/jpeg")
    assert store.get(KEY) == DATA


def in_front_of(port: int, change: Callable[[Exchange, bytes], bytes | None]) -> Behaviour:
    """Passes requests on to the S3 server; `change` may alter an answer's body, or answer by itself with None."""

    def behaviour(exchange: Exchange) -> None:
        request = exchange.request
        status, headers, body = passed_on(request, port)
        changed = change(exchange, body)
        if changed is None:
            return
        length = headers.pop("content-length", "0") if request.method == "HEAD" else str(len(changed))
        kept = [f"{name}: {value}" for name, value in headers.items() if name not in ("content-length", "connection")]
        head = "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {length}", *kept, "", ""]).encode()
        exchange.send(head + (b"" if request.method == "HEAD" else changed))

    return behaviour


def passed_on(request: Request, port: int) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with contextlib.closing(connection):
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()


def slow_down_first(times: int) -> Callable[[Exchange, bytes], bytes | None]:
    def change(exchange: Exchange, body: bytes) -> bytes | None:
        if exchange.number > times:
            return body
        exchange.send(response(b"<Error><Code>SlowDown</Code></Error>", status=503))
        return None

    return change


def shortened_first(times: int) -> Callable[[Exchange, bytes], bytes | None]:
    """A 200 that looks whole: its Content-Length fits, but the last ten bytes of the object are missing."""
    left = [times]

    def change(exchange: Exchange, body: bytes) -> bytes | None:
        if exchange.request.method != "GET" or left[0] == 0:
            return body
        left[0] -= 1
        return body[:-10]

    return change


def test_each_upload_carries_its_checksum(bucket: str, s3_port: int) -> None:
    with serving(in_front_of(s3_port, lambda exchange, body: body)) as proxy:
        s3_store(bucket, proxy.port).put(KEY, DATA, media_type="image/jpeg")
    [put] = proxy.requests
    assert put.headers["x-amz-content-sha256"] == SHA256
    assert put.headers["x-amz-checksum-sha256"]
    assert put.path.startswith(f"/{bucket}/some/prefix/"), "path style: the bucket is not part of the host"


def test_a_store_that_asks_to_slow_down_is_tried_again(bucket: str, s3_port: int) -> None:
    with serving(in_front_of(s3_port, slow_down_first(3))) as proxy:
        store = s3_store(bucket, proxy.port)
        publish(store, KEY, DATA, SHA256, "image/jpeg")
        assert len(proxy.requests) == 5
    assert s3_store(bucket, s3_port).get(KEY) == DATA


def test_a_store_that_stays_busy_is_unavailable(bucket: str, s3_port: int) -> None:
    with serving(in_front_of(s3_port, slow_down_first(1000))) as proxy:
        store = s3_store(bucket, proxy.port, max_retries=2)
        for call in (lambda: store.put(KEY, DATA, media_type="image/jpeg"), lambda: store.get(KEY)):
            with pytest.raises(StoreUnavailable):
                call()
        assert len(proxy.requests) == 6


def test_a_store_that_is_down_is_unavailable(bucket: str, s3_port: int) -> None:
    with serving(in_front_of(s3_port, slow_down_first(0))) as proxy:
        pass
    store = s3_store(bucket, proxy.port, max_retries=1)
    with pytest.raises(StoreUnavailable) as down:
        publish(store, KEY, DATA, SHA256, "image/jpeg")
    assert str(proxy.port) not in down.value.message, "no internal detail in what may reach a customer"


def test_a_truncated_200_is_noticed_when_reading_back(bucket: str, s3_port: int) -> None:
    with serving(in_front_of(s3_port, shortened_first(2))) as proxy:
        publish(s3_store(bucket, proxy.port), KEY, DATA, SHA256, "image/jpeg")
        assert [request.method for request in proxy.requests] == ["PUT", "GET"] * 3


def test_a_store_that_always_truncates_is_not_trusted(bucket: str, s3_port: int) -> None:
    with (
        serving(in_front_of(s3_port, shortened_first(1000))) as proxy,
        pytest.raises(StoreUnavailable, match="other bytes"),
    ):
        publish(s3_store(bucket, proxy.port), KEY, DATA, SHA256, "image/jpeg")


def test_a_connection_that_breaks_in_the_middle_of_an_object_never_gives_half_of_it(bucket: str, s3_port: int) -> None:
    def half(exchange: Exchange, body: bytes) -> bytes | None:
        if exchange.request.method != "GET":
            return body
        exchange.send(response(body)[: -len(body) // 2])
        exchange.connection.close()
        return None

    with serving(in_front_of(s3_port, half)) as proxy:
        store = s3_store(bucket, proxy.port, max_retries=1)
        store.put(KEY, DATA, media_type="image/jpeg")
        with pytest.raises(StoreUnavailable):
            store.get(KEY)
