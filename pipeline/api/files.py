"""Files: public pictures as a CDN serves them, and everything else behind a signed URL that expires."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from pipeline.access.credentials import TheLedger, TheStore
from pipeline.api.ranges import Span, Unsatisfiable, names_tag, wanted_span
from pipeline.errors import Forbidden, NotFound, ObjectMissing
from pipeline.ports import ObjectStore
from pipeline.services import views

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(
    rf"(?P<kind>public|private|originals|reports)/{_UUID}/(?P<job>{_UUID})/\d{{1,20}}"
    r"/\d{1,20}-(?P<sha256>[0-9a-f]{64})\.(?P<extension>[a-z0-9]{1,8})"
)
"""The only form that our keys have (`pipeline/services/keys.py`): whatever else stands in a path names nothing."""

PICTURES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "avif": "image/avif",
}
CLIPS = {"mp4": "video/mp4"}
"""What we make of videos; an original is never shown as what it says it is."""
REPORTS = {
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
}
_SAVED = frozenset({"csv", "jsonl"})
"""Reports for programs to read, which a browser offers to save."""
_SANDBOX = "sandbox; default-src 'none'"
_REPORT_SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A page of an origin of its own that can load and send nothing; its own <meta> policy narrows the script by hash."""

router = APIRouter(tags=["files"])


@dataclass(frozen=True, slots=True)
class Served:
    """An object that may be served, and how."""

    key: str
    sha256: str
    media_type: str
    name: str
    is_attachment: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'


@router.api_route("/cdn/{key:path}", methods=["GET", "HEAD"], include_in_schema=False)
def serve_public(
    request: Request,
    key: str,
    store: TheStore,
    if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """A published picture; it never changes, so every cache may keep it for good."""
    found = _KEY.fullmatch(key)
    if found is None or found["kind"] != "public" or found["extension"] not in PICTURES:
        raise NotFound()
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "content-security-policy": _SANDBOX,
    }
    media_type = PICTURES[found["extension"]]
    name = f"{found['sha256'][:16]}.{found['extension']}"
    served = Served(key, found["sha256"], media_type, name, headers=headers)
    return _answer(request, store, served, if_none_match, if_range)


@router.api_route("/files/{key:path}", methods=["GET", "HEAD"], include_in_schema=False)
def serve_private(
    request: Request,
    key: str,
    ledger: TheLedger,
    store: TheStore,
    expires: Annotated[str, Query()] = "",
    signature: Annotated[str, Query()] = "",
    if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """A private picture or clip, an original or a report, for whoever has the link while it lasts."""
    found = _KEY.fullmatch(key)
    if found is None or found["kind"] == "public":
        raise NotFound()
    if not _is_signed(ledger, key, expires, signature):
        raise Forbidden("This link is not valid, or its time is over: ask for the batch again to get a new one.")
    served = _private(key, found)
    return _answer(request, store, served, if_none_match, if_range)


def _is_signed(ledger: TheLedger, key: str, expires: str, signature: str) -> bool:
    if not re.fullmatch(r"[1-9][0-9]{0,11}", expires) or not re.fullmatch(r"[0-9a-f]{64}", signature):
        return False
    return views.may_read(ledger, key, int(expires), signature)


def _private(key: str, found: re.Match[str]) -> Served:
    extension, sha256 = found["extension"], found["sha256"]
    headers = {
        "cache-control": "private, max-age=3600",
        "cross-origin-resource-policy": "same-site",
        "content-security-policy": _SANDBOX,
        "referrer-policy": "no-referrer",
    }
    if found["kind"] == "reports" and extension in REPORTS:
        if extension == "html":
            headers["content-security-policy"] = _REPORT_SANDBOX
        name = f"report-{found['job'][:8]}.{extension}"
        return Served(key, sha256, REPORTS[extension], name, extension in _SAVED, headers)
    name = f"{sha256[:16]}.{extension}"
    media_type = (PICTURES | CLIPS if found["kind"] == "private" else PICTURES).get(extension)
    if media_type is None:
        return Served(key, sha256, "application/octet-stream", name, True, headers)
    return Served(key, sha256, media_type, name, False, headers)


def _answer(
    request: Request, store: ObjectStore, served: Served, if_none_match: str | None, if_range: str | None
) -> Response:
    """200, 206, 304 or 416. A range reads that range and nothing else."""
    try:
        size = store.head(served.key).bytes
        headers = _headers(served)
        if names_tag(if_none_match, served.etag):
            return Response(status_code=304, headers=headers)
        asked = request.headers.get("range") if if_range in (None, served.etag) else None
        try:
            span = wanted_span(asked, size) if request.method == "GET" else None
        except Unsatisfiable:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}", "accept-ranges": "bytes"})
        whole = span or Span(0, size)
        headers |= {"content-length": str(whole.end - whole.start), "content-type": served.media_type}
        if span is not None:
            headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        status = 200 if span is None else 206
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        chunks = store.read(served.key) if span is None else store.read(served.key, start=span.start, end=span.end)
        return StreamingResponse(_within(chunks, whole.end - whole.start), status, headers)
    except ObjectMissing as error:
        raise NotFound() from error


def _headers(served: Served) -> dict[str, str]:
    disposition = "attachment" if served.is_attachment else "inline"
    return {
        **served.headers,
        "etag": served.etag,
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-disposition": f'{disposition}; filename="{served.name}"',
    }


def _within(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Never more than was announced, should the object have changed under the reader."""
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return
