"""Sections, tags and thumbnails of real H.264 videos, by the real models."""

import io
import itertools
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from pipeline.domain.analysis import Constellation, Presence, Section, Span, TextResult
from pipeline.domain.media import VideoLimits
from pipeline.inference import OnnxModels
from pipeline.media.video import opened, watch
from pipeline.stages.analyze.sections import sections
from pipeline.stages.analyze.tags import Look, TagWatcher, video_tags

Pixels = NDArray[np.uint8]
SIZE, RATE = (640, 360), 25


@pytest.fixture(scope="module")
def models(shared: Path) -> OnnxModels:
    return OnnxModels(shared / "models")


def watched(data: bytes, models: OnnxModels | None) -> tuple[Look, ...]:
    watcher = TagWatcher(models)
    with opened(io.BytesIO(data), VideoLimits()) as video:
        watch(video, [watcher])
    return watcher.looks


def motion(looks: Sequence[Look], cuts: Sequence[Span]) -> list[float]:
    """A stand-in for the activity that the shot watchers measure, twice a second: each shot's median."""
    values = []
    for cut in cuts:
        inside = [look.unrest for look in looks if cut.start_s <= look.time_s < cut.end_s]
        values += [min(1.0, float(np.median(inside)) / 4)] * len(inside)
    return values


def encoded(frames: Iterator[Pixels]) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{SIZE[0]}x{SIZE[1]}", "-r", str(RATE), "-i", "-", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-crf", "23", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-"]
    data = b"".join(frame.tobytes() for frame in frames)
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def fitted(path: Path, *, wide: int = SIZE[0]) -> Pixels:
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    high = max(SIZE[1], round(picture.shape[0] * wide / picture.shape[1]))
    return np.asarray(cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def pan(picture: Pixels, seconds: float) -> Iterator[Pixels]:
    """The camera moves over the picture, which is larger than the frame."""
    steps = int(seconds * RATE)
    for step in range(steps):
        left = round((picture.shape[1] - SIZE[0]) * step / steps)
        yield np.ascontiguousarray(picture[: SIZE[1], left : left + SIZE[0]])


def held(picture: Pixels, seconds: float) -> Iterator[Pixels]:
    yield from [picture[: SIZE[1], : SIZE[0]]] * int(seconds * RATE)


def card(lines: Sequence[str], seconds: float, *, rolling: bool = False) -> Iterator[Pixels]:
    for step in range(int(seconds * RATE)):
        frame = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        for index, line in enumerate(lines):
            down = 190 + index * 40 - (step * 3 if rolling else 0)
            cv2.putText(frame, line, (150, down), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (240, 240, 240), 2, cv2.LINE_AA)
        yield frame


def talking(picture: Pixels, seconds: float) -> Iterator[Pixels]:
    """A portrait whose mouth moves, held by hand."""
    for step in range(int(seconds * RATE)):
        sway = round(3 + 3 * np.sin(step / 9))
        frame = picture[sway : sway + SIZE[1], : SIZE[0]].copy()
        frame[150:170, 300:360] = np.roll(frame[150:170, 300:360], int(2 * np.sin(step / 2)), axis=0)
        yield frame


def brawl(picture: Pixels, seconds: float) -> Iterator[Pixels]:
    """Pieces of a picture that fly about, each its own way."""
    ways = np.random.default_rng(4).uniform(-9, 9, (24, 2))
    for step in range(int(seconds * RATE)):
        frame = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        for index, way in enumerate(ways):
            left, top = ((np.array([index * 53, index * 37]) + way * step) % (SIZE[0] - 120, SIZE[1] - 120)).astype(int)
            row, column = (index * 31) % 200, (index * 67) % 500
            frame[top : top + 120, left : left + 120] = picture[row : row + 120, column : column + 120]
        yield frame


NAMES = ("DIRECTED BY", "A. Lovelace", "CAMERA", "G. Hopper", "SOUND", "K. Johnson", "CUT BY", "M. Hamilton")
PLAN = (
    ("beach", 4.0),
    ("title", 3.0),
    ("cat", 4.0),
    ("face", 5.0),
    ("cat", 4.0),
    ("dark", 2.0),
    ("brawl", 4.0),
    ("still", 4.0),
    ("roll", 7.0),
    ("after", 3.0),
)


def shots() -> list[Span]:
    ends = np.cumsum([seconds for _, seconds in PLAN])
    return [Span(float(end - seconds), float(end)) for end, (_, seconds) in zip(ends, PLAN, strict=True)]


@pytest.fixture(scope="module")
def film(shared: Path, models: OnnxModels) -> tuple[Look, ...]:
    photos = shared / "media" / "photos"
    beach, cat = fitted(photos / "coral_kite_and_cold.jpg", wide=900), fitted(photos / "coral_cat_1080p.jpg", wide=760)
    face = fitted(Path(skimage.data.__path__[0]) / "astronaut.png")
    makers = {
        "beach": lambda seconds: pan(beach, seconds),
        "title": lambda seconds: card(["THE DARKROOM"], seconds),
        "cat": lambda seconds: pan(cat, seconds),
        "face": lambda seconds: talking(face, seconds),
        "dark": lambda seconds: held(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), seconds),
        "brawl": lambda seconds: brawl(fitted(photos / "coral_parrot.jpg"), seconds),
        "still": lambda seconds: held(fitted(photos / "sceaux_100_7101.JPG"), seconds),
        "roll": lambda seconds: card(NAMES, seconds, rolling=True),
        "after": lambda seconds: pan(fitted(photos / "immich_japanese-shop.jpg", wide=800), seconds),
    }
    return watched(encoded(frame for name, seconds in PLAN for frame in makers[name](seconds)), models)


