"""Made-up pictures, scenes and models for the tests of the enhancement steps."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.media import Box, Findings, MediaFacts
from pipeline.media.image import Picture
from pipeline.stages.enhance.frame import Frame, Scene
from tests.fakes import NoModels

Pixels = NDArray[np.uint8]
TONES = np.arange(256)


class Brightening(NoModels):
    """Models that are there: low light doubles every tone, super-resolution repeats every pixel."""

    def unavailable(self, name: str) -> str | None:
        return None

    def run(self, name: str, batch: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        if name == "lowlight":
            return {"output": np.minimum(batch * 3, 1)}
        inside = batch[:, :, 7:-7, 7:-7]
        return {"output": inside.repeat(2, axis=2).repeat(2, axis=3)}


class Missing(NoModels):
    """Models that are not there, and must not be run."""

    def run(self, name: str, batch: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        raise AssertionError("an unavailable model was run")


def a_scene(
    *,
    models: Any = None,
    tilt: float = 0.0,
    confidence: float = 0.9,
    orientation: int = 1,
    **metrics: float,
) -> Scene:
    facts = MediaFacts("image/jpeg", 640, 480, 1, "", orientation=orientation)
    return Scene(facts, Findings(metrics, tilt, confidence, (), "0" * 16), models)


def a_photo(width: int = 320, height: int = 240, *, seed: int = 3) -> Pixels:
    """Smooth coloured clouds over the whole range of tones: well exposed, neutral, without noise."""
    random = np.random.default_rng(seed)
    layers = [cv2.resize(random.random((6, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)]
    layers += [cv2.resize(random.random((6, 8)).astype(np.float32), (width, height)) for _ in range(3)]
    brightness = (layers[0] - layers[0].min()) / np.ptp(layers[0])
    colours = [brightness * 230 + 12 + 60 * (layer - layer.mean()) for layer in layers[1:]]
    return np.clip(np.stack(colours, axis=-1), 0, 255).astype(np.uint8)


def a_frame(pixels: Pixels, *, alpha: Pixels | None = None, subject: Box | None = None) -> Frame:
    return Frame(Picture(pixels, alpha), subject)


def is_left_alone(module: Any, pixels: Pixels, scene: Scene, **options: Any) -> bool:
    frame = a_frame(pixels)
    applied = module.apply(frame, scene, module.Options(**options))
    return not applied.changed and applied.frame.picture().pixels is pixels and applied.detail.startswith("Left alone")


def psnr(first: Pixels, second: Pixels) -> float:
    return float(cv2.PSNR(first, second))


def with_gains(pixels: Pixels, *gains: float) -> Pixels:
    return np.clip(pixels * np.array(gains), 0, 255).astype(np.uint8)
