"""TIFF: the first page, by Pillow and libtiff, after the page has been found sound."""

import io

from PIL import TiffImagePlugin

from pipeline.domain.media import MediaLimits
from pipeline.errors import CorruptMedia, MetadataTooLarge, UnsupportedVariant
from pipeline.media import color
from pipeline.media.pillow_pixels import channels_of, color_space_of, read_pixels
from pipeline.media.raw_picture import EmbeddedMetadata, RawPicture, require_pixels_within
from pipeline.media.tiff_page import TiffPage, read_first_page, require_readable


def decode_tiff(data: bytes, limits: MediaLimits, min_side: int | None) -> RawPicture:
    """The first page; further pages are never looked at. `min_side` is not used: TIFF cannot be decoded in part."""
    page = read_first_page(data)
    require_pixels_within(page.width, page.height, limits)
    if len(page.xmp or b"") + len(page.iptc or b"") > limits.max_metadata_bytes:
        raise MetadataTooLarge
    require_readable(data)
    with _opened(data) as image:
        if image.size != _upright_size(page):
            raise CorruptMedia("The TIFF has more than one size for its first page.")
        image.load()
        icc = image.info.get("icc_profile")
        profile = color.read_profile(icc if isinstance(icc, bytes) else None, channels=channels_of(image))
        pixels, alpha = read_pixels(image, profile)
        return _raw_picture(page, data, pixels, alpha, color_space_of(image, profile))


def _opened(data: bytes) -> TiffImagePlugin.TiffImageFile:
    try:
        return TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    except SyntaxError as exc:
        # The page was found sound, so this is a pixel layout that Pillow has no decoder for.
        raise UnsupportedVariant(f"This kind of TIFF cannot be read ({exc}): save it as 8 or 16-bit RGB.") from exc


def _upright_size(page: TiffPage) -> tuple[int, int]:
    return (page.height, page.width) if page.orientation >= 5 else (page.width, page.height)


def _raw_picture(
    page: TiffPage, data: bytes, pixels: color.Pixels, alpha: color.Pixels | None, color_space: str
) -> RawPicture:
    """Pillow turns TIFFs upright while loading, so there is nothing left to turn."""
    width, height = _upright_size(page)
    return RawPicture(
        pixels=pixels,
        alpha=alpha,
        width=width,
        height=height,
        orientation=page.orientation,
        turn=1,
        color_space=color_space,
        bit_depth=page.bit_depth,
        frames=2 if page.has_more_pages else 1,
        metadata=EmbeddedMetadata(data, page.xmp, page.iptc),
    )
