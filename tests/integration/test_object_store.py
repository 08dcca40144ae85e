"""The object store, whichever it is: a real local folder and a real S3 server."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.object_store import ObjectStoreAdapter, from_url
from pipeline.errors import ObjectMissing
from pipeline.stages.upload import publish
from tests.integration.object_stores import DATA, KEY, s3_store


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStoreAdapter:
    if request.param == "folder":
        return from_url((tmp_path / "a store").as_uri())
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


def test_a_copy_has_the_bytes_of_its_source_and_outlives_it(store: ObjectStoreAdapter) -> None:
    store.put("work/a", b"a picture", media_type="image/jpeg")
    store.copy("work/a", "public/a")
    store.put("work/a", b"another one", media_type="image/jpeg")
    assert store.get("public/a") == b"a picture"
    store.delete(["work/a"])
    assert store.get("public/a") == b"a picture"


def test_a_copy_replaces_what_was_there(store: ObjectStoreAdapter) -> None:
    store.put("public/a", b"an old one", media_type="image/jpeg")
    store.put("work/a", b"a picture", media_type="image/jpeg")
    store.copy("work/a", "public/a")
    assert store.get("public/a") == b"a picture"


def test_a_copy_of_nothing_is_missing(store: ObjectStoreAdapter) -> None:
    with pytest.raises(ObjectMissing):
        store.copy("work/nobody", "public/a")
    assert not list(store.list(""))


def test_many_threads_share_one_store(store: ObjectStoreAdapter) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        key, data = f"public/{number}", bytes([number]) * 100_000
        store.put(f"work/{number}", data, media_type="image/jpeg")
        publish(store, f"work/{number}", key, sha256=hashlib.sha256(data).hexdigest())
        if store.get(key) != data:
            wrong.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(list(store.list("public"))) == 8
