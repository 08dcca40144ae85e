"""JPEG: simplejpeg where it can, Pillow where it must."""

import io

import simplejpeg
from PIL import JpegImagePlugin

from pipeline.domain.media import MediaLimits
from pipeline.errors import CorruptMedia
from pipeline.media import color
from pipeline.media.jpeg_header import JpegHeader, read_header
from pipeline.media.metadata_read import read_orientation
from pipeline.media.pillow_pixels import color_space_of, read_pixels
from pipeline.media.raw_picture import EmbeddedMetadata, RawPicture, require_pixels_within

# libjpeg's words (jerror.h) for entropy-coded data that does not add up: the picture is visibly damaged from there on.
# Pillow shows such files without a word, so its opinion is not asked.
_DAMAGE = ("bad Huffman code", "premature end of data segment", "instead of RST", "Premature end of JPEG file")


def decode_jpeg(data: bytes, limits: MediaLimits, min_side: int | None) -> RawPicture:
    """The picture, decoded to the end of its data; its longest side is at least `min_side` where the file's is."""
    header = read_header(data, max_metadata_bytes=limits.max_metadata_bytes)
    require_pixels_within(header.width, header.height, limits)
    smallest = _smallest_size(header, min_side)
    pixels, color_space = _fast_pixels(data, header, smallest) or _pillow_pixels(data, header, smallest)
    orientation = read_orientation(header.exif)
    return RawPicture(
        pixels=pixels,
        alpha=None,
        width=header.width,
        height=header.height,
        orientation=orientation,
        turn=orientation,
        color_space=color_space,
        bit_depth=header.precision,
        frames=2 if header.is_multi_picture else 1,
        metadata=EmbeddedMetadata(header.exif, header.xmp, header.iptc or None),
        jpeg_quality=header.quality,
    )


def _smallest_size(header: JpegHeader, min_side: int | None) -> tuple[int, int] | None:
    """Width and height below which a reduced decode must not go; None for the full size."""
    longest = max(header.width, header.height)
    if min_side is None or min_side >= longest:
        return None
    return -(-header.width * min_side // longest), -(-header.height * min_side // longest)


def _fast_pixels(data: bytes, header: JpegHeader, smallest: tuple[int, int] | None) -> tuple[color.Pixels, str] | None:
    """Pixels and colour space by simplejpeg; None where Pillow has to decide.

    Strict, because libjpeg fills what is missing with gray and calls it a warning. Only the first warning can be read,
    and a few of them are harmless: bytes between segments, padding before the end marker, an unusual subsampling. So
    a warning that speaks of damage is final; any other leaves the decision to Pillow, which refuses truncated files.
    """
    if header.components == 4:
        return None
    width, height = smallest or (0, 0)
    try:
        _require_same_size(header, *simplejpeg.decode_jpeg_header(data)[1::-1])
        pixels = simplejpeg.decode_jpeg(
            data, "GRAY" if header.components == 1 else "RGB", min_height=height, min_width=width, strict=True
        )
    except ValueError as exc:
        if any(words in str(exc) for words in _DAMAGE):
            raise CorruptMedia(f"The JPEG is damaged ({exc}): export it again from the original.") from exc
        return None
    profile = color.read_profile(header.profile, channels=header.components)
    if profile is not None and profile.transform is not None:
        color_space = profile.name
    else:
        color_space = "gray" if header.components == 1 else "sRGB"
    return color.convert(pixels[..., 0] if header.components == 1 else pixels, profile), color_space


def _pillow_pixels(data: bytes, header: JpegHeader, smallest: tuple[int, int] | None) -> tuple[color.Pixels, str]:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        _require_same_size(header, *image.size)
        if smallest is not None:
            image.draft(None, smallest)
        image.load()
        profile = color.read_profile(header.profile, channels=header.components)
        return read_pixels(image, profile)[0], color_space_of(image, profile)


def _require_same_size(header: JpegHeader, width: int, height: int) -> None:
    """The limit was checked against our own reading of the header: a decoder that sees another size must not go on."""
    if (width, height) != (header.width, header.height):
        raise CorruptMedia("The JPEG has more than one size.")
