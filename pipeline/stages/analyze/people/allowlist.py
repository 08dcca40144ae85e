"""Whether people are on an account's list of known faces."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.domain.analysis import Person
from pipeline.stages.analyze.people.portraits import SAME_PERSON, unit


@dataclass(frozen=True, slots=True)
class KnownFace:
    """Somebody on the list; one person may have several. `embedding` has 128 numbers, of any length."""

    name: str
    embedding: tuple[float, ...]


def allowlisted(people: Sequence[Person], known: Sequence[KnownFace]) -> tuple[Person, ...]:
    """The people, each marked whether a face on the list is the same person's.

    Nobody is marked where the list is empty, nor is who has no embedding: that nobody knows.
    """
    if not known:
        return tuple(people)
    listed = np.stack([unit(np.asarray(face.embedding, dtype=np.float32)) for face in known])
    return tuple(
        replace(person, allowlisted=bool((listed @ np.asarray(person.embedding)).max() >= SAME_PERSON))
        if person.embedding
        else person
        for person in people
    )
