"""Steps for shape, size and background correct what they are for, and hand a good picture on as it is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.domain.media import Box, MediaLimits
from pipeline.stages.enhance import (
    crop,
    denoise,
    pixels_needed,
    resize,
    straighten,
    upscale,
    watermark,
    white_background,
)
from pipeline.stages.enhance.geometry import inscribed
from pipeline.workflows import builtin_workflows
from tests.unit.enhance_pictures import (
    Brightening,
    Missing,
    Pixels,
    a_frame,
    a_photo,
    a_scene,
    is_left_alone,
)


@pytest.mark.parametrize("tilt", [-5.0, -1.0, 2.5, 6.0])
def test_straighten_turns_a_leaning_line_upright(tilt: float) -> None:
    height, width = 400, 600
    across = (np.arange(width) - width / 2)[None, :]
    down = (np.arange(height) - height / 2)[:, None]
    level = down * np.cos(np.radians(tilt)) - across * np.sin(np.radians(tilt))
    pixels = np.repeat(np.where(level > 0, 40, 220).astype(np.uint8)[..., None], 3, axis=2)
    applied = straighten.apply(a_frame(pixels), a_scene(tilt=tilt), straighten.Options())
    edge = (applied.frame.picture().pixels[..., 0] > 128).sum(axis=0).astype(float)
    slope = np.degrees(np.arctan(np.polyfit(np.arange(edge.size), edge, 1)[0]))
    assert applied.changed
    assert abs(slope) < 0.15


@pytest.mark.parametrize("tilt", [-7, -0.6, 3, 6.9, 20])
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (640, 640), (900, 100)])
def test_what_is_kept_after_turning_has_pixels_everywhere_and_the_old_shape(tilt: float, size: tuple[int, int]) -> None:
    width, height = size
    window = inscribed(width, height, tilt)
    sine, cosine = np.sin(np.radians(tilt)), np.cos(np.radians(tilt))
    for across in (window.left, window.left + window.width):
        for down in (window.top, window.top + window.height):
            x, y = across - width / 2, down - height / 2
            assert abs(x * cosine - y * sine) <= width / 2 + 1
            assert abs(x * sine + y * cosine) <= height / 2 + 1
    assert window.width / window.height == pytest.approx(width / height, rel=0.05)


def test_straighten_turns_alpha_and_subject_as_well() -> None:
    pixels = a_photo()
    frame = a_frame(pixels, alpha=np.full(pixels.shape[:2], 9, np.uint8), subject=Box(0.25, 0.25, 0.5, 0.5))
    turned = straighten.apply(frame, a_scene(tilt=5), straighten.Options()).frame
    assert turned.alpha is not None
    assert turned.alpha.shape == (turned.height, turned.width)
    assert turned.subject is not None
    assert turned.subject.x + turned.subject.width / 2 == pytest.approx(0.5, abs=0.01)


def test_straighten_leaves_what_is_level_unclear_or_intended() -> None:
    assert is_left_alone(straighten, a_photo(), a_scene(tilt=0.2))
    assert is_left_alone(straighten, a_photo(), a_scene(tilt=4, confidence=0.2))
    assert is_left_alone(straighten, a_photo(), a_scene(tilt=12))


@pytest.mark.parametrize("size", [(400, 300), (300, 400), (900, 300), (300, 300)])
@pytest.mark.parametrize("aspect", ["1:1", "4:3", "16:9"])
def test_crop_gives_the_wanted_shape(size: tuple[int, int], aspect: str) -> None:
    frame = a_frame(a_photo(*size))
    applied = crop.apply(frame, a_scene(), crop.Options(aspect=aspect, largest_loss=0.9))
    across, down = (int(part) for part in aspect.split(":"))
    wanted = down / across if size[1] > size[0] else across / down
    assert applied.frame.width / applied.frame.height == pytest.approx(wanted, rel=0.021)


@pytest.mark.parametrize("x", [0.0, 0.3, 0.75])
def test_crop_keeps_the_subject(x: float) -> None:
    frame = a_frame(a_photo(400, 200), subject=Box(x, 0.2, 0.25, 0.5))
    applied = crop.apply(frame, a_scene(), crop.Options(aspect="1:1", largest_loss=0.6))
    kept = applied.frame.subject
    assert applied.changed
    assert kept is not None
    assert kept.width * applied.frame.width == pytest.approx(0.25 * 400)
    assert kept.height * applied.frame.height == pytest.approx(0.5 * 200)


def test_crop_leaves_the_right_shape_and_great_losses() -> None:
    assert is_left_alone(crop, a_photo(400, 300), a_scene(), aspect="4:3")
    assert is_left_alone(crop, a_photo(1200, 300), a_scene(), aspect="1:1", largest_loss=0.5)


def a_packshot(background: tuple[int, int, int], *, slope: float = 0.0, width: int = 300, height: int = 200) -> Pixels:
    pixels = np.full((height, width, 3), background, np.float32)
    pixels += slope * np.linspace(-1, 1, width)[None, :, None]
    pixels[60:140, 110:190] = (150, 40, 30)
    pixels += np.random.default_rng(2).normal(0, 1.5, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("background", "slope"), [((225, 225, 225), 0), ((200, 205, 215), 0), ((215, 210, 205), 15)])
def test_white_background_makes_a_plain_background_white(background: tuple[int, int, int], slope: float) -> None:
    pixels = a_packshot(background, slope=slope)
    applied = white_background.apply(a_frame(pixels), a_scene(), white_background.Options())
    result = applied.frame.picture().pixels
    assert applied.changed
    assert (result[:50] == 255).all()
    assert (result[:, :100] == 255).all()
    assert np.array_equal(result[66:134, 116:184], pixels[66:134, 116:184])
    assert applied.frame.subject is not None
    assert applied.frame.subject.x == pytest.approx(110 / 300, abs=0.02)


def test_white_background_pads_to_the_shape_with_white() -> None:
    options = white_background.Options(aspect="1:1")
    applied = white_background.apply(a_frame(a_packshot((225, 225, 225))), a_scene(), options)
    result = applied.frame.picture().pixels
    assert result.shape == (300, 300, 3)
    assert (result[:48] == 255).all()
    assert (result[-48:] == 255).all()
    subject = applied.frame.subject
    assert subject is not None
    assert subject.y + subject.height / 2 == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("limit", "expected"), [(90_000, (300, 300)), (89_999, (300, 200))])
def test_white_background_pads_to_the_pixel_limit_and_not_beyond(limit: int, expected: tuple[int, int]) -> None:
    scene = replace(a_scene(), limits=MediaLimits(max_pixels=limit))
    frame = a_frame(a_packshot((225, 225, 225)), subject=Box(0, 0, 1, 1))
    applied = white_background.apply(frame, scene, white_background.Options(aspect="1:1"))
    assert (applied.frame.width, applied.frame.height) == expected
    assert (applied.frame.picture().pixels[:50] == 255).all()
    assert "300 x 300 pixels" in applied.detail


@pytest.mark.parametrize("shape", [(20_000, 1, 3), (1, 60_000, 3)])
@pytest.mark.parametrize("tone", [225, 255])
def test_white_background_does_not_pad_a_thread_to_a_giant(shape: tuple[int, int, int], tone: int) -> None:
    frame = a_frame(np.full(shape, tone, np.uint8))
    applied = white_background.apply(frame, a_scene(), white_background.Options(aspect="1:1"))
    assert applied.frame.picture().pixels.shape == shape
    assert applied.changed == (tone != 255)
    assert applied.detail.endswith(f", but {max(shape)} x {max(shape)} pixels are too many to pad it to.")


@pytest.mark.parametrize(
    ("workflow", "size", "expected"),
    [
        ("product", (1, 9_999), 9_999**2),
        ("product", (20_000, 1), MediaLimits().max_pixels),
        ("product", (6_000, 4_000), 36_000_000),
        ("auto", (1, 9_999), 9_999),
    ],
)
def test_what_a_picture_will_be_padded_to_counts_as_its_size(
    workflow: str, size: tuple[int, int], expected: int
) -> None:
    facts = replace(a_scene().facts, width=size[0], height=size[1])
    assert pixels_needed(facts, builtin_workflows()[workflow], MediaLimits()) == expected


def test_white_background_lays_what_is_transparent_on_white() -> None:
    pixels = a_packshot((10, 10, 10))
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    alpha[60:140, 110:190] = 255
    applied = white_background.apply(a_frame(pixels, alpha=alpha), a_scene(), white_background.Options())
    picture = applied.frame.picture()
    assert applied.changed
    assert picture.alpha is None
    assert (picture.pixels[:50] == 255).all()


def test_white_background_leaves_white_dark_and_busy_backgrounds() -> None:
    assert is_left_alone(white_background, np.full((80, 80, 3), 255, np.uint8), a_scene())
    assert is_left_alone(white_background, a_packshot((40, 40, 40)), a_scene())
    assert is_left_alone(white_background, a_photo(), a_scene())


def test_white_background_keeps_a_hole_that_has_the_colour_of_the_background() -> None:
    pixels = a_packshot((225, 225, 225))
    pixels[90:110, 140:160] = 225
    applied = white_background.apply(a_frame(pixels), a_scene(), white_background.Options())
    assert (applied.frame.picture().pixels[95:105, 145:155] == 225).all()


def test_resize_reduces_and_never_enlarges() -> None:
    applied = resize.apply(a_frame(a_photo()), a_scene(), resize.Options(max_side=100))
    assert (applied.frame.width, applied.frame.height) == (100, 75)
    assert is_left_alone(resize, a_photo(), a_scene(), max_side=1000)
    assert is_left_alone(resize, a_photo(), a_scene())


@pytest.mark.parametrize("size", [(40, 30), (300, 270), (256, 256), (513, 3), (1, 1)])
def test_upscale_puts_the_tiles_where_they_belong(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    applied = upscale.apply(a_frame(pixels), a_scene(models=Brightening()), upscale.Options())
    expected = pixels.repeat(2, axis=0).repeat(2, axis=1)
    assert np.abs(applied.frame.picture().pixels.astype(int) - expected).max() <= 1


def test_upscale_leaves_large_pictures_and_says_when_the_model_is_missing() -> None:
    assert is_left_alone(upscale, a_photo(), a_scene(models=Brightening()), min_side=200)
    assert is_left_alone(upscale, a_photo(), a_scene(models=Brightening()), max_input_megapixels=0.01)
    assert is_left_alone(upscale, a_photo(), a_scene())
    applied = upscale.apply(a_frame(a_photo()), a_scene(models=Missing()), upscale.Options())
    assert not applied.changed
    assert "the model superres is not here" in applied.detail


@pytest.mark.parametrize(
    ("position", "down", "across"),
    [
        ("top-left", 0.05, 0.05),
        ("top-right", 0.05, 0.95),
        ("bottom-left", 0.95, 0.05),
        ("bottom-right", 0.95, 0.95),
        ("centre", 0.5, 0.5),
    ],
)
def test_watermark_is_written_where_it_is_wanted(position: Any, down: float, across: float) -> None:
    pixels = np.full((400, 600, 3), 120, np.uint8)
    options = watermark.Options(text="© Ada", position=position, opacity=0.8)
    result = watermark.apply(a_frame(pixels), a_scene(), options).frame.picture().pixels
    rows, columns = np.nonzero((result != pixels).any(axis=2))
    assert rows.size > 100
    centre = rows.mean() / 400, columns.mean() / 600
    assert centre[0] == pytest.approx(down, abs=0.06)
    assert centre[1] == pytest.approx(across, abs=0.1)


def test_watermark_needs_room() -> None:
    assert is_left_alone(watermark, np.zeros((20, 20, 3), np.uint8), a_scene(), text="A long line of text")


def test_watermark_draws_nothing_that_has_no_room() -> None:
    """Drawn, this line would take 60 GB."""
    giant = np.broadcast_to(np.uint8(0), (60_000, 60_000, 3))
    assert is_left_alone(watermark, giant, a_scene(), text="W" * 200, size=0.3)


def test_a_large_watermark_is_whole() -> None:
    pixels, alpha = np.full((3000, 3000, 3), 120, np.uint8), np.zeros((3000, 3000), np.uint8)
    options = watermark.Options(text="HHH", position="centre", opacity=1, size=0.3)
    marked = watermark.apply(a_frame(pixels, alpha=alpha), a_scene(), options).frame.picture()
    rows = np.nonzero((marked.pixels == 255).all(axis=2).any(axis=1))[0]
    assert rows.size > 500 and (np.diff(rows) == 1).all()
    assert marked.alpha is not None and (marked.alpha[rows].max(axis=1) == 255).all()
    assert (marked.pixels[:1000] == 120).all() and (alpha == 0).all()


@pytest.mark.parametrize(("width", "is_filtered"), [(62_500, True), (62_501, False)])
def test_denoise_leaves_a_ribbon_that_is_too_wide_for_strips(width: int, is_filtered: bool) -> None:
    noise = np.random.default_rng(4).normal(120, 15, (8, width, 1)).clip(10, 240).astype(np.uint8).repeat(3, axis=2)
    assert is_left_alone(denoise, noise, a_scene()) is not is_filtered
