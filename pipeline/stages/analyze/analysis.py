"""All metrics of one picture, in one pass over its proxy."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.media import Findings, MediaFacts
from pipeline.media.metrics import Views, detail, hashes, lines, subject, tones, views_of
from pipeline.ports import Models
from pipeline.stages.analyze import nima

cv2.setNumThreads(1)

_QUALITY_BY_BLOCKINESS = ((0.07, 100.0), (0.1, 75.0), (0.16, 50.0), (0.28, 25.0), (0.5, 10.0), (1.0, 1.0))
"""What a blockiness looks like, as a JPEG quality: medians over 22 photographs of 2048 pixels and less, recompressed.
Below 0.07 the content's own periods (fences, text) and the proxy's own grid cannot be told from it."""


def analyze(pixels: NDArray[np.uint8], facts: MediaFacts, models: Models | None) -> Findings:
    """Everything that can be measured on the proxy `pixels` (H, W, 3), upright sRGB; never a made-up value.

    A metric whose model is missing is named in `unavailable`, with the reason.
    """
    views = views_of(np.ascontiguousarray(pixels))
    luma = tones.shares_of(views.gray)
    background = subject.background_of(views)
    placement = subject.placement_of(views, background)
    tilt = lines.tilt_of(views)
    noise = detail.noise_of(views)
    light = tones.light_of(views)
    opinions, unavailable = nima.opinions(views.pixels, models)
    metrics = {
        **_tone_metrics(views, background, light["light"], noise=noise * max(1.0, facts.width / views.gray.shape[1])),
        **_detail_metrics(views, facts, noise),
        "tilt": tilt.degrees,
        "resolution": facts.megapixels,
        "composition": placement.composition,
        "subject_fill": placement.fill,
        "background_luma": background.luma,
        "background_white": background.white,
        "background_spread": background.spread,
        **opinions,
    }
    return Findings(
        metrics={name: round(value, 4) for name, value in metrics.items()},
        tilt_degrees=round(tilt.degrees, 2),
        tilt_confidence=round(tilt.confidence, 3),
        dominant_colors=hashes.dominant_colors_of(views),
        perceptual_hash=hashes.perceptual_hash_of(views),
        subject=placement.box,
        histogram=_histogram(views, luma, background, light),
        unavailable=unavailable,
    )


def _tone_metrics(
    views: Views, background: subject.Background, light: NDArray[np.float64], *, noise: float
) -> dict[str, float]:
    backdrop = tones.Backdrop(white=_share_above(background.white, 0.9), black=_share_above(background.black, 0.9))
    soft = tones.shares_of(views.thumb_gray)
    middle = tones.shares_of(tones.lost_channels_of(views))
    highlights, shadows = tones.clipped_of(tones.without_backdrop(middle, backdrop), noise)
    return {
        "exposure": tones.exposure_of(tones.without_backdrop(soft, backdrop)),
        "highlights": tones.percentile(soft, 99),
        "clipped_highlights": highlights,
        "clipped_shadows": shadows,
        "contrast": tones.contrast_of(soft),
        "color_cast": tones.cast_of(light),
        "saturation": tones.saturation_of(views, light),
        "colourfulness": tones.colourfulness_of(views),
    }


def _share_above(value: float, start: float) -> float:
    return float(np.clip((value - start) / (1 - start), 0, 1))


def _detail_metrics(views: Views, facts: MediaFacts, noise: float) -> dict[str, float]:
    blockiness = detail.blockiness_of(views, views.gray.shape[1] / max(1, facts.width))
    known, looks = zip(*_QUALITY_BY_BLOCKINESS, strict=True)
    appearance = float(np.interp(blockiness, known, looks))
    return {
        "sharpness": detail.sharpness_of(views, noise),
        "noise": noise,
        "blockiness": blockiness,
        "compression": min(appearance, float(facts.jpeg_quality or 100)),
    }


def _histogram(
    views: Views, luma: tones.Shares, background: subject.Background, light: dict[str, NDArray[np.float64]]
) -> dict[str, float]:
    facts = {f"luma_p{percent:02d}": tones.percentile(luma, percent) for percent in tones.PERCENTILES}
    facts["luma_mean"] = tones.mean(luma)
    for index, name in enumerate(tones.CHANNELS):
        channel = tones.shares_of(views.pixels[::2], index)
        facts[f"{name}_mean"] = tones.mean(channel)
        facts |= {f"{name}_p{percent:02d}": tones.percentile(channel, percent) for percent in (1, 50, 99)}
        facts |= {f"{estimate}_{name}": float(value[index]) for estimate, value in light.items()}
    facts["border_luma"] = background.luma
    facts["border_white"] = background.white
    facts["border_spread"] = background.spread
    return {name: round(value, 4) for name, value in facts.items()}
