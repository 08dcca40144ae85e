"""Neural image assessment: what two small networks think of a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ports import Models

NAMES = ("nima_technical", "nima_aesthetic")
_SIDE = 224
_OPINIONS = np.arange(1, 11, dtype=np.float64)
_NO_MODELS = "no models are configured: set DARKROOM_MODELS to a folder that holds them"


def opinions(pixels: NDArray[np.uint8], models: Models | None) -> tuple[dict[str, float], dict[str, str]]:
    """Mean opinion 1..10 per network that is there, and for each that is not the reason in the models' own words."""
    scores: dict[str, float] = {}
    unavailable: dict[str, str] = {}
    batch: NDArray[np.float32] | None = None
    for name in NAMES:
        reason = _NO_MODELS if models is None else models.unavailable(name)
        if models is None or reason is not None:
            unavailable[name] = reason or _NO_MODELS
            continue
        batch = _batch(pixels) if batch is None else batch
        scores[name] = float(models.run(name, batch)["probs"][0].astype(np.float64) @ _OPINIONS)
    return scores, unavailable


def _batch(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[1, 224, 224, 3], x / 127.5 - 1. Nearest neighbour, as in training: bilinear takes 0.8 off the mean opinion."""
    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
    return np.asarray(small[None].astype(np.float32) / 127.5 - 1.0, dtype=np.float32)
