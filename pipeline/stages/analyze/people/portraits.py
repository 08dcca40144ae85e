"""Faces made comparable: turned upright, all of one size, and as 128 numbers that tell people apart (MobileFaceNet)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ports import Models
from pipeline.stages.analyze.people.faces import Face, find_faces
from pipeline.stages.analyze.people.needs import EMBEDDING

SAME_PERSON = 0.38
"""Cosine from which two faces are one person's, by the models' notes: of 700 pairs of different people none had more
than .338, of 80 pairs of one person's the least had .32, the mean .63."""

CLEAR, BEYOND_DOUBT = 11.0, 13.0
"""Strength (see `Portrait.strength`) from which a detection is a face, and from which one sighting is enough. On the
given material no thing, animal or statue has more than 10.7 (a cartoon rabbit). Faces of 40 pixels and more that look
at us have 11.3 to 22; a man half turned away has 9.8 to 13.1, and is missed in the frames where he has least."""

_SIDE = 112
_TEMPLATE = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)
"""Where ArcFace's training pictures have eyes, nose and corners of the mouth (insightface), x + iy."""
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_STRENGTH_PER_SCORE, _USUAL_SCORE = 40.0, 0.9
_ENOUGH = 1e-6


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face with what tells whose it is.

    `crop` is (112, 112, 3), aligned. `vector` has 128 numbers as the model gives them: its direction is whose face it
    is, its length how much of a face the model saw. `turn` is how far, in the crop's pixels, the face's points are
    from where they are in a frontal view: 2 to 4 frontal, 7 half turned, 10 and more in profile.
    """

    face: Face
    crop: NDArray[np.uint8]
    vector: NDArray[np.float32]
    turn: float

    @property
    def embedding(self) -> NDArray[np.float32]:
        """The direction alone: length 1."""
        return unit(self.vector)

    @property
    def strength(self) -> float:
        """How much of a face this is, by both models: the vector's length, and the detector's score.

        Lengths of recognition vectors are a known measure of quality (MagFace, Meng et al. 2021). What is no face has
        short ones: 7 to 12 here against 11 to 20. A tenth of the detector's score weighs as much as 4 of length:
        that parts the two best here, see `CLEAR`.
        """
        return float(np.linalg.norm(self.vector)) + _STRENGTH_PER_SCORE * (self.face.score - _USUAL_SCORE)

    @property
    def is_clear(self) -> bool:
        return self.strength >= CLEAR


def portraits(pixels: NDArray[np.uint8], models: Models, *, most: int) -> tuple[Portrait, ...]:
    """The detected faces of the picture (H, W, 3), clear or not, at `most` so many, the largest; the surest first."""
    faces = find_faces(pixels, models)
    if len(faces) > most:
        least = sorted((face.area for face in faces), reverse=True)[most - 1]
        faces = tuple(face for face in faces if face.area >= least)[:most]
    return tuple(portrait_of(pixels, face, models) for face in faces)


def unit(vector: NDArray[np.floating]) -> NDArray[np.float32]:
    """The vector with length 1; a vector of nothing stays one."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), _ENOUGH), dtype=np.float32)


def portrait_of(pixels: NDArray[np.uint8], face: Face, models: Models) -> Portrait:
    """The face, aligned by its points, and its vector."""
    crop, turn = aligned(pixels, face.points)
    # With its mirror image, as the published accuracy was measured.
    both = _vector(crop, models) + _vector(crop[:, ::-1], models)
    return Portrait(face, crop, np.asarray(both / 2, dtype=np.float32), turn)


def aligned(pixels: NDArray[np.uint8], points: NDArray[np.float64]) -> tuple[NDArray[np.uint8], float]:
    """The face turned, scaled and moved so that its points lie on ArcFace's template, and how far they then are off.

    Least squares over rotation, one scale and a shift; as complex numbers that is one division, and never a mirror.
    """
    source = points[:, 0] + 1j * points[:, 1]
    centered, wanted = source - source.mean(), _TEMPLATE - _TEMPLATE.mean()
    factor = np.vdot(centered, wanted) / max(float(np.vdot(centered, centered).real), _ENOUGH)
    turn = float(np.abs(factor * centered - wanted).mean())
    if abs(factor) < 0.5:  # bilinear warping skips pixels where it shrinks by more than two
        shrink = 2 * abs(factor)
        pixels = np.asarray(
            cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
        factor, source = factor / shrink, source * shrink
    shift = _TEMPLATE.mean() - factor * source.mean()
    matrix = np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])
    return np.asarray(cv2.warpAffine(pixels, matrix, (_SIDE, _SIDE)), dtype=np.uint8), turn


def _vector(crop: NDArray[np.uint8], models: Models) -> NDArray[np.float32]:
    batch = ((crop.astype(np.float32) / 255 - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None]
    return np.asarray(models.run(EMBEDDING, np.ascontiguousarray(batch))["output0"][0], dtype=np.float32)
