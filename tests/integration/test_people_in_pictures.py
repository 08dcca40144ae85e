"""People in real photographs, with the real models."""

import io
import runpy
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from pipeline.domain.analysis import Gender
from pipeline.errors import CapabilityUnavailable, InvalidRequest
from pipeline.inference import OnnxModels
from pipeline.ports import Models
from pipeline.stages.analyze.people import embedding_of_picture, missing, people_in_picture
from pipeline.stages.analyze.people.portraits import SAME_PERSON, portraits

Pixels = NDArray[np.uint8]

WITHOUT_PEOPLE = (
    "coral_cat_1080p.jpg",
    "coral_parrot.jpg",
    "immich_book-beside-flowers.jpg",
    "immich_empty_gps.jpg",
    "immich_handwritten-notes.jpg",
    "monstree_IMG_1025.JPG",
    "sceaux_100_7100.JPG",
)
THINGS: tuple[Callable[[], Pixels], ...] = (
    skimage.data.chelsea,
    skimage.data.coffee,
    skimage.data.rocket,
    skimage.data.hubble_deep_field,
    lambda: skimage.data.stereo_motorcycle()[1],
)


@pytest.fixture
def models(shared: Path) -> OnnxModels:
    return OnnxModels(shared / "models")


def at_960(file: Path) -> Pixels:
    pixels = simplejpeg.decode_jpeg(file.read_bytes(), colorspace="RGB")
    scale = min(1.0, 960 / max(pixels.shape))
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@pytest.fixture
def barkeeper(shared: Path) -> Pixels:
    """A woman behind a counter, smiling at us."""
    return at_960(shared / "media/photos/immich_craft-beer.jpg")


@pytest.fixture
def curies(shared: Path) -> Pixels:
    """An archival picture of a woman from the front and a man in profile."""
    return at_960(shared / "media/photos/immich_portrait.jpg")


@pytest.fixture
def astronaut() -> Pixels:
    return np.asarray(skimage.data.astronaut(), dtype=np.uint8)


def beside(*pictures: Pixels) -> Pixels:
    height = min(len(picture) for picture in pictures)
    return np.ascontiguousarray(np.hstack([picture[:height] for picture in pictures]))


def similarity(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return float(np.dot(one, other))


def test_a_woman_behind_a_counter_is_one_person(barkeeper: Pixels, models: Models) -> None:
    (person,) = people_in_picture(barkeeper, models)
    assert (person.id, person.gender, person.relative_prominence) == (0, Gender.FEMALE, 1.0)
    assert person.age is not None
    assert 18 <= person.age <= 35
    assert len(person.embedding) == 128
    assert similarity(person.embedding, person.embedding) == pytest.approx(1, abs=1e-5)


def test_the_thumbnail_is_a_small_square_jpeg_of_the_face_without_metadata(barkeeper: Pixels, models: Models) -> None:
    (person,) = people_in_picture(barkeeper, models)
    picture = Image.open(io.BytesIO(person.thumbnail))
    assert picture.format == "JPEG"
    assert picture.width == picture.height == 128
    assert not {"exif", "icc_profile", "comment", "photoshop", "xmp"} & set(picture.info)
    assert len(people_in_picture(np.asarray(picture), models)) == 1


def test_who_is_seen_in_profile_is_a_person_of_whom_nothing_more_is_claimed(curies: Pixels, models: Models) -> None:
    front, profile = people_in_picture(curies, models)
    assert len(front.embedding) == 128
    assert (profile.embedding, profile.age, profile.gender) == ((), None, Gender.UNIDENTIFIED)
    assert profile.thumbnail
    assert [front.relative_prominence, profile.relative_prominence] == pytest.approx([0.52, 0.48], abs=0.02)


def test_two_faces_of_one_person_stay_two(astronaut: Pixels, models: Models) -> None:
    one, other = people_in_picture(beside(astronaut, astronaut), models)
    assert (one.id, other.id) == (0, 1)
    assert similarity(one.embedding, other.embedding) > 0.9


def test_the_larger_face_is_the_more_prominent_one(astronaut: Pixels, models: Models) -> None:
    small = np.zeros_like(astronaut)
    small[128:384, 128:384] = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    first, second = people_in_picture(beside(small, astronaut), models)
    assert first.relative_prominence is not None and second.relative_prominence is not None
    assert first.relative_prominence > 2 * second.relative_prominence
    assert first.relative_prominence + second.relative_prominence == pytest.approx(1)


def test_the_vector_is_the_one_of_the_models_own_recipe(shared: Path, astronaut: Pixels, models: Models) -> None:
    recipe = runpy.run_path(str(shared / "models/recipes/faces.py"))
    detector = recipe["YuNet"](shared / "models/face_detect/yunet_n/yunet_n_dynamic.onnx")
    embedder = recipe["MFN"](shared / "models/face_embed/mobilefacenet_foamliu/MobileFaceNet.onnx")
    bgr = np.ascontiguousarray(astronaut[:, :, ::-1])
    (_, _, points), *_ = detector(bgr)
    expected = embedder(recipe["align"](bgr, points))
    assert similarity(embedding_of_picture(astronaut, models), expected) > 0.999


@pytest.mark.parametrize("side", [400, 300, 240])
def test_a_smaller_and_compressed_copy_shows_the_same_person(astronaut: Pixels, models: Models, side: int) -> None:
    small = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA)
    copy = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(small, quality=60), colorspace="RGB")
    again = embedding_of_picture(copy, models)
    assert similarity(again, embedding_of_picture(astronaut, models)) > 0.75


