"""The tags of real photographs, by the real models: what is seen, what is not, and how often a probability is right."""

from collections.abc import Collection
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipeline.domain.analysis import Tag
from pipeline.inference import OnnxModels
from pipeline.stages.analyze.tags import missing, tags_of_picture
from pipeline.stages.analyze.vocabulary import classifier

SIDE = 960
ARCHITECTURE = {"architecture", "building", "palace", "castle"}
SHORE = {"nature", "landscape", "coast", "beach", "seashore", "person", "people", "kite"}
CAT = {"animal", "cat"}
SIGN = {"sign", "street sign"}
RIGHT: dict[str, set[str]] = {
    "photos/coral_cat_1080p.jpg": CAT | {"tabby cat"},
    "photos/coral_kite_and_cold.jpg": SHORE,
    "photos/coral_parrot.jpg": {"animal", "bird", "parrot", "macaw"},
    "photos/immich_book-beside-flowers.jpg": {"book", "flower", "plant", "nature"},
    "photos/immich_craft-beer.jpg": {"person", "clothing", "shirt", "t-shirt", "menu", "document", "cup", "drinkware"},
    "photos/immich_empty_gps.jpg": CAT | {"furniture", "chair"},
    "photos/immich_handwritten-notes.jpg": {"book", "stationery"},
    "photos/immich_japanese-shop.jpg": {"architecture", "building", "shop", "restaurant", "bicycle", "vehicle"},
    "photos/immich_portrait.jpg": {"person", "people", "clothing", "bottle", "container"},
    "photos/monstree_IMG_1025.JPG": set(),
    "photos/monstree_IMG_1048.JPG": set(),
    "photos/sceaux_100_7100.JPG": ARCHITECTURE,
    "text/easyocr_french.jpg": SIGN,
    "text/easyocr_japanese.jpg": {"sign"},
    "text/easyocr_korean.png": SIGN,
    "text/text_00_sign.jpg": ARCHITECTURE,
    "text/text_01_sign.jpg": SIGN,
    "text/text_02_sign.jpg": SHORE,
    "text/text_03_sign.jpg": CAT | {"furniture", "chair"},
    "text/text_05_label.jpg": set(),
    "text/text_07_doc.jpg": CAT | {"furniture", "chair", "document"},
    "skimage/astronaut.png": {"person", "clothing"},
    "skimage/brick.png": set(),
    "skimage/camera.png": {"person", "clothing", "coat", "camera", "camera equipment", "tripod"},
    "skimage/cell.png": set(),
    "skimage/chelsea.png": CAT | {"tabby cat", "tiger cat"},
    "skimage/clock_motion.png": {"clock"},
    "skimage/coffee.png": {
        *("drink", "espresso", "cup", "drinkware", "kitchenware", "table", "dining table", "furniture", "spoon"),
        "tableware",
    },
    "skimage/coins.png": set(),
    "skimage/color.png": set(),
    "skimage/grass.png": {"nature", "plant"},
    "skimage/gravel.png": set(),
    "skimage/horse.png": {"animal", "horse"},
    "skimage/hubble_deep_field.jpg": set(),
    "skimage/ihc.png": set(),
    "skimage/logo.png": set(),
    "skimage/moon.png": set(),
    "skimage/motorcycle_left.png": {"vehicle", "motorcycle", "car part", "disk brake", "bench", "furniture"},
    "skimage/page.png": {"document", "book"},
    "skimage/retina.jpg": set(),
    "skimage/rocket.jpg": {"rocket", "spacecraft", "vehicle"},
    "skimage/text.png": {"document"},
}
"""Every word that is true of each picture, of those that the models can say; judged by eye."""


@pytest.fixture(scope="module")
def models(shared: Path) -> OnnxModels:
    return OnnxModels(shared / "models")


def picture(shared: Path, name: str) -> NDArray[np.uint8]:
    folder, _, file = name.partition("/")
    path = Path(skimage.data.__path__[0]) / file if folder == "skimage" else shared / "media" / name
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
        image.thumbnail((SIDE, SIDE))
        return np.asarray(image)


