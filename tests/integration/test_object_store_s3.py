"""S3 as the object store: what only it has, and what it does when it is in trouble."""

import urllib.request
from collections.abc import Callable, Iterator

import pytest

from pipeline.adapters.object_store import from_url
from pipeline.errors import StoreUnavailable
from pipeline.stages.upload import publish
from tests.integration.local_servers import Behaviour, Exchange, response, serving
from tests.integration.object_stores import DATA, KEY, SHA256, WORK_KEY, s3_store
from tests.s3_servers import passed_on, s3_client, s3_environment


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
    for name, value in s3_environment(s3_port).items():
        monkeypatch.setenv(name, value)
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
        store.put(WORK_KEY, DATA, media_type="image/jpeg")
        publish(store, WORK_KEY, KEY, sha256=SHA256)
        assert len(proxy.requests) == 6
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
        publish(store, WORK_KEY, KEY, sha256=SHA256)
    assert str(proxy.port) not in down.value.message, "no internal detail in what may reach a customer"


def test_a_truncated_200_is_noticed_when_reading_back(bucket: str, s3_port: int) -> None:
    s3_store(bucket, s3_port).put(WORK_KEY, DATA, media_type="image/jpeg")
    with serving(in_front_of(s3_port, shortened_first(2))) as proxy:
        publish(s3_store(bucket, proxy.port), WORK_KEY, KEY, sha256=SHA256)
        assert [request.method for request in proxy.requests] == ["PUT", "GET"] * 3


def test_a_store_that_always_truncates_is_not_trusted(bucket: str, s3_port: int) -> None:
    s3_store(bucket, s3_port).put(WORK_KEY, DATA, media_type="image/jpeg")
    with (
        serving(in_front_of(s3_port, shortened_first(1000))) as proxy,
        pytest.raises(StoreUnavailable, match="other bytes"),
    ):
        publish(s3_store(bucket, proxy.port), WORK_KEY, KEY, sha256=SHA256)


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
