"""The API as a client calls it: patient with a busy server, clear about a refusal."""

import hashlib
import mimetypes
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from pipeline.errors import OperatorError, PipelineError

CONNECTIONS = 8
TRIES = 6
TIMEOUT_S = 120.0
"""Without a byte from the server: an upload is answered once it lies in the store."""
CHUNK_BYTES = 256 * 1024
BUSY = (429, 502, 503, 504)


class ApiRefused(PipelineError):
    """The API refused the request."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class ApiClient:
    """One account at one API. Threads may share it."""

    def __init__(self, api_url: str, token: str) -> None:
        self.api_url = api_url
        self._headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        self._session = requests.Session()
        # A proxy for the wide world has no way to this machine's own loopback.
        self._session.trust_env = urlsplit(api_url).hostname not in ("127.0.0.1", "localhost", "::1")
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=CONNECTIONS, pool_maxsize=CONNECTIONS))

    def workflow(self, slug: str) -> dict[str, Any]:
        """Its steps, outputs and guidelines; raises `ApiRefused` with status 404."""
        return self._json("GET", f"/v1/workflows/{slug}")

    def workflows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._json("GET", "/v1/workflows")["data"]
        return found

    def upload(self, path: Path) -> str:
        """The file lies in the store; returns the upload's id."""

        def send() -> requests.Response:
            with path.open("rb") as file:
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                return self._call("POST", "/v1/uploads", files={"file": (_sendable(path.name), file, kind)})

        return str(self._answered(send)["upload_id"])

    def submit(self, body: Mapping[str, Any], *, idempotency_key: str) -> str:
        """The batch is accepted, once however often this is tried; returns its id."""
        headers = {"idempotency-key": idempotency_key}
        return str(self._json("POST", "/v1/batches", json=body, headers=headers)["id"])

    def batch(self, batch_id: str) -> dict[str, Any]:
        return self._json("GET", f"/v1/batches/{batch_id}")

    def cancel(self, batch_id: str) -> None:
        """The batch is not worked on any more; one that had ended stays as it is."""
        try:
            self._json("DELETE", f"/v1/batches/{batch_id}")
        except ApiRefused as error:
            if error.status != 409:
                raise

    def fetch(self, url: str, write: Callable[[bytes], object]) -> str:
        """The whole file, from a URL that needs no token; returns its SHA-256."""
        digest = hashlib.sha256()
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT_S) as answer:
                if not answer.ok:
                    raise ApiRefused(answer.status_code, "not_delivered", f"{url} answers {answer.status_code}.")
                for chunk in answer.iter_content(CHUNK_BYTES):
                    digest.update(chunk)
                    write(chunk)
        except requests.RequestException as error:
            raise OperatorError(f"{url} could not be fetched: {error}.") from error
        return digest.hexdigest()

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return self._answered(lambda: self._call(method, path, **options))

    def _call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> requests.Response:
        return self._session.request(
            method, f"{self.api_url}{path}", headers={**self._headers, **(headers or {})}, timeout=TIMEOUT_S, **options
        )

    def _answered(self, call: Callable[[], requests.Response]) -> dict[str, Any]:
        """The answer's JSON. A busy server is asked again when it says; so is one that does not answer at all."""
        for left in reversed(range(TRIES)):
            try:
                answer = call()
            except requests.RequestException as error:
                if not left:
                    raise OperatorError(
                        f"The API at {self.api_url} does not answer: see `darkroom status`. ({error})"
                    ) from error
                time.sleep(1)
                continue
            if answer.status_code in BUSY and left:
                time.sleep(_wait_s(answer))
                continue
            return _body(answer)
        raise AssertionError("the last try answers or raises")


def _body(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        body = {}
    if not answer.ok:
        message = str(body.get("message") or f"The API answers {answer.status_code}.")
        raise ApiRefused(answer.status_code, str(body.get("code") or "refused"), message)
    return dict(body)


def _wait_s(answer: requests.Response) -> float:
    """As Retry-After says, up to a minute: the limits count by the minute."""
    asked = answer.headers.get("retry-after", "")
    return min(60.0, max(1.0, float(asked))) if asked.isdecimal() else 2.0


def _sendable(name: str) -> str:
    """A file name whose bytes are no text is sent with question marks in their place."""
    return name.encode(errors="replace").decode()