@pytest.fixture(scope="module")
def found(film: tuple[Look, ...]) -> tuple[Section, ...]:
    roll = next(span for span, (name, _) in zip(shots(), PLAN, strict=True) if name == "roll")
    texts = [TextResult("THE DARKROOM", 0.99, span=shots()[1])]
    texts += [
        TextResult(name, 0.95, span=Span(roll.start_s + index / 2, min(roll.end_s, roll.start_s + index / 2 + 4)))
        for index, name in enumerate(NAMES)
    ]
    people = [
        Constellation(span, (Presence(0, 1.0),) if name == "face" else ())
        for span, (name, _) in zip(shots(), PLAN, strict=True)
    ]
    return sections(shots(), film, motion(film, shots()), 2.0, people, texts, critical=["Cat"])


def test_each_stretch_is_called_what_it_is(found: tuple[Section, ...]) -> None:
    assert [section.tag for section in found] == [
        *("intro", "title_card", "cat", "talking_head", "black", "action", "still", "credits", "outro"),
    ]


def test_the_cat_returns_and_is_one_section_with_two_spans(found: tuple[Section, ...]) -> None:
    assert [(span.start_s, span.end_s) for span in found[2].spans] == [(7.0, 11.0), (16.0, 20.0)]
    assert [section.is_critical for section in found] == [section.tag == "cat" for section in found]


def test_thumbnails_are_inside_and_never_black(found: tuple[Section, ...], film: tuple[Look, ...]) -> None:
    for section in found:
        assert any(span.start_s <= section.thumbnail_s < span.end_s for span in section.spans)
        if section.tag not in ("black", "title_card", "credits"):
            shown = min(film, key=lambda look: abs(look.time_s - section.thumbnail_s))
            assert shown.exposure > 0.1 and shown.dark < 0.9


def test_only_what_moves_by_itself_is_active(found: tuple[Section, ...]) -> None:
    activity = {section.tag: section.relative_activity for section in found}
    assert activity["action"] == 1.0
    assert max(activity["still"], activity["black"], activity["title_card"]) < 0.05


def test_the_film_has_the_tags_of_its_shots(film: tuple[Look, ...]) -> None:
    probability = {tag.name: tag.probability for tag in video_tags(film, critical=())}
    assert probability["cat"] > 0.8 and probability["animal"] >= probability["cat"]
    assert {"person", "building"} <= set(probability)
    assert "nudity" not in probability


def test_without_readers_and_faces_less_is_said_and_nothing_wrong(film: tuple[Look, ...]) -> None:
    tags = [section.tag for section in sections(shots(), film, motion(film, shots()), 2.0, None, None, ())]
    assert set(tags).isdisjoint({"intro", "outro", "credits", "title_card", "talking_head"})
    assert "cat" in tags and "black" in tags


def test_without_models_structure_and_thumbnails_remain(shared: Path, film: tuple[Look, ...]) -> None:
    data = (shared / "media/video/composed_18_shots.mp4").read_bytes()
    looks = watched(data, None)
    assert not any(look.judged for look in looks)
    halves = [Span(0, 10), Span(10, 61.3)]
    found = sections(halves, looks, motion(looks, halves), 2.0, None, None, ())
    assert video_tags(looks, critical=()) == ()
    assert {section.tag for section in found} <= {"scene", "still", "black", "action"}


def test_the_sections_of_the_composed_video_are_its_shots_and_those_that_return(
    shared: Path, models: OnnxModels
) -> None:
    folder = shared / "media" / "video"
    truth = json.loads((folder / "composed_18_shots.json").read_text())
    looks = watched((folder / "composed_18_shots.mp4").read_bytes(), models)
    cuts = [0.0, *(change["frame"] / 30 for change in truth["gt"]), truth["frames"] / 30]
    spans = [Span(start, end) for start, end in itertools.pairwise(cuts)]
    found = sections(spans, looks, motion(looks, spans), 2.0, None, None, ())
    returning = sorted(
        tuple(next(index for index, shot in enumerate(spans) if shot.start_s == span.start_s) for span in section.spans)
        for section in found
        if len(section.spans) > 1
    )
    # The palace and the deer are there twice; no neighbours among the 18 belong together.
    assert returning == [(1, 8), (4, 17)]
    assert len(found) == 16
    assert [section.tag for section in found if section.spans[0] in (spans[12], spans[13])] == ["cat", "bottle"]
    assert {section.tag for section in found} & {"talking_head", "credits", "title_card", "crowd"} == set()
    # Slow camera moves over photographs are no action.
    assert [section.tag for section in found].count("action") == 0


def test_what_is_kept_of_a_video_does_not_hold_its_frames(film: tuple[Look, ...]) -> None:
    assert len(film) == 80
    assert all(len(look.signature) == 67 and len(look.labels) < 60 for look in film)
