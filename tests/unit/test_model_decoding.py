"""From a network's numbers to labels and boxes: what was encoded by hand is read back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.domain.analysis import Detection
from pipeline.inference.catalog import parse_entry
from pipeline.inference.decoding import Unfit, detections_in, labels_in
from pipeline.inference.entries import Classes, ModelEntry
from pipeline.inference.preparing import Placement

NAMES = ("cat", "dog", "kite")
SIDE = 64
WHOLE = Placement(SIDE, SIDE, 1.0, 1.0)


def a_detector(kind: str, **decoder: Any) -> ModelEntry:
    text = f"""
name: finder
task: objects
role: default
file: {{path: finder.onnx}}
labels: {{names: {list(NAMES)}}}
input: {{tensor: x, size: [{SIDE}, {SIDE}]}}
decoder: {{kind: {kind}}}
threshold: 0.4
overlap: 0.5
"""
    entry, mistakes = parse_entry(text, source="finder.yaml")
    assert entry is not None, mistakes
    return entry


def found(entry: ModelEntry, output: np.ndarray, placement: Placement = WHOLE) -> tuple[Detection, ...]:
    assert entry.input is not None
    return detections_in(output.astype(np.float32), entry, entry.input, placement, NAMES)


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 6)


def corners(detection: Detection) -> list[float]:
    box = detection.box
    return [round(each * SIDE, 2) for each in (box.x, box.y, box.x + box.width, box.y + box.height)]


def test_shares_are_labels_with_the_surest_first() -> None:
    labels = labels_in(np.array([[0.2, 0.7, 0.1]], np.float32), Classes(kind="classes"), NAMES)
    assert [(each.name, round(each.probability, 3)) for each in labels] == [("dog", 0.7), ("cat", 0.2), ("kite", 0.1)]


def test_quantised_shares_are_divided_and_zeros_left_out() -> None:
    labels = labels_in(np.array([[0, 255, 51]], np.float32), Classes(kind="classes", divide_by=255), NAMES)
    assert [(each.name, each.probability) for each in labels] == [("dog", 1.0), ("kite", 0.2)]


@given(arrays.arrays(np.float32, 3, elements=st.floats(-1e4, 1e4, width=32)))
def test_softmax_of_any_numbers_adds_up_to_one(logits: np.ndarray) -> None:
    labels = labels_in(logits[None], Classes(kind="classes", activation="softmax"), NAMES)
    assert sum(each.probability for each in labels) == pytest.approx(1)
    assert logits[NAMES.index(labels[0].name)] == pytest.approx(float(logits.max()), abs=1e-6)


@given(arrays.arrays(np.float32, 3, elements=st.floats(-1e4, 1e4, width=32)))
def test_sigmoid_of_any_numbers_is_between_nothing_and_one(logits: np.ndarray) -> None:
    labels = labels_in(logits[None], Classes(kind="classes", activation="sigmoid"), NAMES)
    assert all(0 < each.probability <= 1 for each in labels)


def test_another_number_of_outputs_than_labels_is_unfit() -> None:
    with pytest.raises(Unfit, match="4 numbers for 3 labels"):
        labels_in(np.zeros((1, 4), np.float32), Classes(kind="classes"), NAMES)


def test_ready_boxes_are_read_in_input_pixels() -> None:
    (only,) = found(a_detector("boxes"), boxes((8, 16, 24, 48, 0.9, 2), (0, 0, 9, 9, 0.3, 1)))
    assert (only.label, round(only.probability, 3), corners(only)) == ("kite", 0.9, [8, 16, 24, 48])


def test_of_overlapping_boxes_of_one_label_the_surest_stays() -> None:
    output = boxes((8, 8, 40, 40, 0.6, 0), (9, 8, 41, 40, 0.8, 0), (8, 8, 40, 40, 0.7, 1), (48, 48, 60, 60, 0.5, 0))
    detections = found(a_detector("boxes"), output)
    assert [(each.label, round(each.probability, 1)) for each in detections] == [
        ("cat", 0.8),
        ("dog", 0.7),
        ("cat", 0.5),
    ]


def test_boxes_are_cut_at_the_picture_and_dropped_outside_of_it() -> None:
    output = boxes((-20, 10, 20, 30, 0.9, 0), (70, 70, 90, 90, 0.9, 1), (5, 5, 5, 9, 0.9, 2))
    (only,) = found(a_detector("boxes"), output)
    assert corners(only) == [0, 10, 20, 30]


def test_numbers_that_are_none_find_nothing() -> None:
    output = boxes((np.nan, 1, 2, 3, 0.9, 0), (1, 1, 9, 9, np.nan, 0), (np.inf, 0, np.inf, 9, 0.8, 1))
    assert found(a_detector("boxes"), output) == ()
    assert found(a_detector("boxes"), np.zeros((1, 0, 6))) == ()


def test_a_letterboxed_picture_gets_fractions_of_itself() -> None:
    placement = Placement(128, 64, 0.5, 0.5, 0, 16)
    (only,) = found(a_detector("boxes"), boxes((16, 24, 32, 40, 0.9, 0)), placement)
    box = only.box
    assert [box.x, box.y, box.width, box.height] == pytest.approx([0.25, 0.25, 0.25, 0.5])


def test_yolox_cells_are_offsets_and_log_sizes() -> None:
    output = np.zeros((1, 64 + 16 + 4, 8))
    output[0, 64 + 4 * 1 + 2] = (0.5, 0.25, np.log(2), np.log(1), 0.9, 0.1, 0.8, 0.2)
    (only,) = found(a_detector("yolox"), output)
    # the cell (2, 1) of stride 16: its centre is at (40, 20), and it is 32 wide and 16 high
    assert (only.label, round(only.probability, 3), corners(only)) == ("dog", 0.72, [24, 12, 56, 28])


def test_nanodet_cells_are_distances_in_bins() -> None:
    output = np.zeros((1, 64 + 16 + 4 + 1, 3 + 32))
    row = output[0, 8 * 3 + 4]
    row[2] = 0.6
    for side, distance in enumerate((1, 2, 3, 1)):
        row[3 + 8 * side + distance] = 50  # as good as certain
    (only,) = found(a_detector("nanodet"), output)
    # the cell (4, 3) of stride 8 starts at (32, 24)
    assert (only.label, round(only.probability, 3), corners(only)) == ("kite", 0.6, [24, 8, 56, 32])


def test_yolo_rows_are_centres_and_sizes_in_input_pixels() -> None:
    output = np.zeros((1, 7, 5))
    output[0, :, 3] = (32, 16, 16, 8, 0.1, 0.2, 0.9)
    (only,) = found(a_detector("yolo"), output)
    assert (only.label, corners(only)) == ("kite", [24, 12, 40, 20])


@pytest.mark.parametrize(
    ("kind", "shape"), [("yolox", (1, 85, 8)), ("nanodet", (1, 84, 35)), ("yolo", (7, 5)), ("boxes", (1, 4, 5))]
)
def test_another_shape_than_the_decoders_is_unfit(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(Unfit, match="it gives"):
        found(a_detector(kind), np.zeros(shape))


def test_more_scores_than_labels_are_unfit() -> None:
    with pytest.raises(Unfit, match="there are 3"):
        found(a_detector("boxes"), boxes((1, 1, 9, 9, 0.9, 7)))
