"""Profiles: which of them cost a conversion, and what a conversion does."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipeline.domain.media import MediaLimits
from pipeline.media import color
from pipeline.media.color_shaper import shapers
from pipeline.media.image import decode

EVERY_TONE = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
# ICC's sRGB and Apple's Display P3 profile: XYZ of red, green and blue, adapted to D50.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))


def test_an_srgb_profile_costs_no_conversion() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = color.read_profile(profile, channels=3)
    assert found is not None
    assert found.transform is None
    assert color.convert(EVERY_TONE, found) is EVERY_TONE


@pytest.mark.parametrize("profile", [b"\x00" * 200, b"not a profile", b"acsp" * 40])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(stream, "JPEG", icc_profile=profile)
    decoded = decode(stream.getvalue(), MediaLimits())
    assert decoded.color_space == "sRGB"
    assert np.abs(decoded.picture.pixels.astype(int) - 90).max() <= 2


def test_the_shaper_of_srgb_itself_changes_nothing() -> None:
    assert np.array_equal(shapers(SRGB, SRGB)[0].apply(EVERY_TONE), EVERY_TONE)


def test_the_shaper_of_a_wider_space_keeps_gray_and_clips_what_srgb_cannot_show() -> None:
    shaper = shapers(DISPLAY_P3, SRGB)[0]
    assert np.abs(shaper.apply(EVERY_TONE).astype(int) - EVERY_TONE).max() <= 1
    reds = shaper.apply(np.array([[[255, 0, 0], [200, 50, 50]]], np.uint8))
    assert reds[0, 0].tolist() == [255, 0, 0]
    assert reds[0, 1, 0] > 205
    assert reds[0, 1, 1] < 45


def test_white_of_sixteen_bits_is_white_of_eight() -> None:
    values = np.array([[0, 128, 129, 257, 65535]], np.uint16)
    assert color.to_eight_bits(values).tolist() == [[0, 0, 1, 1, 255]]
