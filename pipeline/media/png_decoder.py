"""PNG, by Pillow."""

import io

from PIL import PngImagePlugin

from pipeline.domain.media import MediaLimits
from pipeline.errors import MetadataTooLarge
from pipeline.media import color
from pipeline.media.metadata_read import read_orientation
from pipeline.media.pillow_pixels import channels_of, color_space_of, read_pixels
from pipeline.media.raw_picture import EmbeddedMetadata, RawPicture, require_pixels_within


def decode_png(data: bytes, limits: MediaLimits, min_side: int | None) -> RawPicture:
    """The picture, or the first one of an animation; `min_side` is not used, as PNG cannot be decoded in part.

    Orientation is taken from the eXIf chunk alone: a turn that is noted only in text chunks (ImageMagick) is left as
    stored, as browsers do.
    """
    try:
        return _decode(data, limits)
    except ValueError as exc:
        if "MAX_TEXT" in str(exc):
            raise MetadataTooLarge from exc
        raise


def _decode(data: bytes, limits: MediaLimits) -> RawPicture:
    with PngImagePlugin.PngImageFile(io.BytesIO(data)) as image:
        require_pixels_within(*image.size, limits)
        image.load()
        _require_metadata_within(image.info, limits)
        icc = image.info.get("icc_profile")
        profile = color.read_profile(icc if isinstance(icc, bytes) else None, channels=channels_of(image))
        pixels, alpha = read_pixels(image, profile)
        metadata = EmbeddedMetadata(exif=_exif(image.info), xmp=_xmp(image.info))
        orientation = read_orientation(metadata.exif)
        return RawPicture(
            pixels=pixels,
            alpha=alpha,
            width=image.width,
            height=image.height,
            orientation=orientation,
            turn=orientation,
            color_space=color_space_of(image, profile),
            bit_depth=_bit_depth(data),
            frames=2 if getattr(image, "n_frames", 1) > 1 else 1,
            metadata=metadata,
        )


def _require_metadata_within(info: dict[str | tuple[int, int], object], limits: MediaLimits) -> None:
    if sum(len(value) for value in info.values() if isinstance(value, bytes | str)) > limits.max_metadata_bytes:
        raise MetadataTooLarge


def _bit_depth(data: bytes) -> int:
    """From the header chunk, which polyglots put behind another one; Pillow keeps no word of it."""
    place = data.find(b"IHDR") + 12
    return data[place] if place < len(data) and data[place] in (1, 2, 4, 8, 16) else 8


def _exif(info: dict[str | tuple[int, int], object]) -> bytes | None:
    exif = info.get("exif")
    return exif.removeprefix(b"Exif\x00\x00") if isinstance(exif, bytes) else None


def _xmp(info: dict[str | tuple[int, int], object]) -> bytes | None:
    xmp = info.get("xmp")
    return xmp.encode() if isinstance(xmp, str) else xmp if isinstance(xmp, bytes) else None
