"""Originals: how they come into the store and are found sound, whatever is then done with them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from uuid import UUID

from pipeline.ports import SourceAuth, SourceRequest
from pipeline.services.checkpoints import checkpoint
from pipeline.services.keys import item_key, sha256_of
from pipeline.services.line import Line
from pipeline.services.people import known_faces
from pipeline.services.processing import Patch
from pipeline.store import Database
from pipeline.store.items import ItemRow
from pipeline.store.jobs import JobRow
from pipeline.store.shards import Fence
from pipeline.store.uploads import UploadRow
from pipeline.store.values import dump

HEAVY_PIXELS = 32_000_000
"""Above this one picture takes up to 900 MB while it is decoded (99.9 MP with alpha, measured)."""
_ONE_HEAVY = threading.Lock()


@contextmanager
def room_for(pixels: int) -> Iterator[None]:
    """Heavy pictures are worked on one at a time, so that a process stays under 1.5 GB; others pass them by."""
    if pixels <= HEAVY_PIXELS:
        yield
        return
    with _ONE_HEAVY:
        yield


def download(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The original lies in the store, whole, under a key of its own."""
    from pipeline.stages.download import download as fetch

    if item.upload_id is not None:
        return _copied(line, item, fence)
    fetched = fetch(_source_request(line, item), line.source)
    key = item_key("originals", item, fence, fetched.sha256, "bin")
    line.store.put(key, fetched.data, media_type="application/octet-stream")
    checkpoint("download.stored")
    return {"original_key": key, "original_sha256": fetched.sha256, "bytes_in": len(fetched.data)}


def validate_picture(line: Line, item: ItemRow, fence: Fence, *, proxy_side: int) -> Patch:
    """The picture is known to decode to its end; its facts and a proxy of so many pixels a side are kept."""
    from pipeline.media.image import stated_pixels
    from pipeline.stages.validate import validate

    data = line.store.get(item.original_key or "")
    with room_for(stated_pixels(data)):
        validated = validate(data, line.options.limits, sha256=item.original_sha256 or "", proxy_side=proxy_side)
    key = item_key("work", item, fence, sha256_of(validated.proxy), "jpg")
    line.store.put(key, validated.proxy, media_type="image/jpeg")
    checkpoint("validate.stored")
    return {"facts": dump(validated.facts), "proxy_key": key, "bytes_in": len(data)}


def take_upload(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """The upload is the original: it came with this item's request and belongs to no other."""
    upload = _upload_of(line, item)
    line.store.head(upload.key)
    return {"original_key": upload.key, "original_sha256": upload.sha256, "bytes_in": upload.bytes}


def _copied(line: Line, item: ItemRow, fence: Fence) -> Patch:
    """Copied by the store itself: an upload may be named by several items, and no two of them share an object."""
    upload = _upload_of(line, item)
    key = item_key("originals", item, fence, upload.sha256, "bin")
    line.store.copy(upload.key, key)
    checkpoint("download.stored")
    return {"original_key": key, "original_sha256": upload.sha256, "bytes_in": upload.bytes}


def _upload_of(line: Line, item: ItemRow) -> UploadRow:
    with line.database.session() as session:
        return session.get_one(UploadRow, item.upload_id)


def _source_request(line: Line, item: ItemRow) -> SourceRequest:
    job = job_of(line.database, item.job_id)
    auth = None if job.source_auth_sealed is None else SourceAuth(**line.key.open(job.source_auth_sealed))
    return SourceRequest(item.url or "", line.options.limits.max_bytes, auth, auth_scope=str(job.id))


@lru_cache(maxsize=8)
def known_to(database: Database, job_id: UUID, account_id: UUID) -> list[tuple[str, tuple[float, ...]]]:
    """The account's allow-list as it is when this process first asks for the job: up to 10 MB, read once."""
    with database.session() as session:
        return known_faces(session, account_id)


@lru_cache(maxsize=256)
def job_of(database: Database, job_id: UUID) -> JobRow:
    """What is asked of it here never changes after acceptance: workflow, options, the source's credentials."""
    with database.session() as session:
        return session.get_one(JobRow, job_id)
