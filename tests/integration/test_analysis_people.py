"""The allow-list over HTTP: people by vectors or by real pictures, gone when deleted, and nobody else's business."""

import base64
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sqlalchemy import select, text

from pipeline.api.app import create_app
from pipeline.inference import OnnxModels
from pipeline.ports import ObjectStore
from pipeline.services.line import Ledger
from pipeline.services.people import MAX_FACES, MAX_PEOPLE, VECTOR
from pipeline.store.people import KnownFaceRow, KnownPersonRow
from pipeline.workflows import WorkflowCatalog
from tests.integration.api_server import Api, Customer, served

PEOPLE = "/manage/v1/people"
VECTOR_OF_3_AND_4 = [3.0, 4.0, *[0.0] * (VECTOR - 2)]


@pytest.fixture
def bert(api: Api) -> Customer:
    return api.customer("bert")


@pytest.fixture
def seeing(ledger: Ledger, folder_store: ObjectStore, shared: Path) -> Iterator[Api]:
    """An API that has the models for faces."""
    models = OnnxModels(shared / "models")
    with served(create_app(ledger, folder_store, WorkflowCatalog(None), lambda: models)) as (host, port):
        yield Api(host, port, ledger, folder_store)


def added(customer: Customer, name: str = "Ada", **parts: Any) -> Any:
    answer = customer.post(PEOPLE, {"name": name, **(parts or {"embeddings": [VECTOR_OF_3_AND_4]})})
    assert answer.status_code == 201, answer.text
    return answer.json()


def wrong(customer: Customer, **parts: Any) -> dict[str, list[str]]:
    """The fields that the refusal names."""
    answer = customer.post(PEOPLE, {"name": "Ada", **parts})
    assert answer.status_code == 422, answer.text
    fields: dict[str, list[str]] = answer.json()["errors"]
    return fields


def vectors(ledger: Ledger) -> list[list[float]]:
    with ledger.database.session() as session:
        return [row.embedding for row in session.scalars(select(KnownFaceRow).order_by(KnownFaceRow.id))]


