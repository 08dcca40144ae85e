"""The people an account knows: its allow-list. Deleting somebody removes the vectors."""

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pipeline.domain.media import MediaLimits
from pipeline.errors import CapabilityUnavailable, Conflict, InvalidRequest, MediaError, NotFound, TransientError
from pipeline.ports import Models
from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.accounts import lock_account
from pipeline.store.people import (
    KnownFaceRow,
    KnownPersonRow,
    faces_of,
    people_count,
    people_of,
    person_named,
    person_of,
)

VECTOR = 128
MAX_PEOPLE = 1000
MAX_FACES = 20
"""Pictures of one person: more make the list slower and no better."""
MAX_NAME = 200
_NO_MODELS = "Faces cannot be read: run `darkroom models pull face_detection face_embedding`."
MAX_PIXELS = 24_000_000
"""Of a picture that is decoded while its sender waits, in the API's process: 24 megapixels take 150 MB and 0.2 s."""
PICTURE_WAIT_S = 10.0
_ONE_PICTURE = threading.Lock()


@dataclass(frozen=True, slots=True)
class KnownPerson:
    id: UUID
    name: str
    faces: int
    created_at: datetime


def list_people(ledger: Ledger, account_id: UUID) -> list[KnownPerson]:
    """By name; vectors are never shown."""
    with ledger.database.session() as session:
        return [_view(row, faces) for row, faces in people_of(session, account_id)]


def add_person(ledger: Ledger, account_id: UUID, name: str, embeddings: Sequence[Sequence[float]]) -> KnownPerson:
    """The person is on the list with these vectors, made to length 1."""
    _require(name, embeddings)
    with ledger.database.session() as session:
        lock_account(session, account_id)
        if person_named(session, account_id, name) is not None:
            raise Conflict(f"There is a person named {name!r} already: delete it first, or use another name.")
        if people_count(session, account_id) >= MAX_PEOPLE:
            raise InvalidRequest({"name": [f"An account knows at most {MAX_PEOPLE} people."]})
        row = KnownPersonRow(account_id=account_id, name=name)
        session.add(row)
        session.flush()
        session.add_all(KnownFaceRow(person_id=row.id, embedding=_unit(vector)) for vector in embeddings)
        session.refresh(row)
        return _view(row, len(embeddings))


def vectors_of(pictures: Sequence[bytes], models: Models | None, limits: MediaLimits) -> list[tuple[float, ...]]:
    """The face vector of each picture; raises `InvalidRequest` by picture where it shows not exactly one face.

    Raises `CapabilityUnavailable` without the models. One at a time in a process: a picture may be large.
    """
    from pipeline.stages.analyze.people import embedding_of_picture
    from pipeline.stages.validate import decode_original

    if models is None:
        raise CapabilityUnavailable(_NO_MODELS)
    small = replace(limits, max_pixels=min(limits.max_pixels, MAX_PIXELS))
    vectors, wrong = [], {}
    for index, data in enumerate(pictures):
        try:
            with _turn():
                vectors.append(embedding_of_picture(decode_original(data, small).flattened(), models))
        except (MediaError, InvalidRequest) as error:
            wrong[f"pictures.{index}"] = [error.message]
        except CapabilityUnavailable as error:  # whose words name folders, which are no customer's business
            raise CapabilityUnavailable(_NO_MODELS) from error
    if wrong:
        raise InvalidRequest(wrong)
    return vectors


@contextmanager
def _turn() -> Iterator[None]:
    """One picture at a time in a process; raises `TransientError` rather than let calls pile up behind one another."""
    if not _ONE_PICTURE.acquire(timeout=PICTURE_WAIT_S):
        raise TransientError("Other pictures are being read: try again.")
    try:
        yield
    finally:
        _ONE_PICTURE.release()


def delete_person(ledger: Ledger, account_id: UUID, person_id: UUID) -> None:
    """Nothing of the person is left. Jobs that have ended keep what they said; the next ones do not know it."""
    with ledger.database.session() as session:
        row = person_of(session, account_id, person_id)
        if row is None:
            raise NotFound("There is no such person.")
        session.delete(row)


def known_faces(session: Session, account_id: UUID) -> list[tuple[str, tuple[float, ...]]]:
    """Name and vector of every face on the account's list."""
    return [(name, tuple(vector)) for name, vector in faces_of(session, account_id)]


def _require(name: str, embeddings: Sequence[Sequence[float]]) -> None:
    wrong: dict[str, list[str]] = {}
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        wrong["name"] = [f"A name has 1 to {MAX_NAME} printable characters, and no space at either end."]
    if not 0 < len(embeddings) <= MAX_FACES:
        wrong["faces"] = [f"Give 1 to {MAX_FACES} pictures or embeddings of one person."]
    for index, vector in enumerate(embeddings):
        if len(vector) != VECTOR or not all(math.isfinite(value) for value in vector) or not any(vector):
            wrong[f"embeddings.{index}"] = [f"An embedding has {VECTOR} numbers that are not all 0."]
    if wrong:
        raise InvalidRequest(wrong)


def _unit(vector: Sequence[float]) -> list[float]:
    largest = max(map(abs, vector))  # by which squares of very large and very small numbers stay in range
    length = math.hypot(*(value / largest for value in vector))
    return [value / largest / length for value in vector]


def _view(row: KnownPersonRow, faces: int) -> KnownPerson:
    return KnownPerson(row.id, row.name, faces, row.created_at)
