"""What a submission brings: a video streamed into the store, or a batch of images decoded one by one."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from pydantic import ValidationError

from pipeline.access.bodies import JSON_TYPE, body_chunks, parsed
from pipeline.access.forms import FIELDS_OVERHEAD, FileForm
from pipeline.access.hand_over import HandedOver
from pipeline.access.sentences import wrong_fields
from pipeline.access.spooled_json import SpooledJson, spool_json
from pipeline.dialects.analysis_base64 import NotBase64, decoded, unescaped
from pipeline.dialects.analysis_requests import ImageBatchRequest, ImageRequest, WebhookConfig
from pipeline.domain.jobs import ItemError, Stage
from pipeline.errors import (
    EmptyMedia,
    InvalidRequest,
    RequestTooLarge,
    TooManyBytes,
    TransientError,
    UnsupportedMediaType,
    UploadTooLarge,
)
from pipeline.ports import ObjectStore
from pipeline.services import uploads
from pipeline.services.analysis import SubmittedImage
from pipeline.services.line import Ledger

FILE_FIELD = "file"
WEBHOOK_URL, WEBHOOK_SECRET = "X-Webhook-Url", "X-Webhook-Secret"
VIDEO_TIME_S = 3600.0
"""2 GiB within this is 0.6 MB/s: slower than any line that is worth waiting for."""
IMAGES_TIME_S = 900.0
"""256 MiB within this is 0.3 MB/s."""
AT_ONCE = 32
"""Submissions under way in one API process. Each holds a thread of its own: they never take those of other calls."""
_FORM_FIELDS = {"webhook", "webhook[url]", "webhook[secret]"}
_VIDEO_TYPES = "application/octet-stream, video/* or multipart/form-data"

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Received:
    """What came, in the store, and whom to tell."""

    images: list[SubmittedImage]
    webhook: WebhookConfig | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a submission is received, and for whom."""

    ledger: Ledger
    store: ObjectStore
    account_id: UUID


def install_submission_places(state: Any) -> None:
    """The application's state knows how many submissions are under way."""
    state.submission_places = uploads.Places()
    state.submission_threads = CapacityLimiter(AT_ONCE)


async def receive_video(request: Request, desk: Desk) -> Received:
    """The video lies in the store, whole; nothing is left of one that is refused."""
    kind = _body_kind(request)
    is_form = kind == "multipart/form-data"
    if not is_form and kind != "application/octet-stream" and not kind.startswith("video/"):
        raise UnsupportedMediaType(f"Send the video as {_VIDEO_TYPES}, and say so in Content-Type.")
    webhook = _webhook({"url": request.headers.get(WEBHOOK_URL), "secret": request.headers.get(WEBHOOK_SECRET)})
    limit = desk.ledger.options.analysis.video.max_bytes
    most = limit + FIELDS_OVERHEAD if is_form else limit
    chunks = HandedOver(body_chunks(request, max_bytes=most, max_s=VIDEO_TIME_S, too_large=uploads.too_large(limit)))

    def receive() -> Received:
        if not is_form:
            return Received([_kept_video(desk, "video", iter(chunks), limit)], webhook)
        form = FileForm(request.headers["content-type"], chunks, file_field=FILE_FIELD, with_fields=True)
        form.open()
        told: list[WebhookConfig | None] = []
        image = _kept_video(desk, form.name, _with_fields(form, told), limit)
        return Received([image], told[0] or webhook)

    return await _in_thread(request, desk, receive)