@pytest.fixture(scope="module")
def tagged(shared: Path, models: OnnxModels) -> dict[str, tuple[Tag, ...]]:
    return {
        name: tags_of_picture(picture(shared, name), models, faces=None, critical=["dog", "Motorcycle", "architecture"])
        for name in RIGHT
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("photos/coral_cat_1080p.jpg", {"animal", "cat"}),
        ("photos/coral_kite_and_cold.jpg", {"beach", "coast", "landscape", "nature", "kite", "person", "people"}),
        ("photos/coral_parrot.jpg", {"animal", "bird", "parrot", "macaw"}),
        ("photos/immich_portrait.jpg", {"person", "people"}),
        ("photos/immich_japanese-shop.jpg", {"architecture", "building", "shop"}),
        ("photos/sceaux_100_7100.JPG", {"architecture", "building", "palace"}),
        ("text/easyocr_french.jpg", {"sign", "street sign"}),
        ("skimage/camera.png", {"person", "camera equipment", "tripod"}),
        ("skimage/coffee.png", {"drink", "espresso", "cup", "table", "furniture"}),
        ("skimage/motorcycle_left.png", {"motorcycle", "vehicle"}),
    ],
)
def test_what_a_photograph_shows_is_among_its_tags(
    tagged: dict[str, tuple[Tag, ...]], name: str, words: Collection[str]
) -> None:
    assert set(words) <= {tag.name for tag in tagged[name]}


def test_probabilities_are_about_as_often_right_as_they_say(tagged: dict[str, tuple[Tag, ...]]) -> None:
    # Some hundred words of 42 pictures, among those that the curves were made on: a guard, and no proof.
    said = [(tag.probability, tag.name in RIGHT[name]) for name, tags in tagged.items() for tag in tags]
    bands = [(0.4, 0.6), (0.6, 0.8), (0.8, 1.0)]
    for least, most in bands:
        band = [(probability, right) for probability, right in said if least <= probability < most]
        claimed, true = (float(np.mean(values)) for values in zip(*band, strict=True))
        assert len(band) >= 10
        assert true == pytest.approx(claimed, abs=0.2)
    assert np.mean([right for probability, right in said if probability >= 0.9]) >= 0.9


def test_pictures_without_anything_the_models_know_get_few_tags_and_none_that_is_sure(
    tagged: dict[str, tuple[Tag, ...]],
) -> None:
    empty = [tags for name, tags in tagged.items() if not RIGHT[name]]
    assert len(empty) >= 12
    assert np.mean([len(tags) for tags in empty]) <= 1.5
    assert all(tag.probability < 0.9 for tag in chain.from_iterable(empty))


def test_harmless_photographs_are_not_flagged(tagged: dict[str, tuple[Tag, ...]]) -> None:
    flagged = {name for name, tags in tagged.items() if {"nudity", "suggestive"} & {tag.name for tag in tags}}
    assert flagged == set()


def test_the_accounts_words_are_critical_wherever_they_are_said(tagged: dict[str, tuple[Tag, ...]]) -> None:
    critical = {name: {tag.name for tag in tags if tag.is_critical} for name, tags in tagged.items()}
    assert critical["skimage/motorcycle_left.png"] == {"motorcycle"}
    assert {"palace", "building", "architecture"} <= critical["photos/sceaux_100_7100.JPG"]
    assert critical["photos/coral_parrot.jpg"] == set()


@pytest.mark.parametrize("shade", [0, 90, 255])
def test_plain_pictures_have_no_tags(models: OnnxModels, shade: int) -> None:
    assert tags_of_picture(np.full((300, 400, 3), shade, np.uint8), models, faces=None, critical=()) == ()


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (17, 7)])
def test_pictures_of_any_shape_are_tagged(models: OnnxModels, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert isinstance(tags_of_picture(noise, models, faces=0, critical=()), tuple)


def test_faces_make_a_person_surer(shared: Path, models: OnnxModels) -> None:
    pixels = picture(shared, "skimage/astronaut.png")
    alone, with_face = (
        {tag.name: tag.probability for tag in tags_of_picture(pixels, models, faces=faces, critical=())}
        for faces in (None, 1)
    )
    assert with_face["person"] > alone["person"] > 0.5


def test_without_weights_nothing_is_said_and_the_reason_is_named(tmp_path: Path) -> None:
    models = OnnxModels(tmp_path)
    pixels = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8), (0, 0), 3)
    assert tags_of_picture(np.asarray(pixels), models, faces=None, critical=()) == ()
    assert set(missing(models)) == {"image_tags", "objects", "nudity"}
    assert all("darkroom models pull" in reason for reason in missing(models).values())


def test_every_label_of_the_classifier_is_in_the_vocabulary(shared: Path) -> None:
    lines = (shared / "models/tags/mobilenet_v2_imagenet_int8/imagenet_labels.txt").read_text().splitlines()
    known = classifier().words
    assert len(lines) == 1001
    assert [line for line in lines[1:] if line not in known and line.split(", ")[0] not in known] == []
