"""What the product needs from the outside, as protocols: adapters implement them, tests have small fakes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.domain.analysis import Detection, Label, TextResult

if TYPE_CHECKING:  # sensors and the API import this module and need no NumPy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the store describes it."""

    key: str
    bytes: int
    modified_at: datetime
    etag: str | None = None


class ObjectStore(Protocol):
    """Keys to bytes. Every method raises `StoreUnavailable` when the store cannot be reached or is full."""

    def put(self, key: str, data: bytes, *, media_type: str) -> None:
        """The object exists, whole, when this returns; a reader never sees a part of it."""

    def put_stream(self, key: str, chunks: Iterable[bytes], *, media_type: str) -> int:
        """Like `put` for what does not fit into memory; returns the number of bytes."""

    def copy(self, source: str, target: str) -> None:
        """`target` is a second object with the bytes and media type of `source`, made by the store itself.

        Raises `ObjectMissing` where there is no `source`.
        """

    def get(self, key: str) -> bytes:
        """The whole object; raises `ObjectMissing`."""

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in chunks; raises `ObjectMissing` at once."""

    def head(self, key: str) -> StoredObject:
        """Size and time without the bytes; raises `ObjectMissing`."""

    def delete(self, keys: Iterable[str]) -> None:
        """None of the objects exists afterwards; those that did not exist before are no error."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key starts with the prefix (a whole path segment)."""

    def signed_url(self, key: str, *, expires_in_s: int) -> str | None:
        """A URL at the store itself that expires, or None where the store has none (a local folder)."""


@dataclass(frozen=True, slots=True)
class SourceAuth:
    """How to authenticate at the one server that this batch's originals come from.

    Bearer: `token`. OAuth 2.0 client credentials: `token_url`, `client_id`, `client_secret`, `scope`.
    """

    kind: str
    token: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scope: str | None = None

    def __repr__(self) -> str:
        return f"SourceAuth(kind={self.kind!r})"


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """One original to fetch."""

    url: str
    max_bytes: int
    auth: SourceAuth | None = None
    auth_scope: str = ""
    """Whose credentials these are (the job's id): tokens are cached under it and never shared across."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An original as it came: never more than `max_bytes`, never truncated."""

    data: bytes
    sha256: str


class Source(Protocol):
    """Where originals come from."""

    def fetch(self, request: SourceRequest) -> Fetched:
        """The whole original; raises `MediaError` where trying again is useless, else `SourceUnavailable`."""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One attempt at telling an endpoint of an event. `headers` are complete, signatures included."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What came back. `status` is None when no answer came; `error` then says why, in words."""

    status: int | None
    error: str | None
    retry_after_s: float | None
    duration_ms: int
    body: str = ""


class WebhookClient(Protocol):
    @property
    def longest_s(self) -> float:
        """The most seconds that one `post` takes, our own waits included: nobody else may post the same meanwhile."""

    def post(self, message: WebhookMessage) -> WebhookAnswer:
        """One attempt: redirects are not followed, the answer is read up to 64 kB, it ends on time. Never raises."""


class Models(Protocol):
    """The optional models, by the names of the catalog. Without its weights a model finds nothing: it says why."""

    def unavailable(self, name: str) -> str | None:
        """Why this model cannot be used, with the command that fixes it; None when it can."""

    def run(self, name: str, batch: "NDArray[Any]") -> "Mapping[str, NDArray[np.float32]]":
        """The model's outputs by tensor name, for a batch shaped and typed as its catalog entry says.

        Raises `CapabilityUnavailable` with the reason that `unavailable` gives.
        """

    def serving(self, task: str) -> tuple[str, ...]:
        """The models that serve this task by default: an operator's own first, then the catalog's, maybe none."""

    def classify(self, name: str, pixels: "NDArray[np.uint8]") -> tuple[Label, ...]:
        """What a classifier says of a picture, (H, W, 3) sRGB: its labels, surest first."""

    def detect(self, name: str, pixels: "NDArray[np.uint8]") -> tuple[Detection, ...]:
        """What a detector finds in a picture, (H, W, 3) sRGB, above the entry's threshold and once each, surest first.

        Boxes are fractions of the picture.
        """


class TextReader(Protocol):
    """An engine that reads text in pictures. Without it nothing is read: it says why."""

    def unavailable(self) -> str | None:
        """Why no text can be read, with what to do; None when it can."""

    def read(self, pixels: "NDArray[np.uint8]") -> tuple[TextResult, ...]:
        """The lines of a picture, (H, W, 3) sRGB, from the top: text, confidence and box; no language and no span.

        Raises `CapabilityUnavailable` with the reason that `unavailable` gives.
        """