async def receive_images(request: Request, desk: Desk, *, max_body_bytes: int) -> Received:
    """Every image that can be decoded lies in the store; each other one says why not and fails alone."""
    if not JSON_TYPE.fullmatch(_body_kind(request)):
        raise UnsupportedMediaType("Send the images as JSON, with Content-Type: application/json.")
    too_large = RequestTooLarge(f"The request body is larger than {max_body_bytes} bytes: send fewer images at once.")
    chunks = HandedOver(body_chunks(request, max_bytes=max_body_bytes, max_s=IMAGES_TIME_S, too_large=too_large))

    def receive() -> Received:
        with tempfile.TemporaryFile() as spool:
            try:
                body = spool_json(chunks, spool)
            except OSError as error:
                raise TransientError("The folder for temporary files cannot be written.") from error
            batch = parsed(ImageBatchRequest, body.text, {"max_items": desk.ledger.options.analysis.max_images})
            images = [_kept_image(desk, body, index, image) for index, image in enumerate(batch.images)]
            return Received(images, batch.webhook)

    return await _in_thread(request, desk, receive)


async def _in_thread(request: Request, desk: Desk, receive: Callable[[], Found]) -> Found:
    state = request.app.state
    with state.submission_places.taken(desk.account_id):
        return await to_thread.run_sync(receive, limiter=state.submission_threads)


def _body_kind(request: Request) -> str:
    """The body's media type in lower case, without parameters."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body without a Content-Encoding.")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _kept_video(desk: Desk, name: str, chunks: Iterator[bytes], limit: int) -> SubmittedImage:
    kept = uploads.receive(desk.ledger, desk.store, desk.account_id, name, chunks, max_bytes=limit)
    return SubmittedImage(upload=kept)


def _with_fields(form: FileForm, told: list[WebhookConfig | None]) -> Iterator[bytes]:
    """The file, and after it the webhook: a wrong one is found before the store has finished the object."""
    yield from form
    for name in form.fields:
        if name not in _FORM_FIELDS:
            raise InvalidRequest({name: [f"There is no field {name} here."]})
    told.append(_form_webhook(form.fields))


def _form_webhook(fields: dict[str, bytes]) -> WebhookConfig | None:
    if "webhook" not in fields:
        parts = {name: fields.get(f"webhook[{name}]") for name in ("url", "secret")}
        return _webhook({name: None if data is None else data.decode(errors="replace") for name, data in parts.items()})
    if len(fields) > 1:
        raise InvalidRequest({"webhook": ["Send webhook as JSON, or webhook[url] and webhook[secret]: not both."]})
    try:
        return parsed(WebhookConfig, fields["webhook"], {})
    except InvalidRequest as error:
        wrong = {"webhook" if name == "body" else f"webhook.{name}": words for name, words in error.fields.items()}
        raise InvalidRequest(wrong) from error


def _webhook(given: dict[str, str | None]) -> WebhookConfig | None:
    """The webhook that came in single fields; None where none of them was there."""
    value = {name: text for name, text in given.items() if text is not None}
    if not value:
        return None
    try:
        return WebhookConfig.model_validate(value)
    except ValidationError as error:
        wrong = {f"webhook.{name}": words for name, words in wrong_fields(error, value).items()}
        raise InvalidRequest(wrong) from error


def _kept_image(desk: Desk, body: SpooledJson, index: int, image: ImageRequest) -> SubmittedImage:
    if not image.data_base64:
        return _refused(image, EmptyMedia.code, EmptyMedia().message)
    limit = desk.ledger.options.analysis.max_image_bytes
    pieces = body.pieces(image.data_base64)
    text = unescaped(pieces) if body.is_long(image.data_base64) else pieces
    name = f"image-{index}"
    try:
        kept = uploads.receive(desk.ledger, desk.store, desk.account_id, name, decoded(text), max_bytes=limit)
    except NotBase64 as error:
        return _refused(image, "invalid_base64", f"The image's data_base64 is not base64: {error}.")
    except UploadTooLarge:
        return _refused(image, TooManyBytes.code, f"The image is larger than the limit of {limit} bytes.")
    return SubmittedImage(image.external_id, upload=kept)


def _refused(image: ImageRequest, code: str, words: str) -> SubmittedImage:
    return SubmittedImage(image.external_id, error=ItemError(code, Stage.DOWNLOAD, words, retryable=False))
