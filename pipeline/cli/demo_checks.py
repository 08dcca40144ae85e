"""What the demo checks of its own delivery, as a suspicious customer would: with other tools than made it."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.cli.client import CONNECTIONS, ApiClient
from pipeline.cli.demo_servers import Heard
from pipeline.domain.jobs import Stage
from pipeline.errors import PipelineError

DELIVERED = ("APPROVED", "ENHANCED", "REJECTED")
GPS_DIRECTORY = 0x8825
"""EXIF 2.32: the tag that points to the place."""


def troubles_of_files(client: ApiClient, files: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """What is off with the pictures of a batch; empty when every one is as it should be.

    A picture that failed because of what it is, is no trouble: it was sent that way.
    """
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="check") as pool:
        found = list(pool.map(lambda item: list(_file_troubles(client, item[1])), files))
    return [f"{name}: {trouble}" for (name, _), troubles in zip(files, found, strict=True) for trouble in troubles]


def _file_troubles(client: ApiClient, file: Mapping[str, Any]) -> Iterator[str]:
    error = file["error"]
    if file["status"] == "FAILED" and error is not None:
        if error["stage"] != Stage.VALIDATE:
            yield f"it failed at {error['stage']}: {error['message']}"
        return
    if file["status"] not in DELIVERED:
        yield f"it ended as {file['status']}."
        return
    if not file["renditions"]:
        yield "nothing was delivered."
    lost = sum(criterion["points_lost"] for criterion in file["criteria"])
    if abs(file["score"] + lost - 100) > 1e-6:
        yield f"its score {file['score']} and the {lost:.1f} points it lost do not add up to 100."
    for rendition in file["renditions"]:
        yield from _rendition_troubles(client, rendition)


def _rendition_troubles(client: ApiClient, rendition: Mapping[str, Any]) -> Iterator[str]:
    buffer = io.BytesIO()
    try:
        sha256 = client.fetch(rendition["url"], buffer.write)
    except PipelineError as error:
        yield error.message
        return
    data = buffer.getvalue()
    if len(data) != rendition["bytes"]:
        yield f"{rendition['url']} has {len(data)} bytes, not {rendition['bytes']}."
    if sha256 != rendition["sha256"] or sha256 != hashlib.sha256(data).hexdigest():
        yield f"{rendition['url']} has the SHA-256 {sha256}, not {rendition['sha256']}."
    yield from _picture_troubles(data, rendition)


def _picture_troubles(data: bytes, rendition: Mapping[str, Any]) -> Iterator[str]:
    """Read by Pillow, by its own registry, and to the last pixel."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            kind, size, exif = Image.MIME.get(picture.format or ""), picture.size, picture.getexif()
            profile, xmp = picture.info.get("icc_profile"), picture.info.get("xmp", b"")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        yield f"{rendition['url']} does not decode: {error}."
        return
    if kind != rendition["media_type"]:
        yield f"{rendition['url']} is {kind}, not {rendition['media_type']}."
    if size != (rendition["width"], rendition["height"]):
        yield f"{rendition['url']} has {size[0]} x {size[1]} pixels, not what was stated."
    if exif.get_ifd(GPS_DIRECTORY) or b"GPSLatitude" in (xmp if isinstance(xmp, bytes) else xmp.encode()):
        yield f"{rendition['url']} still says where it was taken."
    if not profile or "sRGB" not in _profile_name(profile):
        yield f"{rendition['url']} has no sRGB profile."


def _profile_name(profile: bytes) -> str:
    from PIL import ImageCms

    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (OSError, ImageCms.PyCMSError):
        return ""


def troubles_of_reports(client: ApiClient, batch: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """What is off with the batch's report, and the address of the Dagster run that worked on it."""
    reports = batch["reports"] or {}
    missing = [f"The report has no {name}." for name in ("html", "json", "csv") if name not in reports]
    if missing:
        return missing, None
    troubles = []
    pages = {name: io.BytesIO() for name in ("html", "json", "csv")}
    for name, page in pages.items():
        client.fetch(reports[name], page.write)
    total = len(batch["files"])
    if batch["id"].encode() not in pages["html"].getvalue():
        troubles.append("The report's page does not name the batch.")
    report = json.loads(pages["json"].getvalue())
    if len(report["items"]) != total:
        troubles.append(f"The JSON report has {len(report['items'])} pictures, not {total}.")
    if pages["csv"].getvalue().count(b"\r\n") < total + 1:
        troubles.append("The CSV report has too few rows.")
    runs = report["job"]["runs"]
    return troubles, (runs[0]["url"] if runs else None)


def troubles_of_webhook(heard: Heard, batch: Mapping[str, Any], secret: str) -> list[str]:
    """What is off with the webhook: its Signature first."""
    import hmac

    expected = hmac.new(secret.encode(), heard.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(heard.headers.get("signature", ""), expected):
        return ["The webhook's Signature is not that of its body."]
    event = json.loads(heard.body)
    stated = {name: batch[name] for name in ("id", "status", "workflow", "percentage", "created_at", "created_by")}
    wrong = [name for name, value in stated.items() if event.get(name) != value]
    return [f"The webhook says {name} {event.get(name)!r}, the API {stated[name]!r}." for name in wrong]
