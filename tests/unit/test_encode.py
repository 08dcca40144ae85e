"""Encoders: sRGB, exactly the metadata that the policy keeps, the size that was asked for."""

import io
import struct
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.domain.media import MediaFacts
from pipeline.domain.workflows import MetadataPolicy, OutputSpec
from pipeline.media.encode import EXTENSIONS, MEDIA_TYPES, encode, fitted, srgb_profile
from pipeline.media.image import Picture
from pipeline.media.metadata_write import GpsPosition, Metadata, metadata_for
from pipeline.media.raw_picture import EmbeddedMetadata

FORMATS = ("jpeg", "png", "tiff", "webp", "avif")
LOSSLESS = ("png", "tiff")
WITH_ALPHA = ("png", "tiff", "webp", "avif")
_ARTIST, _COPYRIGHT, _ORIENTATION, _MODEL, _GPS, _EXIF = 0x013B, 0x8298, 0x0112, 0x0110, 0x8825, 0x8769
BERLIN = GpsPosition(52.5163, 13.3777)


def a_picture(width: int = 48, height: int = 32, *, alpha: bool = False) -> Picture:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack((across, down, 255 - across), axis=-1).astype(np.uint8)
    return Picture(pixels, across.astype(np.uint8) if alpha else None)


def some_facts() -> MediaFacts:
    return MediaFacts(
        media_type="image/jpeg",
        width=48,
        height=32,
        bytes=1000,
        sha256="0" * 64,
        orientation=6,
        has_gps=True,
        captured_at="2020-06-01T12:30:15+02:00",
        camera="Leica M6",
        creator="Jürgen Müller <studio>",
        copyright="© 2020 Jürgen & Co",
    )


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def texts_of(image: Image.Image) -> dict[int, str]:
    """EXIF texts as UTF-8: Pillow reads them as Latin-1."""
    return {tag: value.encode("latin-1").decode() for tag, value in image.getexif().items() if isinstance(value, str)}


def test_every_format_of_an_output_has_an_encoder() -> None:
    formats = get_args(OutputSpec.__annotations__["format"])
    assert set(formats) == set(FORMATS) == set(MEDIA_TYPES) == set(EXTENSIONS)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_is_what_its_media_type_says(format_: str) -> None:
    data = encode(a_picture(), OutputSpec("web", format=format_), Metadata())
    image = opened(data)
    assert Image.MIME[image.format or ""] == MEDIA_TYPES[format_]
    assert image.size == (48, 32)


@pytest.mark.parametrize("format_", FORMATS)
def test_colours_survive(format_: str) -> None:
    image = opened(encode(a_picture(), OutputSpec("web", format=format_, quality=95), Metadata()))
    difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - a_picture().pixels)
    assert difference.max() == 0 if format_ in LOSSLESS else difference.mean() < 4


@pytest.mark.parametrize("format_", FORMATS)
def test_every_file_carries_a_small_srgb_profile(format_: str) -> None:
    image = opened(encode(a_picture(), OutputSpec("web", format=format_), Metadata()))
    profile = image.info["icc_profile"]
    assert profile == srgb_profile()
    assert len(profile) < 1000
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_picture_encodes_to_the_same_bytes(format_: str) -> None:
    spec, metadata = OutputSpec("web", format=format_), Metadata(creator="Ada", copyright="Ada")
    assert encode(a_picture(), spec, metadata) == encode(a_picture(), spec, metadata)


@pytest.mark.parametrize("format_", FORMATS)
def test_copyright_and_creator_are_kept_and_the_rest_is_not(format_: str) -> None:
    metadata = metadata_for(some_facts(), MetadataPolicy(), EmbeddedMetadata())
    data = encode(a_picture(), OutputSpec("web", format=format_), metadata)
    image = opened(data)
    texts = texts_of(image)
    assert texts[_ARTIST] == "Jürgen Müller <studio>"
    assert texts[_COPYRIGHT] == "© 2020 Jürgen & Co"
    assert _MODEL not in texts
    assert not image.getexif().get_ifd(_EXIF)
    assert not image.getexif().get_ifd(_GPS)
    assert image.getexif().get(_ORIENTATION, 1) == 1
    assert b"Leica" not in data


@pytest.mark.parametrize("format_", FORMATS)
def test_creator_and_rights_are_in_xmp_as_well(format_: str) -> None:
    metadata = metadata_for(some_facts(), MetadataPolicy(), EmbeddedMetadata())
    data = encode(a_picture(), OutputSpec("web", format=format_), metadata)
    assert "<rdf:li>Jürgen Müller &lt;studio&gt;</rdf:li>".encode() in data
    assert '<rdf:li xml:lang="x-default">© 2020 Jürgen &amp; Co</rdf:li>'.encode() in data


@pytest.mark.parametrize("format_", FORMATS)
def test_without_metadata_there_is_none(format_: str) -> None:
    image = opened(encode(a_picture(), OutputSpec("web", format=format_), Metadata()))
    assert not texts_of(image)
    assert "xmp" not in image.info
    assert "XML:com.adobe.xmp" not in image.info


@pytest.mark.parametrize("format_", FORMATS)
def test_a_policy_may_keep_camera_moment_and_place(format_: str) -> None:
    policy = MetadataPolicy(keep=("camera", "captured_at"), gps=True)
    exif = Metadata(gps=BERLIN).exif()
    metadata = metadata_for(some_facts(), policy, EmbeddedMetadata(exif=exif))
    exif_read = opened(encode(a_picture(), OutputSpec("web", format=format_), metadata)).getexif()
    assert exif_read[_MODEL] == "Leica M6"
    assert exif_read.get_ifd(_EXIF) == {0x9003: "2020:06:01 12:30:15", 0x9011: "+02:00"}
    degrees, minutes, seconds = exif_read.get_ifd(_GPS)[2]
    assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(BERLIN.latitude, abs=1e-5)
    assert _ARTIST not in exif_read


