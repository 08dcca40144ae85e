"""Tags: what several models say of a picture becomes one list of words, calibrated and sorted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.domain.analysis import Detection, Label, Tag
from pipeline.domain.media import Box
from pipeline.media.video import Frame
from pipeline.stages.analyze.tags import Look, TagWatcher, calibration, missing, tags_of_picture, video_tags
from pipeline.stages.analyze.tags.calibration import calibrated
from pipeline.stages.analyze.tags.critical import is_critical
from pipeline.stages.analyze.tags.flags import flagged
from pipeline.stages.analyze.tags.unrest import unrest_of
from pipeline.stages.analyze.vocabulary import classifier

NOISE = np.random.default_rng(3).integers(0, 255, (60, 80, 3), dtype=np.uint8)


@dataclass
class KnownModels:
    """Models that answer what they were told to."""

    labels: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    found: Sequence[tuple[str, float]] = ()
    absent: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def unavailable(self, name: str) -> str | None:
        return f"{name} is not there" if name in self.absent else None

    def run(self, name: str, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        raise AssertionError("tags classify and detect")

    def serving(self, task: str) -> tuple[str, ...]:
        return ("nudity", "violence") if task == "nudity" and "violence" in self.labels else (task,)

    def classify(self, name: str, pixels: NDArray[np.uint8]) -> tuple[Label, ...]:
        self.asked.append(name)
        return tuple(Label(label, score) for label, score in self.labels.get(name, {}).items())

    def detect(self, name: str, pixels: NDArray[np.uint8]) -> tuple[Detection, ...]:
        self.asked.append(name)
        return tuple(Detection(label, score, Box(0.2, 0.2, 0.5, 0.5)) for label, score in self.found)


def tags(models: KnownModels, *, faces: int | None = None, critical: Sequence[str] = ()) -> dict[str, Tag]:
    return {tag.name: tag for tag in tags_of_picture(NOISE, models, faces=faces, critical=critical)}


@pytest.mark.parametrize(
    "curve",
    [*calibration.CURVES.values(), calibration.FLAG_ALONE, calibration.FLAG_WITH_PERSON, calibration.AS_IT_IS],
)
def test_a_higher_score_is_never_less_probable(curve: calibration.Curve) -> None:
    values = [calibrated(score / 200, curve) for score in range(201)]
    assert all(first <= second for first, second in pairwise(values))
    assert values[0] == 0.0 and values[-1] <= 1.0


def test_what_both_models_see_is_said_once_by_the_surer_one() -> None:
    models = KnownModels({"image_tags": {"Egyptian cat": 0.6, "tabby": 0.3}}, [("cat", 0.5)])
    found = tags(models)
    assert found["cat"].probability == pytest.approx(calibrated(0.9, calibration.CLASSIFIER), abs=1e-3)
    assert "tabby cat" not in found


@given(
    st.dictionaries(
        st.sampled_from(["beagle", "tabby", "minivan", "pizza", "seashore"]), st.floats(0, 0.2), min_size=1
    ),
    st.lists(st.tuples(st.sampled_from(["dog", "cat", "car", "person"]), st.floats(0.3, 1)), max_size=4),
)
def test_tags_are_sorted_and_general_words_as_probable_as_special_ones(
    scores: dict[str, float], found: list[tuple[str, float]]
) -> None:
    given_ = {name: min(1.0, score * 5) if len(scores) == 1 else score for name, score in scores.items()}
    said = tags_of_picture(NOISE, KnownModels({"image_tags": given_}, found), faces=None, critical=())
    probability = {tag.name: tag.probability for tag in said}
    assert [tag.probability for tag in said] == sorted(probability.values(), reverse=True)
    for word, value in probability.items():
        assert all(probability[above] >= value for above in classifier().above(word))


def test_faces_and_bodies_together_make_people() -> None:
    two = [("person", 0.8), ("person", 0.7)]
    assert {"person", "people"} <= set(tags(KnownModels(found=two)))
    with_faces = tags(KnownModels(found=two), faces=2)
    assert with_faces["people"].probability > tags(KnownModels(found=two))["people"].probability
    assert with_faces["person"].probability >= with_faces["people"].probability
    assert "people" not in tags(KnownModels(found=two[:1]), faces=1)


def test_faces_alone_count_where_the_detector_is_missing() -> None:
    found = tags(KnownModels(absent=frozenset({"objects"})), faces=5)
    assert set(found) == {"person", "people", "group of people"}


def test_a_missing_model_says_nothing_and_is_named_with_its_reason() -> None:
    models = KnownModels({"image_tags": {"beagle": 0.9}}, [("dog", 0.9)], absent=frozenset({"objects", "nudity"}))
    assert set(tags(models)) == {"beagle", "dog", "animal"}
    assert models.asked == ["image_tags"]
    assert missing(models) == {"objects": "objects is not there", "nudity": "nudity is not there"}
    assert "objects_fast" not in missing(models, video=True)


def test_a_plain_picture_shows_nothing() -> None:
    models = KnownModels({"image_tags": {"spotlight": 0.9}})
    assert tags_of_picture(np.full((50, 50, 3), 12, np.uint8), models, faces=None, critical=()) == ()
    assert models.asked == []


def test_nudity_is_flagged_from_085_or_from_06_with_a_person() -> None:
    def flags(score: float, *, person: bool) -> dict[str, float]:
        return flagged({"nudity": score}, person=person)

    assert flags(0.59, person=True) == flags(0.84, person=False) == {}
    assert flags(0.6, person=True)["nudity"] > 0.1
    assert flags(0.95, person=True)["nudity"] > flags(0.95, person=False)["nudity"] > 0.5


def test_flags_are_critical_and_told_however_improbable() -> None:
    found = tags(KnownModels({"nudity": {"Porn": 0.62, "Neutral": 0.38}}, [("person", 0.8)]))
    assert found["nudity"].is_critical and found["nudity"].probability < 0.3
    assert not found["person"].is_critical


def test_an_operators_moderation_model_flags_its_own_labels() -> None:
    found = tags(KnownModels({"nudity": {"Neutral": 1.0}, "violence": {"Violence": 0.7, "none": 0.3}}))
    assert found["violence"] == Tag("violence", 0.7, is_critical=True)


def test_the_accounts_list_hits_in_any_case_and_through_general_words() -> None:
    found = tags(KnownModels({"image_tags": {"rifle": 0.9}}), critical=["WEAPON "])
    assert {name: tag.is_critical for name, tag in found.items()} == {"rifle": True, "gun": True, "weapon": True}
    assert not is_critical("animal", ["dog"])
    assert is_critical("beagle", ["Dog"])


def look(time_s: float, *labels: tuple[str, float], flags: Sequence[tuple[str, float]] = ()) -> Look:
    said, raised = tuple(Label(*label) for label in labels), tuple(Label(*flag) for flag in flags)
    return Look(time_s, b"", 100, 40, 0, 0, 1, 0, 10, 1, 1, judged=True, labels=said, flags=raised)


def test_a_word_of_one_look_among_many_is_no_tag_of_the_video() -> None:
    looks = [look(0, ("cat", 0.9)), look(1, ("cat", 0.9)), look(2, ("cat", 0.6), ("piano", 0.9)), look(3)]
    assert [(tag.name, tag.probability) for tag in video_tags(looks, critical=["cat"])] == [("cat", 0.8)]
    assert video_tags(looks, critical=["cat"])[0].is_critical


def test_a_video_of_one_look_has_that_looks_tags() -> None:
    assert [tag.name for tag in video_tags([look(0, ("cat", 0.9))], critical=())] == ["cat"]


def test_a_video_that_nobody_judged_has_no_tags() -> None:
    assert video_tags([], critical=()) == ()


def test_one_flag_among_many_looks_counts_half() -> None:
    flags = {tag.name: tag.probability for tag in video_tags([look(0, flags=[("nudity", 0.8)]), look(1)], critical=())}
    assert flags == {"nudity": 0.4}


def frames(seconds: float, *, rate: int = 10, shade: int = 90, start: int = 0) -> list[Frame]:
    y = np.clip(np.random.default_rng(shade).normal(shade, 30, (180, 320)), 0, 255).astype(np.uint8)
    grey = np.full((90, 160), 128, np.uint8)
    return [
        Frame(start + index, (start + index) / rate, y, grey, grey, lambda side: NOISE)
        for index in range(int(seconds * rate))
    ]


def test_the_watcher_looks_twice_a_second_and_asks_models_seldom_while_nothing_changes() -> None:
    models = KnownModels({"image_tags": {"beagle": 0.9}})
    watcher = TagWatcher(models)
    for frame in frames(10):
        watcher.see(frame)
    assert [look.time_s for look in watcher.looks] == pytest.approx([index / 2 for index in range(20)])
    assert [look.time_s for look in watcher.looks if look.judged] == [0, 2, 4, 6, 8]
    assert models.asked.count("objects_fast") == 5 and "objects" not in models.asked


def test_the_watcher_asks_at_once_when_the_picture_changes() -> None:
    watcher = TagWatcher(KnownModels())
    for frame in frames(1) + frames(1, shade=200, start=10):
        watcher.see(frame)
    assert [look.time_s for look in watcher.looks if look.judged] == [0, 1]
    assert watcher.looks[2].moved > 50 and watcher.looks[3].moved == 0


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (17, 7), (320, 4)])
def test_the_watcher_measures_frames_of_any_shape(shape: tuple[int, int]) -> None:
    y = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)
    chroma = np.full(((shape[0] + 1) // 2, (shape[1] + 1) // 2), 128, np.uint8)
    watcher = TagWatcher(KnownModels())
    for index in range(12):
        watcher.see(Frame(index, index / 10, y, chroma, chroma, lambda side: NOISE))
    assert len(watcher.looks) == 3


def test_a_pan_of_the_camera_is_no_unrest_and_points_that_go_their_own_ways_are() -> None:
    wide = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 255, (200, 360), dtype=np.uint8), (0, 0), 2) * 2
    pan = unrest_of(wide[:180, :320], wide[4:184, 6:326], 1 / 30)
    apart = wide[:180, :320].copy()
    for left in range(0, 320, 40):
        apart[:, left : left + 40] = np.roll(apart[:, left : left + 40], 4 if left % 80 else -4, axis=0)
    assert pan < 0.1
    assert unrest_of(wide[:180, :320], apart, 1 / 30) > 1.0


def test_without_models_the_watcher_measures_and_says_nothing() -> None:
    watcher = TagWatcher(None)
    for frame in frames(2):
        watcher.see(frame)
    assert len(watcher.looks) == 4
    assert not any(look.judged or look.labels for look in watcher.looks)
