"""What a good look at a face is, and what it says about age and gender (face-api's AgeGenderNet)."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.domain.analysis import Gender
from pipeline.ports import Models
from pipeline.stages.analyze.people.needs import ATTRIBUTES
from pipeline.stages.analyze.people.portraits import Portrait

SURE_OF_GENDER = 0.8
"""Mean probability below which a gender is unidentified. By its publisher the model is right in 95 of 100. Of 65 looks
at six people of the given material, blurred, darkened and made smaller, 2 were wrong at .5 and none at .8, which names
52 of them. It protects from doubt, not from error: Marie Curie's portrait is called male at .98 in all of 12 looks."""

_GOOD_SIDE, _GOOD_SHARPNESS, _GOOD_TURN = 44.0, 0.005, 6.0
"""A good look is 44 pixels wide (of the same faces at 40 and less, the age moves by up to 10 years), not blurred by
more than about 3 % of its width, and turned by less than a half profile."""
_FULL_SIDE, _FULL_SHARPNESS, _WORST_TURN = 112.0, 0.03, 16.0


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the model thinks of one look: years, and the probability 0..1 that it is a man's."""

    age: float
    male: float


@dataclass(slots=True)
class Opinions:
    """The opinions of a person's good looks, as sums."""

    count: int = 0
    ages: float = 0.0
    male: float = 0.0

    def add(self, opinion: Opinion) -> None:
        self.absorb(Opinions(1, opinion.age, opinion.male))

    def absorb(self, other: "Opinions") -> None:
        self.count += other.count
        self.ages += other.ages
        self.male += other.male

    @property
    def age(self) -> float | None:
        """Years, the mean over the good looks, to a tenth; None where there was none."""
        return round(self.ages / self.count, 1) if self.count else None

    @property
    def gender(self) -> Gender:
        """The gender that the mean over the good looks is at least `SURE_OF_GENDER` of, else unidentified."""
        male = self.male / self.count if self.count else 0.5
        if max(male, 1 - male) < SURE_OF_GENDER:
            return Gender.UNIDENTIFIED
        return Gender.MALE if male > 0.5 else Gender.FEMALE


def is_good(portrait: Portrait) -> bool:
    """Whether age and gender may be asked of it: clear, large, sharp and turned to us enough."""
    return (
        portrait.is_clear
        and portrait.face.width >= _GOOD_SIDE
        and portrait.turn <= _GOOD_TURN
        and sharpness(portrait) >= _GOOD_SHARPNESS
    )


def quality(portrait: Portrait) -> float:
    """0..1: how good a picture of the person this is, by size, sharpness, frontality and the detector's score."""
    size = min(1.0, portrait.face.width / _FULL_SIDE)
    sharp = min(1.0, sharpness(portrait) / _FULL_SHARPNESS)
    frontal = max(0.0, 1 - portrait.turn / _WORST_TURN)
    return float(size * np.sqrt(sharp) * frontal * min(1.0, portrait.face.score))


def sharpness(portrait: Portrait) -> float:
    """Variance of the Laplacian over the variance of the crop's brightness: of its contrast, how much is detail."""
    gray = np.asarray(cv2.cvtColor(portrait.crop, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    return float(cv2.Laplacian(gray, cv2.CV_32F).var() / max(1.0, float(gray.var())))


def opinion_of(portrait: Portrait, models: Models) -> Opinion:
    """The mean over the aligned crop and its mirror image: they differ by up to 5 years."""
    views = np.stack([portrait.crop, portrait.crop[:, ::-1]])
    outputs = models.run(ATTRIBUTES, np.ascontiguousarray(views.transpose(0, 3, 1, 2), dtype=np.float32))
    return Opinion(float(outputs["age"].mean()), float(outputs["gender"][:, 0].mean()))
