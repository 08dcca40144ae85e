"""The two stages that move bytes: what comes in is whole, what goes out is read back."""

import hashlib

import pytest

from pipeline.errors import EmptyMedia, ObjectMissing, StoreUnavailable, TooManyBytes
from pipeline.ports import Fetched, SourceRequest
from pipeline.stages.download import download
from pipeline.stages.upload import publish

DATA = b"a finished picture"
SHA256 = hashlib.sha256(DATA).hexdigest()
REQUEST = SourceRequest("https://example.com/a.jpg", max_bytes=18)


class FakeSource:
    def __init__(self, data: bytes) -> None:
        self.fetched = Fetched(data, hashlib.sha256(data).hexdigest())

    def fetch(self, request: SourceRequest) -> Fetched:
        return self.fetched


class FakeStore:
    """Gives back what `answers` say, then what was copied; None stands for an object that is not there yet."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.stored = b""
        self.copies: list[tuple[str, str]] = []

    def copy(self, source: str, target: str) -> None:
        self.stored = DATA
        self.copies.append((source, target))

    def get(self, key: str) -> bytes:
        answer = self.answers.pop(0) if self.answers else self.stored
        if answer is None:
            raise ObjectMissing
        return answer


def test_an_original_is_handed_on_as_it_came() -> None:
    assert download(REQUEST, FakeSource(DATA)) == Fetched(DATA, SHA256)


def test_a_source_without_bytes_is_an_empty_file() -> None:
    with pytest.raises(EmptyMedia):
        download(REQUEST, FakeSource(b""))


def test_a_source_that_ignores_the_limit_is_not_believed() -> None:
    with pytest.raises(TooManyBytes):
        download(REQUEST, FakeSource(DATA + b"!"))


def test_a_rendition_that_reads_back_equal_is_copied_once() -> None:
    store = FakeStore()
    publish(store, "work/a", "public/a", sha256=SHA256)
    assert store.copies == [("work/a", "public/a")]


@pytest.mark.parametrize("answer", [DATA[:-1], b"A" + DATA[1:], b"", None])
def test_a_rendition_that_reads_back_wrong_is_copied_again(answer: bytes | None) -> None:
    store = FakeStore(answer)
    publish(store, "work/a", "public/a", sha256=SHA256)
    assert len(store.copies) == 2


def test_a_store_that_never_gives_back_what_it_was_given_is_unavailable() -> None:
    store = FakeStore(b"", DATA[:5], None)
    with pytest.raises(StoreUnavailable):
        publish(store, "work/a", "public/a", sha256=SHA256)
    assert len(store.copies) == 3
