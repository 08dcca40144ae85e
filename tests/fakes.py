"""Small fakes for our own ports, where the real thing is not what a test is about."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Detection, Label, TextResult
from pipeline.errors import CapabilityUnavailable, ObjectMissing, SourceUnavailable
from pipeline.ports import Fetched, SourceRequest, StoredObject


class NoSource:
    """A source that is never there."""

    def fetch(self, request: SourceRequest) -> Fetched:
        raise SourceUnavailable(f"Nothing answers at {request.url}.")


class NoStore:
    """A store that is empty and stays so."""

    def put(self, key: str, data: bytes, *, media_type: str) -> None:
        raise AssertionError(f"nothing should be stored, and {key} was")

    def put_stream(self, key: str, chunks: Iterable[bytes], *, media_type: str) -> int:
        raise AssertionError(f"nothing should be stored, and {key} was")

    def copy(self, source: str, target: str) -> None:
        raise ObjectMissing(source)

    def get(self, key: str) -> bytes:
        raise ObjectMissing(key)

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        raise ObjectMissing(key)

    def head(self, key: str) -> StoredObject:
        raise ObjectMissing(key)

    def delete(self, keys: Iterable[str]) -> None:
        list(keys)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return iter(())

    def signed_url(self, key: str, *, expires_in_s: int) -> str | None:
        return None


class NoModels:
    """Models that are not there; a fake that has some says which."""

    def unavailable(self, name: str) -> str | None:
        return f"the model {name} is not here"

    def run(self, name: str, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        raise CapabilityUnavailable(self.unavailable(name))

    def serving(self, task: str) -> tuple[str, ...]:
        return ()

    def classify(self, name: str, pixels: NDArray[np.uint8]) -> tuple[Label, ...]:
        raise CapabilityUnavailable(self.unavailable(name))

    def detect(self, name: str, pixels: NDArray[np.uint8]) -> tuple[Detection, ...]:
        raise CapabilityUnavailable(self.unavailable(name))


class NoReader:
    """An engine for text that is not there."""

    def unavailable(self) -> str | None:
        return "no engine for text is here"

    def read(self, pixels: NDArray[np.uint8]) -> tuple[TextResult, ...]:
        raise CapabilityUnavailable(self.unavailable())