def picture(pixels: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return base64.b64encode(buffer.getvalue()).decode()


class TestByVectors:
    def test_a_person_is_added_and_listed_without_vectors(self, anna: Customer, ledger: Ledger) -> None:
        ada = added(anna)
        assert ada.keys() == {"id", "name", "faces", "created_at"}
        assert (ada["name"], ada["faces"]) == ("Ada", 1)
        assert anna.get(PEOPLE).json() == {"data": [ada]}
        assert len(vectors(ledger)) == 1

    def test_vectors_are_kept_at_length_1(self, anna: Customer, ledger: Ledger) -> None:
        added(anna)
        assert vectors(ledger)[0][:3] == pytest.approx([0.6, 0.8, 0.0])

    @pytest.mark.parametrize("size", [1e308, 1e-200, 5e-324])
    def test_a_vector_of_any_size_has_a_direction(self, anna: Customer, ledger: Ledger, size: float) -> None:
        added(anna, embeddings=[[size] * VECTOR])
        assert math.hypot(*vectors(ledger)[0]) == pytest.approx(1.0)

    def test_people_are_listed_by_name_each_with_its_faces(self, anna: Customer) -> None:
        added(anna, "Carl", embeddings=[VECTOR_OF_3_AND_4] * 3)
        added(anna, "Ada")
        assert [(one["name"], one["faces"]) for one in anna.get(PEOPLE).json()["data"]] == [("Ada", 1), ("Carl", 3)]

    def test_a_name_is_taken_once(self, anna: Customer, ledger: Ledger) -> None:
        added(anna)
        again = anna.post(PEOPLE, {"name": "Ada", "embeddings": [VECTOR_OF_3_AND_4]})
        assert (again.status_code, again.json()["type"]) == (409, "urn:darkroom:problem:conflict")
        assert "'Ada'" in again.json()["detail"]
        assert len(vectors(ledger)) == 1

    def test_a_name_is_free_again_after_its_person_was_deleted(self, anna: Customer) -> None:
        anna.call("DELETE", f"{PEOPLE}/{added(anna)['id']}")
        assert added(anna)["name"] == "Ada"


class TestLimits:
    @pytest.mark.parametrize("name", ["", " Ada", "Ada\n", "A\u202eda", "x" * 201])
    def test_a_name_is_something_to_read(self, anna: Customer, name: str) -> None:
        assert list(wrong(anna, name=name, embeddings=[VECTOR_OF_3_AND_4])) == ["name"]

    @pytest.mark.parametrize("length", [0, VECTOR - 1, VECTOR + 1])
    def test_an_embedding_has_128_numbers(self, anna: Customer, length: int) -> None:
        (sentence,) = wrong(anna, embeddings=[VECTOR_OF_3_AND_4, [0.5] * length])["embeddings.1"]
        assert str(VECTOR) in sentence

    def test_an_embedding_of_nothing_is_refused(self, anna: Customer) -> None:
        assert list(wrong(anna, embeddings=[[0.0] * VECTOR])) == ["embeddings.0"]

    def test_numbers_that_are_none_are_refused(self, anna: Customer, ledger: Ledger) -> None:
        for number in ("NaN", "Infinity", "1e999", "null", '"none"'):
            body = f'{{"name": "Ada", "embeddings": [[{", ".join([number] * VECTOR)}]]}}'
            answer = anna.post(PEOPLE, data=body, headers={"content-type": "application/json"})
            assert answer.status_code == 422, f"{number}: {answer.text}"
        assert vectors(ledger) == []

    def test_a_person_has_at_least_one_face(self, anna: Customer) -> None:
        (sentence,) = wrong(anna)["faces"]
        assert f"1 to {MAX_FACES}" in sentence

    def test_a_person_has_at_most_so_many_faces(self, anna: Customer) -> None:
        assert added(anna, "Carl", embeddings=[VECTOR_OF_3_AND_4] * MAX_FACES)["faces"] == MAX_FACES
        (sentence,) = wrong(anna, embeddings=[VECTOR_OF_3_AND_4] * (MAX_FACES + 1))["embeddings"]
        assert str(MAX_FACES) in sentence

    def test_an_account_knows_so_many_people(self, anna: Customer, ledger: Ledger) -> None:
        ada = added(anna)
        with ledger.database.session() as session:
            account_id = session.scalars(select(KnownPersonRow.account_id)).one()
            session.add_all(KnownPersonRow(account_id=account_id, name=f"{n}") for n in range(MAX_PEOPLE - 1))
        (sentence,) = wrong(anna, name="Carl", embeddings=[VECTOR_OF_3_AND_4])["name"]
        assert str(MAX_PEOPLE) in sentence
        anna.call("DELETE", f"{PEOPLE}/{ada['id']}")
        added(anna, "Carl")

    def test_a_picture_that_is_no_base64_is_named(self, anna: Customer) -> None:
        assert list(wrong(anna, pictures=["data:image/jpeg;base64,AAAA"])) == ["pictures.0"]

    def test_without_the_models_a_picture_is_answered_with_the_command_that_brings_them(
        self, anna: Customer, ledger: Ledger
    ) -> None:
        answer = anna.post(PEOPLE, {"name": "Ada", "pictures": [picture(skimage.data.astronaut())]})
        assert answer.status_code == 503, answer.text
        assert "darkroom models pull face_detection" in answer.json()["detail"]
        assert vectors(ledger) == []

    def test_a_customer_is_not_told_where_the_models_should_lie(
        self, ledger: Ledger, folder_store: ObjectStore, tmp_path: Path
    ) -> None:
        models = OnnxModels(tmp_path / "no models")
        with served(create_app(ledger, folder_store, WorkflowCatalog(None), lambda: models)) as (host, port):
            carl = Api(host, port, ledger, folder_store).customer("carl")
            answer = carl.post(PEOPLE, {"name": "Ada", "pictures": [picture(skimage.data.astronaut())]})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:darkroom:problem:capability_unavailable")
        assert "no models" not in answer.text


class TestDeleting:
    def test_deleting_somebody_removes_the_vectors_from_the_database(self, anna: Customer, ledger: Ledger) -> None:
        ada = added(anna, embeddings=[VECTOR_OF_3_AND_4] * 2)
        added(anna, "Carl", embeddings=[[1.0, *[0.0] * (VECTOR - 1)]])
        answer = anna.call("DELETE", f"{PEOPLE}/{ada['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert [one["name"] for one in anna.get(PEOPLE).json()["data"]] == ["Carl"]
        assert [vector[0] for vector in vectors(ledger)] == [1.0]

    def test_who_was_deleted_cannot_be_deleted_again(self, anna: Customer) -> None:
        ada = added(anna)
        answers = [anna.call("DELETE", f"{PEOPLE}/{ada['id']}") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [204, 404]

    def test_another_account_sees_nobody_and_deletes_nobody(
        self, anna: Customer, bert: Customer, ledger: Ledger
    ) -> None:
        ada = added(anna)
        assert bert.get(PEOPLE).json() == {"data": []}
        strange = bert.call("DELETE", f"{PEOPLE}/{ada['id']}")
        unknown = bert.call("DELETE", f"{PEOPLE}/{uuid4()}")
        assert (strange.status_code, unknown.status_code) == (404, 404)
        assert strange.json()["detail"] == unknown.json()["detail"]
        assert len(vectors(ledger)) == 1
        assert added(bert)["name"] == "Ada"

    def test_nothing_is_told_to_who_has_no_token(self, api: Api, anna: Customer) -> None:
        added(anna)
        assert Customer(api.base, "wrong", "nobody").get(PEOPLE).status_code == 401


class TestByPictures:
    @pytest.fixture
    def carla(self, seeing: Api) -> Customer:
        return seeing.customer("carla")

    def test_a_picture_becomes_its_vector_and_nothing_else_is_kept(
        self, carla: Customer, ledger: Ledger, folder_store: ObjectStore
    ) -> None:
        face = picture(skimage.data.astronaut())
        answer = carla.post(PEOPLE, {"name": "Eileen", "pictures": [face], "embeddings": [VECTOR_OF_3_AND_4]})
        assert (answer.status_code, answer.json()["faces"]) == (201, 2)
        read, given = vectors(ledger)
        assert len(read) == VECTOR
        assert math.hypot(*read) == pytest.approx(1.0, abs=1e-5)
        assert given[:2] == pytest.approx([0.6, 0.8])
        assert [list(folder_store.list(f"{kind}/")) for kind in ("uploads", "work", "originals")] == [[], [], []]
        assert str(read[0]) not in carla.get(PEOPLE).text + answer.text

    def test_two_pictures_of_one_person_have_vectors_that_agree(self, carla: Customer, ledger: Ledger) -> None:
        pixels = skimage.data.astronaut()
        half = np.asarray(Image.fromarray(pixels).resize((300, 300)))
        added(carla, "Eileen", pictures=[picture(pixels), picture(half)])
        one, other = vectors(ledger)
        assert float(np.dot(one, other)) > 0.75

    def test_each_picture_that_shows_not_exactly_one_face_is_named(self, carla: Customer, ledger: Ledger) -> None:
        astronaut = skimage.data.astronaut()
        pictures = [
            picture(skimage.data.chelsea()),
            picture(astronaut),
            picture(np.hstack([astronaut, astronaut])),
            base64.b64encode(b"no picture at all").decode(),
        ]
        found = wrong(carla, pictures=pictures)
        assert found.keys() == {"pictures.0", "pictures.2", "pictures.3"}
        assert "No face" in found["pictures.0"][0]
        assert "2 faces" in found["pictures.2"][0]
        assert vectors(ledger) == []

    def test_the_list_names_no_vector_in_any_column_but_its_own(self, carla: Customer, ledger: Ledger) -> None:
        added(carla, "Eileen", pictures=[picture(skimage.data.astronaut())])
        (vector,) = vectors(ledger)
        number = json.dumps(vector[0])
        with ledger.database.session() as session:
            tables = session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'known_faces'")
            ).all()
            for table in tables:
                rows = session.scalars(text(f'SELECT to_jsonb(t)::text FROM "{table}" t')).all()  # noqa: S608
                assert not [row for row in rows if number in row], table
