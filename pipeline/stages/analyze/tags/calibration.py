"""From a model's score to how often such a score is right.

How the curves were made: on 82 different pictures (the given photographs and signs, scikit-image's, a dozen of the
corpus, one frame per shot of the given videos) every word above 0.1 or 0.2 was judged right or wrong by eye: 316 of
the classifier, 426 of the detector, 163 of the fast one. The curve goes through the share of right words per band of
score. The material is small and hard (bark, microscope pictures, drawings, a third without any object the models
know), and one band holds 9 to 190 words: read a probability as good to about 0.15, and rather too low than too high.
The upper ends stay below what was seen there (1.00 of 9 to 13), because the models' notes know mistakes at such scores.
"""

from collections.abc import Mapping

import numpy as np

Curve = tuple[tuple[float, float], ...]

CLASSIFIER: Curve = (
    (0.0, 0.0),
    (0.15, 0.1),
    (0.3, 0.22),
    (0.45, 0.36),
    (0.55, 0.42),
    (0.65, 0.6),
    (0.75, 0.8),
    (0.85, 0.92),
    (1.0, 0.97),
)
"""Softmax of MobileNet V2, summed per word. Right: .11 .20 .25 .43 .35 .61 .80 1.00 .97 per tenth from 0.1 on."""

OBJECTS: Curve = (
    (0.0, 0.0),
    (0.24, 0.06),
    (0.34, 0.15),
    (0.45, 0.37),
    (0.55, 0.42),
    (0.64, 0.6),
    (0.76, 0.86),
    (0.85, 0.95),
    (1.0, 0.97),
)
"""NanoDet-Plus. Right: .06 .13 .51 .30 .59 .88 1.00 per tenth from 0.2 on (.51 and .30 make one step of .45)."""

FAST_OBJECTS: Curve = (
    (0.0, 0.0),
    (0.25, 0.17),
    (0.4, 0.28),
    (0.54, 0.42),
    (0.64, 0.66),
    (0.74, 0.84),
    (0.86, 0.91),
    (1.0, 0.97),
)
"""YOLOX-Nano. Right: .17 .38 .16 .44 .67 .88 .91 1.00 per tenth from 0.2 on."""

FACE = 0.6
"""A face that YuNet is 0.7 sure of belongs to a living person: 8 of 12 here, all 8 with a body that the detector sees
too; the four without are drawings, a hare and a shop front. So a face alone is little, and adds much to a body."""

FLAG_ALONE: Curve = ((0.0, 0.0), (0.6, 0.13), (0.78, 0.23), (0.93, 0.7), (1.0, 0.75))
"""Nudity without a person in sight. Bayes: 14, 7 and 6 of 1000 harmless pictures score in .5-.7, .7-.85 and above (its
notes), of explicit ones assumed 10, 10 and 70 % (recall was never measured), and 2 % of pictures assumed explicit."""

FLAG_WITH_PERSON: Curve = ((0.0, 0.0), (0.6, 0.22), (0.78, 0.37), (0.93, 0.82), (1.0, 0.85))
"""The same with a person in sight: half of the harmless pictures among them show none."""

CURVES: Mapping[str, Curve] = {"image_tags": CLASSIFIER, "objects": OBJECTS, "objects_fast": FAST_OBJECTS}
AS_IT_IS: Curve = ((0.0, 0.0), (1.0, 1.0))
"""For an operator's own model, of which nothing is known but what it says."""


def calibrated(score: float, curve: Curve) -> float:
    """The probability, 0..1, that a word with this score is right; never falls where the score rises."""
    known, right = zip(*curve, strict=True)
    return float(np.interp(score, known, right))


def either(first: float, second: float) -> float:
    """The probability that one of two is right when they err apart from one another."""
    return 1.0 - (1.0 - first) * (1.0 - second)
