"""From what a network gives to labels and boxes, as its catalog entry says."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import Detection, Label
from pipeline.domain.media import Box
from pipeline.inference.entries import Classes, Decoder, Input, ModelEntry, Nanodet, Yolox
from pipeline.inference.preparing import Placement

Numbers = NDArray[np.float32]
Rows = NDArray[np.intp]
Found = tuple[Numbers, Callable[[Rows], Numbers]]
"""Scores (n, labels), and the corners of some of the n boxes, (m, 4) in input pixels: left, top, right, bottom. Most
boxes score nothing, and nobody asks for their corners."""

_MOST = 1000
"""Boxes that are looked at after the threshold, surest first: overlap is compared pair by pair."""


class Unfit(ValueError):
    """What the network gives is not what its catalog entry says."""


def labels_in(output: Numbers, decoder: Classes, names: tuple[str, ...]) -> tuple[Label, ...]:
    """The labels of one picture, surest first; those with a probability of exactly 0 are left out."""
    scores = output.reshape(-1).astype(np.float64) / decoder.divide_by
    if scores.size != len(names):
        raise Unfit(f"it gives {scores.size} numbers for {len(names)} labels")
    if decoder.activation == "softmax":
        raised = np.exp(scores - scores.max())
        scores = raised / raised.sum()
    elif decoder.activation == "sigmoid":
        scores = 1 / (1 + np.exp(-np.clip(scores, -500, 500)))
    order = np.argsort(-scores, kind="stable")
    # An output may leave 0..1 by rounding.
    return tuple(Label(names[index], min(1.0, float(scores[index]))) for index in order if scores[index] > 0)


def detections_in(
    output: Numbers, entry: ModelEntry, spec: Input, placement: Placement, names: tuple[str, ...]
) -> tuple[Detection, ...]:
    """The detections of one picture above the entry's threshold, overlapping ones of a label once, surest first."""
    scores, corners_of = _READING[entry.decoder.kind](output, entry.decoder, spec)
    if scores.shape[1] > len(names):
        raise Unfit(f"it gives scores for {scores.shape[1]} labels, and there are {len(names)}")
    label, score = scores.argmax(axis=1), scores.max(axis=1)
    sure = np.flatnonzero((score >= entry.threshold) & (score > 0))
    sure = sure[np.argsort(-score[sure], kind="stable")][:_MOST]
    corners = corners_of(sure)
    whole = np.isfinite(corners).all(axis=1)
    sure, boxes = sure[whole], placement.fractions(corners[whole])
    kept = _once_each(boxes, score[sure], label[sure], entry.overlap)
    found = ((names[label[sure[place]]], float(score[sure[place]]), boxes[place]) for place in kept)
    return tuple(Detection(name, min(1.0, sureness), _box(box)) for name, sureness, box in found if _has_area(box))


def _once_each(boxes: Numbers, scores: Numbers, labels: NDArray[np.intp], overlap: float) -> list[int]:
    if not len(boxes):
        return []
    sides = np.column_stack((boxes[:, :2], boxes[:, 2:] - boxes[:, :2])).astype(np.float64)
    kept = cv2.dnn.NMSBoxesBatched(sides.tolist(), scores.tolist(), labels.tolist(), 0.0, overlap)
    return sorted(int(place) for place in np.array(kept).reshape(-1))


def _box(corners: Numbers) -> Box:
    left, top, right, bottom = (float(each) for each in corners)
    return Box(left, top, right - left, bottom - top)


def _has_area(corners: Numbers) -> bool:
    return bool(corners[2] > corners[0] and corners[3] > corners[1])


def _yolox(output: Numbers, decoder: Decoder, spec: Input) -> Found:
    assert isinstance(decoder, Yolox)  # noqa: S101 - the table below says so; mypy does not know
    cells, strides = _grid(spec.size, decoder.strides)
    rows = _rows(output, len(cells), at_least=6)

    def corners(of: Rows) -> Numbers:
        center = (rows[of, :2] + cells[of]) * strides[of]
        half = np.exp(np.minimum(rows[of, 2:4], 20)) * strides[of] / 2
        return np.column_stack((center - half, center + half))

    return rows[:, 4:5] * rows[:, 5:], corners


def _nanodet(output: Numbers, decoder: Decoder, spec: Input) -> Found:
    assert isinstance(decoder, Nanodet)  # noqa: S101
    cells, strides = _grid(spec.size, decoder.strides)
    rows = _rows(output, len(cells), at_least=4 * decoder.bins + 1)

    def corners(of: Rows) -> Numbers:
        bins = rows[of, -4 * decoder.bins :].reshape(len(of), 4, decoder.bins)
        shares = np.exp(bins - bins.max(axis=2, keepdims=True))
        steps = (shares / shares.sum(axis=2, keepdims=True)) @ np.arange(decoder.bins, dtype=np.float32)
        far, center = steps * strides[of], cells[of] * strides[of]
        return np.column_stack((center - far[:, :2], center + far[:, 2:]))

    return rows[:, : -4 * decoder.bins], corners


def _yolo(output: Numbers, decoder: Decoder, spec: Input) -> Found:
    if output.ndim != 3 or output.shape[1] < 5:
        raise Unfit(f"it gives {list(output.shape)}, and the decoder yolo reads [1, 4 + labels, boxes]")
    rows = output[0].T

    def corners(of: Rows) -> Numbers:
        half = rows[of, 2:4] / 2
        return np.column_stack((rows[of, :2] - half, rows[of, :2] + half))

    return rows[:, 4:], corners


def _boxes(output: Numbers, decoder: Decoder, spec: Input) -> Found:
    if output.shape[-1] != 6:
        raise Unfit(f"it gives {list(output.shape)}, and the decoder boxes reads [N, 6]")
    rows = output.reshape(-1, 6)
    labels = np.maximum(rows[:, 5].astype(np.int64), 0)
    scores = np.zeros((len(rows), int(labels.max(initial=0)) + 1), np.float32)
    scores[np.arange(len(rows)), labels] = rows[:, 4]
    return scores, lambda of: rows[of, :4]


_READING: Mapping[str, Callable[[Numbers, Decoder, Input], Found]] = {
    "yolox": _yolox,
    "nanodet": _nanodet,
    "yolo": _yolo,
    "boxes": _boxes,
}


def _rows(output: Numbers, cells: int, *, at_least: int) -> Numbers:
    if output.ndim != 3 or output.shape[1] != cells or output.shape[2] < at_least:
        raise Unfit(f"it gives {list(output.shape)}, and its decoder reads [1, {cells}, {at_least} or more]")
    return np.asarray(output[0], np.float32)


@lru_cache(maxsize=16)
def _grid(size: tuple[int, int], strides: tuple[int, ...]) -> tuple[Numbers, Numbers]:
    """Column and row of each cell (n, 2), and its stride (n, 1), finest first."""
    cells: list[NDArray[Any]] = []
    for stride in strides:
        rows, columns = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        cells.append(np.column_stack((columns.ravel(), rows.ravel(), np.full(columns.size, stride))))
    table = np.concatenate(cells).astype(np.float32)
    return table[:, :2], table[:, 2:]