@pytest.mark.parametrize("position", [BERLIN, GpsPosition(-33.8568, 151.2153), GpsPosition(40.6892, -74.0445)])
def test_a_position_survives_reading_and_writing(position: GpsPosition) -> None:
    embedded = EmbeddedMetadata(exif=Metadata(gps=position).exif())
    metadata = metadata_for(some_facts(), MetadataPolicy(gps=True), embedded)
    assert metadata.gps is not None
    assert metadata.gps.latitude == pytest.approx(position.latitude, abs=1e-5)
    assert metadata.gps.longitude == pytest.approx(position.longitude, abs=1e-5)


@pytest.mark.parametrize("exif", [b"", b"II*\x00", b"junk that is no exif", struct.pack("<4sI", b"II*\x00", 10**9)])
def test_a_broken_position_is_no_position(exif: bytes) -> None:
    metadata = metadata_for(some_facts(), MetadataPolicy(keep=(), gps=True), EmbeddedMetadata(exif=exif))
    assert metadata.is_empty
    assert metadata.exif() == b""
    assert metadata.xmp() == b""


def test_texts_that_no_file_can_hold_are_cut_and_cleaned() -> None:
    facts = replace(some_facts(), creator="A\x00B\x01C\ud800" + "ü" * 70_000, copyright="\x00")
    metadata = metadata_for(facts, MetadataPolicy(), EmbeddedMetadata())
    image = opened(encode(a_picture(), OutputSpec("web"), metadata))
    assert texts_of(image)[_ARTIST].startswith("ABCü")
    assert _COPYRIGHT not in image.getexif()


@pytest.mark.parametrize("format_", WITH_ALPHA)
def test_alpha_is_kept_where_the_format_has_it(format_: str) -> None:
    picture = a_picture(alpha=True)
    image = opened(encode(picture, OutputSpec("web", format=format_, quality=95), Metadata()))
    assert image.mode == "RGBA"
    difference = np.abs(np.asarray(image)[..., 3].astype(int) - picture.alpha)
    assert difference.max() == 0 if format_ in LOSSLESS else difference.mean() < 3


def test_alpha_is_laid_on_white_in_a_jpeg() -> None:
    picture = Picture(np.zeros((16, 16, 3), np.uint8), np.full((16, 16), 64, np.uint8))
    pixels = np.asarray(opened(encode(picture, OutputSpec("web", quality=95), Metadata())))
    assert pixels.mean() == pytest.approx(255 * (1 - 64 / 255), abs=1.5)


@pytest.mark.parametrize(("quality", "sampling"), [(75, 2), (90, 2), (92, 1), (98, 1)])
def test_fine_jpegs_keep_more_colour(quality: int, sampling: int) -> None:
    from PIL import JpegImagePlugin

    image = opened(encode(a_picture(), OutputSpec("web", quality=quality), Metadata()))
    assert JpegImagePlugin.get_sampling(image) == sampling


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (940, 2), (2, 940), (3, 1)])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_smallest_and_the_thinnest_pictures_encode(format_: str, size: tuple[int, int], alpha: bool) -> None:
    image = opened(encode(a_picture(*size, alpha=alpha), OutputSpec("web", format=format_), Metadata(creator="Ada")))
    assert image.size == size


def test_a_picture_that_fits_is_not_touched() -> None:
    picture = a_picture()
    assert fitted(picture, OutputSpec("web", max_width=48)) is picture
    assert fitted(picture, OutputSpec("web", max_width=4800, max_height=4800)) is picture


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (OutputSpec("web", max_width=30), (30, 20)),
        (OutputSpec("web", max_height=10), (15, 10)),
        (OutputSpec("web", max_width=40, max_height=8), (12, 8)),
        (OutputSpec("web", max_width=1), (1, 1)),
    ],
)
def test_a_picture_is_reduced_in_its_own_shape(spec: OutputSpec, size: tuple[int, int]) -> None:
    reduced = fitted(Picture(a_picture().pixels, np.full((32, 48), 7, np.uint8)), spec)
    assert (reduced.width, reduced.height) == size
    assert reduced.alpha is not None
    assert reduced.alpha.shape == (size[1], size[0])


@pytest.mark.parametrize("format_", ["webp", "avif"])
def test_slow_formats_are_reduced_unless_the_output_says_otherwise(format_: str) -> None:
    picture = a_picture(4000, 10)
    assert fitted(picture, OutputSpec("web", format=format_)).width == 2048
    assert fitted(picture, OutputSpec("web", format=format_, max_width=3000)).width == 3000
    assert fitted(picture, OutputSpec("web", format=format_, max_width=9000)) is picture
    assert fitted(picture, OutputSpec("web", format="jpeg")) is picture


@pytest.mark.parametrize(("format_", "longest"), [("jpeg", 65_500), ("webp", 16_383)])
def test_no_output_is_larger_than_its_format_allows(format_: str, longest: int) -> None:
    picture = Picture(np.zeros((2, 70_000, 3), np.uint8))
    reduced = fitted(picture, OutputSpec("web", format=format_, max_width=70_000))
    assert reduced.width == longest
    assert opened(encode(reduced, OutputSpec("web", format=format_), Metadata())).width == longest
