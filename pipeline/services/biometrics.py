"""Face vectors and thumbnails, apart from all other findings: so that they can be forgotten alone, or never kept."""

import base64
from dataclasses import replace
from typing import Any

from pipeline.domain.analysis import ImageFindings, Person, VideoFindings
from pipeline.domain.jobs import JobKind
from pipeline.store.items import ItemRow
from pipeline.store.values import dump, load

DIGITS = 6
"""Of a vector's numbers: a float32 has 7, and two vectors of one face differ in the second."""


def findings_columns(found: ImageFindings | VideoFindings, *, keep: bool) -> dict[str, Any]:
    """The columns of an item: `findings` without anything biometric, and `biometrics`, empty where none are kept."""
    kept = [_kept(person) for person in found.people] if keep else []
    return {"findings": without_biometrics(found), "biometrics": kept}


def without_biometrics(found: ImageFindings | VideoFindings) -> dict[str, Any]:
    """The column `findings`: as JSON, without anything biometric."""
    findings: dict[str, Any] = dump(found)
    for person in findings["people"]:
        person |= {"embedding": [], "thumbnail": ""}
    return findings


def found_in(row: ItemRow) -> ImageFindings | VideoFindings | None:
    """What an analysis found, with the vectors and thumbnails that are still kept; None for every other item."""
    kinds = {JobKind.IMAGE_ANALYSIS: ImageFindings, JobKind.VIDEO_ANALYSIS: VideoFindings}
    if row.findings is None or row.kind not in kinds:
        return None
    found: ImageFindings | VideoFindings = load(kinds[row.kind], row.findings)
    kept = {one["id"]: one for one in row.biometrics or ()}
    return replace(found, people=tuple(_with(person, kept.get(person.id)) for person in found.people))


def _kept(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "embedding": [round(value, DIGITS) for value in person.embedding],
        "thumbnail": base64.b64encode(person.thumbnail).decode(),
    }


def _with(person: Person, kept: dict[str, Any] | None) -> Person:
    if kept is None:
        return person
    return replace(person, embedding=tuple(kept["embedding"]), thumbnail=base64.b64decode(kept["thumbnail"]))
