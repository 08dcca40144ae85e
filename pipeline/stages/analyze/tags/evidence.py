"""What the models say of one picture, in words and calibrated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Detection, Label
from pipeline.ports import Models
from pipeline.stages.analyze.tags import calibration
from pipeline.stages.analyze.tags.calibration import calibrated
from pipeline.stages.analyze.tags.flags import flagged
from pipeline.stages.analyze.vocabulary import classifier, detector, moderation

cv2.setNumThreads(1)

TAGS, OBJECTS, MODERATION = "image_tags", "objects", "nudity"
"""The tasks of the catalog whose models are asked."""
FASTER = {"objects": "objects_fast"}
"""Which of ours does for the frames of a video what another does for pictures. An operator's own does both."""
BLANK_SPREAD = 4.0
"""Standard deviation of luma, of 255: a black or plain picture shows nothing, yet the classifier sees a spotlight in
it (0.43 in black). Compressed plain frames stay below 2, the faintest photograph at hand (a microscope's) has 5."""
PERSON_SCORE = 0.4
"""A detection that counts as a person (the detectors' notes)."""
COUNTED = ((1, "person"), (2, "people"), (5, "group of people"), (10, "crowd"))
"""How many make what."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`words` and `flags` map to probabilities; `persons` are what the detector is sure enough of, largest first."""

    words: dict[str, float] = field(default_factory=dict)
    flags: dict[str, float] = field(default_factory=dict)
    persons: tuple[Detection, ...] = ()


def missing(models: Models, *, video: bool = False) -> dict[str, str]:
    """Why tags will say less, by model: the reason and the command that mends it. Empty where all models are there."""
    reasons = {name: models.unavailable(name) for _, name in _asked(models, video=video)}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def is_blind(models: Models, *, video: bool = False) -> bool:
    """No model that tags are made of is there: no tag then means nothing."""
    return all(models.unavailable(name) is not None for _, name in _asked(models, video=video))


def evidence_of(
    pixels: NDArray[np.uint8], models: Models, *, video: bool = False, faces: int | None = None
) -> Evidence:
    """What the available models see; a model that is missing says nothing. Nothing is seen in a plain picture."""
    if float(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).std()) < BLANK_SPREAD:
        return Evidence()
    found: dict[str, float] = {}
    persons: list[Detection] = []
    scores: dict[str, float] = {}
    for task, name in _asked(models, video=video):
        if models.unavailable(name) is not None:
            continue
        if task == TAGS:
            _raise_to(found, _calibrated(classifier().sums(models.classify(name, pixels)), name))
        elif task == MODERATION:
            scores |= {label.name: label.probability for label in models.classify(name, pixels)}
        else:
            seen = models.detect(name, pixels)
            persons += [one for one in seen if detector().word(one.label) == "person"]
            labels = (Label(one.label, one.probability) for one in seen)
            _raise_to(found, _calibrated(detector().highest(labels), name))
            _raise_to(found, _counted([one.probability for one in persons], faces, name))
    if not persons:
        _raise_to(found, _counted([], faces, ""))
    sure = sorted((one for one in persons if one.probability >= PERSON_SCORE), key=_area, reverse=True)
    flags = flagged(moderation().of(scores), person=bool(sure or faces))
    return Evidence(found, flags, tuple(sure))


def _asked(models: Models, *, video: bool) -> list[tuple[str, str]]:
    served = [(task, name) for task in (TAGS, OBJECTS, MODERATION) for name in models.serving(task) or (task,)]
    return [(task, FASTER.get(name, name) if video else name) for task, name in served]


def _calibrated(scores: Mapping[str, float], name: str) -> dict[str, float]:
    curve = calibration.CURVES.get(name, calibration.AS_IT_IS)
    return {word: calibrated(score, curve) for word, score in scores.items()}


def _counted(scores: Sequence[float], faces: int | None, name: str) -> dict[str, float]:
    """That there are at least so many people: the detector is as sure of ten as of its tenth, the faces add to it."""
    curve = calibration.CURVES.get(name, calibration.AS_IT_IS)
    ranked = sorted(scores, reverse=True)
    found: dict[str, float] = {}
    for count, word in COUNTED:
        bodies = calibrated(ranked[count - 1], curve) if len(ranked) >= count else 0.0
        by_face = calibration.FACE if (faces or 0) >= count else 0.0
        if bodies or by_face:
            found[word] = calibration.either(bodies, by_face)
    return found


def _raise_to(found: dict[str, float], other: Mapping[str, float]) -> None:
    # The highest and not the sum: the models learned from much the same pictures and err together.
    for word, probability in other.items():
        found[word] = max(found.get(word, 0.0), probability)


def _area(one: Detection) -> float:
    return one.box.width * one.box.height
