"""Requests of the analysis interface (contract section 2): a batch of images and the webhook of a job."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from pipeline.dialects.enhancement import HttpUrl, Strict

MAX_EXTERNAL_ID = 1024
MAX_TEXT = 4096
"""Characters of the longest field that is no image: a URL."""


class WebhookConfig(Strict):
    """Where the final result is sent; signed where there is a secret."""

    url: HttpUrl
    secret: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None


class ImageRequest(Strict):
    external_id: Annotated[str, StringConstraints(max_length=MAX_EXTERNAL_ID)] | None = None
    """Yours: comes back untouched."""
    data_base64: str = Field(json_schema_extra={"contentEncoding": "base64"})
    """The image file in base64 (RFC 4648, section 4), with padding, without line breaks or a `data:` prefix."""

    @field_validator("external_id")
    @classmethod
    def storable(cls, value: Any) -> Any:
        """Of these two fields it alone is stored as it is: a NUL in the other is a fault of that image."""
        return super().storable(value)


class ImageBatchRequest(Strict):
    """POST /images. Validate with the context `{"max_items": N}`."""

    images: Annotated[list[ImageRequest], Field(min_length=1)]
    webhook: WebhookConfig | None = None

    @field_validator("images", mode="before")
    @classmethod
    def not_too_many(cls, value: Any, info: ValidationInfo) -> Any:
        """Looked at before the images are: a million wrong ones cost nothing."""
        most = (info.context or {}).get("max_items")
        if most is not None and isinstance(value, list) and len(value) > most:
            raise ValueError(f"A batch holds at most {most} images, and this one has {len(value)}.")
        return value
