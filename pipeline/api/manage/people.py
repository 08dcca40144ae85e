"""/manage/v1/people and /manage/v1/analysis: whom an account knows, and by which rules its pictures are analyzed."""

import base64
import binascii
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StringConstraints

from pipeline.access.bodies import described_body, json_body
from pipeline.access.credentials import TheLedger
from pipeline.access.rates import Reader
from pipeline.dialects.enhancement import Strict
from pipeline.errors import InvalidRequest
from pipeline.services import people
from pipeline.services.accounts import AnalysisRules, analysis_rules, change_analysis_rules

Vector = Annotated[list[float], Field(min_length=people.VECTOR, max_length=people.VECTOR)]
Picture = Annotated[str, StringConstraints(max_length=8 * 1024 * 1024)]

router = APIRouter(prefix="/manage/v1", tags=["manage"])


class NewPerson(Strict):
    """Somebody for the allow-list: by pictures that show nobody else, by face vectors, or both."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=people.MAX_NAME)]
    pictures: Annotated[list[Picture], Field(max_length=people.MAX_FACES, default_factory=list)]
    """Base64, each a JPEG, PNG or TIFF with one face; only its vector is kept."""
    embeddings: Annotated[list[Vector], Field(max_length=people.MAX_FACES, default_factory=list)]


class PeopleList(BaseModel):
    data: list[people.KnownPerson]


class RulesChange(Strict):
    """What is left out stays as it is."""

    critical_tags: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] | None, Field(max_length=1000)
    ] = None
    keeps_biometrics: bool | None = None


@router.get("/people")
def list_people(caller: Reader, ledger: TheLedger) -> PeopleList:
    """The account's allow-list, by name. Vectors are never shown."""
    return PeopleList(data=people.list_people(ledger, caller.account_id))


@router.post("/people", status_code=201, openapi_extra=described_body(NewPerson))
def add_person(
    request: Request,
    caller: Reader,
    ledger: TheLedger,
    wanted: Annotated[NewPerson, Depends(json_body(NewPerson))],
) -> people.KnownPerson:
    """Put somebody on the allow-list: analyses from now on say `allowlisted`."""
    pictures = [_decoded(index, picture) for index, picture in enumerate(wanted.pictures)]
    vectors = people.vectors_of(pictures, request.app.state.models(), ledger.options.limits) if pictures else []
    return people.add_person(ledger, caller.account_id, wanted.name, [*vectors, *wanted.embeddings])


@router.delete("/people/{person_id}", status_code=204)
def delete_person(person_id: UUID, caller: Reader, ledger: TheLedger) -> None:
    """Take somebody off the allow-list: the vectors are gone when this answers."""
    people.delete_person(ledger, caller.account_id, person_id)


@router.get("/analysis")
def show_rules(caller: Reader, ledger: TheLedger) -> AnalysisRules:
    """By which rules the account's pictures and videos are analyzed."""
    return analysis_rules(ledger, caller.account_id)


@router.put("/analysis", openapi_extra=described_body(RulesChange))
def change_rules(
    caller: Reader, ledger: TheLedger, wanted: Annotated[RulesChange, Depends(json_body(RulesChange))]
) -> AnalysisRules:
    """Change them: for jobs that are accepted from now on."""
    return change_analysis_rules(
        ledger, caller.account_id, critical_tags=wanted.critical_tags, keeps_biometrics=wanted.keeps_biometrics
    )


def _decoded(index: int, picture: str) -> bytes:
    try:
        return base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest({f"pictures.{index}": ["The picture is not valid base64."]}) from error
