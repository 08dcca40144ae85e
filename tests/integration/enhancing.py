"""Photographs, workflows and the whole way from bytes to an enhanced picture, for the tests of enhance."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
import skimage
from numpy.typing import NDArray
from PIL import Image

from pipeline.domain.media import Findings, MediaFacts, MediaLimits
from pipeline.domain.workflows import Guidelines, OutputSpec, Rule, StepChoice, Workflow
from pipeline.ports import Models
from pipeline.stages.analyze import analyze
from pipeline.stages.enhance import Enhanced, enhance
from pipeline.stages.validate import decode_original, decode_proxy, validate

Pixels = NDArray[np.uint8]
LIMITS = MediaLimits()
AUTO = (
    "orient",
    "low_light",
    "white_balance",
    "exposure",
    "contrast",
    "saturation",
    "denoise",
    "straighten",
    "sharpen",
)
PHOTOGRAPHS = (
    "astronaut.png",
    "coffee.png",
    "chelsea.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
)
COMPANIONS = (
    "coral_cat_1080p.jpg",
    "immich_book-beside-flowers.jpg",
    "immich_craft-beer.jpg",
    "immich_japanese-shop.jpg",
    "immich_portrait.jpg",
    "monstree_IMG_1025.JPG",
    "sceaux_100_7100.JPG",
)
FORMATS = ("jpeg", "png", "tiff", "webp", "avif")


def a_workflow(*steps: str | StepChoice, outputs: tuple[OutputSpec, ...] = (), **parts: Any) -> Workflow:
    choices = tuple(StepChoice(step) if isinstance(step, str) else step for step in steps)
    return Workflow("test", "Test", 1, "", choices, outputs or (OutputSpec("full", format="png"),), **parts)


WORKFLOWS = {
    "auto": a_workflow(*AUTO),
    "product": a_workflow(*AUTO, StepChoice("white_background", {"aspect": "1:1"})),
    "crop": a_workflow(*AUTO, StepChoice("crop", {"aspect": "1:1"})),
    "everything": a_workflow(
        *AUTO,
        StepChoice("crop", {"aspect": "4:3"}),
        StepChoice("resize", {"max_side": 400}),
        StepChoice("watermark", {"text": "© Ada"}),
        guidelines=Guidelines(rules=(Rule("shape", "aspect_ratio", 1.3, 1.36, required=True),)),
    ),
}


def of_scikit_image(name: str) -> bytes:
    return (Path(skimage.__file__).parent / "data" / name).read_bytes()


def of_the_companion(shared: Path, name: str, side: int = 1200) -> bytes:
    """A companion photograph at reduced size: the steps do the same, in a tenth of the time."""
    picture = decode_original((shared / "media/photos" / name).read_bytes(), LIMITS)
    scale = min(1, side / max(picture.width, picture.height))
    return a_jpeg(
        np.asarray(cv2.resize(picture.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    )


def a_jpeg(pixels: Pixels) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=95, colorsubsampling="444"))


def a_png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def analyzed(data: bytes, models: Models | None = None) -> tuple[MediaFacts, Findings]:
    validated = validate(data, LIMITS, sha256="0" * 64)
    return validated.facts, analyze(decode_proxy(validated.proxy), validated.facts, models)


def enhanced(data: bytes, workflow: Workflow, models: Models | None = None) -> Enhanced:
    facts, findings = analyzed(data, models)
    return enhance(data, facts, findings, workflow, limits=LIMITS, models=models)


def pixels_of(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def delivered(result: Enhanced) -> Pixels:
    return pixels_of(result.renditions[0].data)


def changed(result: Enhanced) -> list[str]:
    return [step.name for step in result.steps if step.changed]