def test_different_people_are_far_apart(astronaut: Pixels, barkeeper: Pixels, curies: Pixels, models: Models) -> None:
    people = [people_in_picture(pixels, models)[0].embedding for pixels in (astronaut, barkeeper, curies)]
    assert max(similarity(people[a], people[b]) for a, b in ((0, 1), (0, 2), (1, 2))) < SAME_PERSON / 2


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_head_on_its_side_is_the_same_person(shared: Path, models: Models, quarters: int) -> None:
    file = shared / "corpus/orient__Giunchedi_Filippo_January_2015_01-cmyk-orientation-exif.jpg"
    upright = np.rot90(cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))
    expected = embedding_of_picture(np.ascontiguousarray(upright), models)
    (person,) = people_in_picture(np.ascontiguousarray(np.rot90(upright, quarters)), models)
    assert similarity(person.embedding, expected) > 0.7
    assert person.gender == Gender.MALE


@pytest.mark.parametrize("name", WITHOUT_PEOPLE)
def test_no_people_are_seen_in_photographs_without_people(shared: Path, models: Models, name: str) -> None:
    assert people_in_picture(at_960(shared / "media/photos" / name), models) == ()


@pytest.mark.parametrize("thing", THINGS)
def test_no_people_are_seen_in_cats_cups_galaxies_and_head_lamps(models: Models, thing: Callable[[], Pixels]) -> None:
    assert people_in_picture(np.ascontiguousarray(thing()[:, :, :3]), models) == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (900, 2, 3), (31, 33, 3)])
def test_a_tiny_picture_has_no_people(models: Models, shape: tuple[int, int, int]) -> None:
    assert people_in_picture(np.full(shape, 127, dtype=np.uint8), models) == ()


def test_a_face_that_the_edge_cuts_is_still_found(astronaut: Pixels, models: Models) -> None:
    (person,) = people_in_picture(np.ascontiguousarray(astronaut[75:, 185:]), models)
    assert person.thumbnail


def test_a_picture_for_the_list_must_show_exactly_one_person(
    astronaut: Pixels, barkeeper: Pixels, models: Models
) -> None:
    with pytest.raises(InvalidRequest, match="No face can be recognised"):
        embedding_of_picture(np.full((200, 300, 3), 200, dtype=np.uint8), models)
    with pytest.raises(InvalidRequest, match="There are 2 faces"):
        embedding_of_picture(beside(astronaut, barkeeper), models)
    with pytest.raises(InvalidRequest, match="pixels wide"):
        embedding_of_picture(cv2.resize(astronaut, (128, 128), interpolation=cv2.INTER_AREA), models)


def test_without_the_models_there_is_a_reason_and_never_an_empty_finding(astronaut: Pixels) -> None:
    reasons = missing(OnnxModels(None))
    assert set(reasons) == {"people", "age_and_gender"}
    assert "face_detection" in reasons["people"] and "face_embedding" in reasons["people"]
    assert set(missing(None)) == set(reasons)
    with pytest.raises(CapabilityUnavailable, match="face_detection"):
        people_in_picture(astronaut, OnnxModels(None))
    with pytest.raises(CapabilityUnavailable, match="face_embedding"):
        embedding_of_picture(astronaut, OnnxModels(None))


def test_without_the_model_for_age_people_are_found_all_the_same(
    shared: Path, tmp_path: Path, astronaut: Pixels
) -> None:
    for folder in ("face_detect", "face_embed"):
        (tmp_path / folder).symlink_to(shared / "models" / folder)
    models = OnnxModels(tmp_path)
    assert set(missing(models)) == {"age_and_gender"}
    (person,) = people_in_picture(astronaut, models)
    assert (person.age, person.gender) == (None, Gender.UNIDENTIFIED)
    assert person.embedding


def test_of_too_many_faces_the_largest_are_looked_at(models: OnnxModels) -> None:
    astronaut = skimage.data.astronaut()
    small = cv2.resize(astronaut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    pixels = np.zeros((512, 1024, 3), np.uint8)
    pixels[:256, :256], pixels[:, 512:] = small, astronaut
    both = portraits(pixels, models, most=2)
    assert len(both) == 2
    (largest,) = portraits(pixels, models, most=1)
    assert largest.face.x > 512
