"""What the validate stage makes of pictures that are built here, byte by byte where it matters."""

import io
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipeline.domain.media import MediaLimits
from pipeline.errors import (
    CorruptMedia,
    EmptyMedia,
    MediaError,
    MetadataTooLarge,
    TooManyBytes,
    TooManyPixels,
    UnsupportedType,
    UnsupportedVariant,
)
from pipeline.media.image import Picture, decode, stated_pixels
from pipeline.stages.validate import PROXY_SIDE, Validated, decode_original, decode_proxy, validate

Pixels = NDArray[np.uint8]
LIMITS = MediaLimits()
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (250, 250, 250)
# EXIF orientation: how an upright picture is stored so that a viewer has to turn it back.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda upright: np.rot90(upright, -1),
}


def four_colors(width: int = 96, height: int = 64) -> Pixels:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return pixels


def texture(width: int, height: int) -> Pixels:
    y, x = np.mgrid[:height, :width]
    waves = 128 + 60 * np.sin(x / 7) + 50 * np.cos(y / 11)
    return np.stack([waves, waves[::-1], 255 - waves], axis=-1).astype(np.uint8)


def a_file(pixels: Pixels, kind: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    if kind == "JPEG":
        options = {"quality": 95, "subsampling": 0, **options}
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def validated(data: bytes, limits: MediaLimits = LIMITS) -> Validated:
    return validate(data, limits, sha256="0" * 64)


def assert_upright(pixels: Pixels, tolerance: int = 8) -> None:
    height, width = pixels.shape[:2]
    for (y, x), expected in {(1, 1): RED, (1, 3): GREEN, (3, 1): BLUE, (3, 3): WHITE}.items():
        seen = pixels[height * y // 4, width * x // 4].astype(int)
        assert np.abs(seen - expected).max() <= tolerance, f"{seen} in place of {expected}"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_turned_picture_is_upright_afterwards(kind: str, orientation: int) -> None:
    data = a_file(STORED[orientation](four_colors()), kind, exif=turned(orientation))
    found = validated(data)
    assert (found.facts.width, found.facts.height, found.facts.orientation) == (96, 64, orientation)
    assert_upright(decode_proxy(found.proxy))
    assert_upright(decode_original(data, LIMITS).pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_is_not_turned_twice(orientation: int) -> None:
    data = a_file(STORED[orientation](four_colors()), "TIFF", tiffinfo={274: orientation})
    found = validated(data)
    assert (found.facts.width, found.facts.height, found.facts.orientation) == (96, 64, orientation)
    assert_upright(decode_proxy(found.proxy))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    found = validated(a_file(four_colors(), exif=turned(orientation)))
    assert found.facts.orientation == 1
    assert_upright(decode_proxy(found.proxy))


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (2000, 1500, (768, 576)),
        (1500, 2000, (576, 768)),
        (768, 100, (768, 100)),
        (40, 30, (40, 30)),
        (1, 1, (1, 1)),
        (6000, 2, (768, 1)),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_proxy_is_bounded_and_never_enlarged(kind: str, width: int, height: int, expected: tuple[int, int]) -> None:
    found = validated(a_file(texture(width, height), kind))
    assert (found.facts.width, found.facts.height) == (width, height)
    assert (found.proxy_width, found.proxy_height) == expected
    assert decode_proxy(found.proxy).shape == (expected[1], expected[0], 3)


def test_a_reduced_decode_shows_the_same_picture_as_a_full_one() -> None:
    data = a_file(texture(2400, 1800))
    reduced = decode(data, LIMITS, min_side=PROXY_SIDE)
    assert PROXY_SIDE <= reduced.picture.width < 2400
    assert (reduced.width, reduced.height) == (2400, 1800)
    full = Image.fromarray(decode_original(data, LIMITS).pixels).resize((768, 576), Image.Resampling.BOX)
    difference = decode_proxy(validated(data).proxy).astype(int) - np.asarray(full)
    assert np.abs(difference).mean() < 2


def test_transparent_parts_come_out_white_in_the_proxy() -> None:
    alpha = np.full((64, 96, 1), 255, np.uint8)
    alpha[:, :48] = 0
    data = a_file(np.concatenate([np.full((64, 96, 3), 10, np.uint8), alpha], axis=2), "PNG")
    found = validated(data)
    proxy = decode_proxy(found.proxy)
    assert found.facts.has_alpha
    assert proxy[:, :40].min() > 245
    assert proxy[:, 56:].max() < 20


def test_an_alpha_channel_that_hides_nothing_is_dropped() -> None:
    opaque = np.concatenate([four_colors(), np.full((64, 96, 1), 255, np.uint8)], axis=2)
    assert decode(a_file(opaque, "PNG"), LIMITS).picture.alpha is None


@given(st.integers(0, 255), st.integers(0, 255))
def test_compositing_on_white_is_exact(value: int, alpha: int) -> None:
    picture = Picture(np.full((1, 1, 3), value, np.uint8), np.full((1, 1), alpha, np.uint8))
    assert abs(int(picture.flattened()[0, 0, 0]) - (value * alpha + 255 * (255 - alpha)) / 255) <= 0.5


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_gray_keeps_its_tones(kind: str) -> None:
    tones = np.linspace(0, 65535, 256).astype(np.uint16)
    decoded = decode(a_file(np.tile(tones, (4, 1)), kind), LIMITS)
    assert (decoded.bit_depth, decoded.color_space) == (16, "gray")
    assert np.array_equal(decoded.picture.pixels[0, :, 0], np.round(tones / 257).astype(np.uint8))


def test_cmyk_becomes_the_colors_it_stands_for() -> None:
    inks = np.zeros((32, 32, 4), np.uint8)
    inks[..., 1:3] = 255
    stream = io.BytesIO()
    Image.fromarray(inks, "CMYK").save(stream, "TIFF")
    decoded = decode(stream.getvalue(), LIMITS)
    assert decoded.color_space == "CMYK"
    assert np.abs(decoded.picture.pixels.astype(int) - (255, 0, 0)).max() <= 2


def test_no_bytes_are_an_empty_file() -> None:
    with pytest.raises(EmptyMedia):
        validated(b"")


def test_the_byte_limit_holds_to_the_byte() -> None:
    data = a_file(four_colors())
    assert validated(data, MediaLimits(max_bytes=len(data))).facts.bytes == len(data)
    with pytest.raises(TooManyBytes):
        validated(data, MediaLimits(max_bytes=len(data) - 1))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_the_pixel_limit_holds_to_the_pixel(kind: str) -> None:
    data = a_file(four_colors(), kind)
    assert validated(data, MediaLimits(max_pixels=96 * 64)).facts.width == 96
    with pytest.raises(TooManyPixels, match="96 x 64"):
        validated(data, MediaLimits(max_pixels=96 * 64 - 1))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP", "JPEG2000", "EPS", "PSD"])
def test_other_formats_are_not_pictures_to_us(kind: str) -> None:
    data = b"8BPS\x00\x01" if kind == "PSD" else a_file(four_colors(), kind)
    with pytest.raises(UnsupportedType):
        validated(data)


def test_an_interface_may_accept_fewer_types() -> None:
    with pytest.raises(UnsupportedType):
        validated(a_file(four_colors(), "PNG"), MediaLimits(media_types=("image/jpeg",)))


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_a_jpeg_that_was_cut_off_is_corrupt(progressive: bool, share: float) -> None:
    data = a_file(texture(320, 240), progressive=progressive)
    with pytest.raises(CorruptMedia):
        validated(data[: int(len(data) * share)])


@pytest.mark.parametrize("marker", [b"\xff\xd9", b"\xff\xd3"], ids=["end", "restart"])
def test_a_jpeg_whose_data_stops_in_the_middle_is_corrupt(marker: bytes) -> None:
    data = bytearray(a_file(texture(320, 240)))
    data[len(data) // 2 : len(data) // 2 + 2] = marker
    with pytest.raises(CorruptMedia):
        validated(bytes(data))


def test_bytes_after_the_end_of_a_jpeg_do_no_harm() -> None:
    assert validated(a_file(four_colors()) + b"PK\x03\x04" + b"\x00" * 5000).facts.width == 96


def test_bytes_between_the_segments_of_a_jpeg_do_no_harm() -> None:
    data = a_file(four_colors())
    place = data.index(b"\xff\xdb")
    found = validated(data[:place] + b"\x00\x12\x34" + data[place:])
    assert_upright(decode_proxy(found.proxy))


def test_a_jpeg_with_hundreds_of_scans_is_not_decoded() -> None:
    data = a_file(texture(64, 64), progressive=True)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(UnsupportedVariant, match="scans"):
        validated(data[:last] + data[last:-2] * 200 + b"\xff\xd9")


def test_embedded_metadata_is_bounded() -> None:
    data = a_file(four_colors())
    for _ in range(4):
        data = with_segment(data, 0xE1, b"Exif\x00\x00" + b"\x00" * 50_000)
    with pytest.raises(MetadataTooLarge):
        validated(data, MediaLimits(max_metadata_bytes=150_000))


@pytest.mark.parametrize("quality", [5, 20, 49, 50, 51, 75, 90, 92, 100])
def test_the_jpeg_quality_is_found_in_the_quantisation_table(quality: int) -> None:
    data = simplejpeg.encode_jpeg(four_colors(), quality=quality)
    assert validated(data).facts.jpeg_quality == quality


def test_many_threads_at_once_find_the_same_as_one() -> None:
    files = [a_file(texture(300 + i, 200), kind) for i, kind in enumerate(["JPEG", "PNG", "TIFF"] * 4)]
    alone = [validated(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(validated, files)) == alone


SMALL = {
    "jpeg": a_file(texture(48, 40), exif=turned(6)),
    "progressive": a_file(texture(48, 40), progressive=True),
    "png": a_file(texture(48, 40), "PNG", exif=turned(6)),
    "tiff": a_file(texture(48, 40), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(SMALL)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)), min_size=1, max_size=6),
)
def test_damage_of_any_kind_is_either_survived_or_an_error_of_ours(
    name: str, damages: list[tuple[float, bytes]]
) -> None:
    data = bytearray(SMALL[name])
    for place, noise in damages:
        start = int(place * len(data))
        data[start : start + len(noise)] = noise
    try:
        found = validated(bytes(data), MediaLimits(max_pixels=1_000_000))
    except MediaError:
        return
    assert decode_proxy(found.proxy).shape == (found.proxy_height, found.proxy_width, 3)


@pytest.mark.parametrize(("save_as", "expected"), [("PNG", 12), ("TIFF", 12), ("JPEG", 0)])
def test_the_header_says_how_heavy_a_whole_decode_will_be(save_as: str, expected: int) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3)).save(buffer, save_as)
    assert stated_pixels(buffer.getvalue()) == expected


@pytest.mark.parametrize("data", [b"", b"II", b"MM\x00\x2a\xff\xff\xff\xff", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_header_states_nothing_and_raises_nothing(data: bytes) -> None:
    assert stated_pixels(data) == 0
