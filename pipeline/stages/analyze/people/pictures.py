"""The people in one picture."""

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Person
from pipeline.errors import InvalidRequest
from pipeline.ports import Models
from pipeline.stages.analyze.people.looks import Opinions, is_good, opinion_of
from pipeline.stages.analyze.people.needs import missing, require
from pipeline.stages.analyze.people.portraits import Portrait, portraits
from pipeline.stages.analyze.people.prominence import attention, shares
from pipeline.stages.analyze.people.thumbnails import face_thumbnail
from pipeline.stages.analyze.people.turning import upright

_PROFILE_TURN, _PROFILE_SCORE = 9.0, 0.85
"""A side view gives no vector to go by, so the detector alone must be sure. On the given material one face passes by
this and nothing else does: things that it takes for faces, it takes for frontal ones."""
_LEAST_SIDE = 32.0
"""Pixels across a face below which its vector is no longer its own: at 24 the cosine with the full size is .28 to .70,
at 40 it is .72 to .89."""
MOST_FACES = 200
"""Of a picture, the largest: a school's photograph has as many, and each takes 7 ms."""


def people_in_picture(pixels: NDArray[np.uint8], models: Models) -> tuple[Person, ...]:
    """Each face of an upright sRGB picture (H, W, 3) as a person, the most prominent first, ids from 0.

    Two faces of one person stay two. Somebody seen in profile only has no embedding, age or gender. Raises
    `CapabilityUnavailable` where a model is missing.
    """
    require(models)
    height, width = pixels.shape[:2]
    found = [portrait for portrait in _portraits(pixels, models) if portrait.is_clear or _is_profile(portrait)]
    prominence = shares([attention(portrait.face, width, height) for portrait in found])
    ranked = sorted(zip(prominence, found, strict=True), key=lambda pair: -pair[0])
    with_attributes = "age_and_gender" not in missing(models)
    return tuple(
        _person(number, portrait, share, pixels, models if with_attributes else None)
        for number, (share, portrait) in enumerate(ranked)
    )


def embedding_of_picture(pixels: NDArray[np.uint8], models: Models) -> tuple[float, ...]:
    """The 128 numbers, of length 1, of the one person in the picture.

    Raises `InvalidRequest` where there is no face to recognise or there are several, and `CapabilityUnavailable`.
    """
    require(models)
    found = [portrait for portrait in _portraits(pixels, models) if portrait.is_clear]
    if not found:
        raise _unfit("No face can be recognised in the picture: send one that shows the person's face from the front.")
    if len(found) > 1:
        raise _unfit(f"There are {len(found)} faces in the picture: send one that shows only the person to be known.")
    side = found[0].face.width
    if side < _LEAST_SIDE:
        raise _unfit(f"The face is {side:.0f} pixels wide: send a picture where it has {_LEAST_SIDE:.0f} or more.")
    return _numbers(found[0])


def _portraits(pixels: NDArray[np.uint8], models: Models) -> list[Portrait]:
    return [upright(pixels, portrait, models) for portrait in portraits(pixels, models, most=MOST_FACES)]


def _person(
    number: int, portrait: Portrait, share: float, pixels: NDArray[np.uint8], attributes: Models | None
) -> Person:
    opinions = Opinions()
    if attributes is not None and is_good(portrait):
        opinions.add(opinion_of(portrait, attributes))
    return Person(
        id=number,
        gender=opinions.gender,
        age=opinions.age,
        embedding=_numbers(portrait) if portrait.is_clear else (),
        thumbnail=face_thumbnail(pixels, portrait.face),
        relative_prominence=share,
    )


def _is_profile(portrait: Portrait) -> bool:
    return portrait.turn >= _PROFILE_TURN and portrait.face.score >= _PROFILE_SCORE


def _numbers(portrait: Portrait) -> tuple[float, ...]:
    return tuple(float(number) for number in portrait.embedding)


def _unfit(message: str) -> InvalidRequest:
    return InvalidRequest({"picture": [message]})
