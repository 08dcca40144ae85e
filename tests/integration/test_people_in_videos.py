"""People in videos: composed ones whose truth is known, and the given clips, through the real decoder and models."""

import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
import simplejpeg
import skimage.data
from numpy.typing import NDArray

from pipeline.domain.analysis import Constellation, Gender, Person, Span
from pipeline.domain.media import VideoLimits
from pipeline.inference import OnnxModels
from pipeline.media.video import opened, watch
from pipeline.stages.analyze.people import KnownFace, PeopleWatcher, allowlisted, embedding_of_picture

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT, RATE = 960, 540, 12


@dataclass(frozen=True)
class Cast:
    """Who plays in the composed videos: pictures with one person each, and a background without any."""

    people: dict[str, Pixels]
    background: Pixels
    known: tuple[KnownFace, ...]

    def name_of(self, person: Person) -> str:
        (best,) = sorted(self.known, key=lambda known: -np.dot(known.embedding, person.embedding))[:1]
        return best.name


@dataclass(frozen=True)
class Shot:
    """Seconds of pictures at places (x, y of the middle, height; fractions of the frame), panned and zoomed."""

    seconds: float
    places: dict[str, tuple[float, float, float]]
    pan: float = 0.0
    zoom: float = 1.0
    hidden: tuple[float, float] = (0.0, 0.0)

    def frames(self, cast: Cast) -> Iterator[Pixels]:
        count = round(self.seconds * RATE)
        for number in range(count):
            part = number / max(1, count - 1)
            canvas = np.roll(cast.background, round(40 * part), axis=1)
            if not self.hidden[0] <= number / RATE < self.hidden[1]:
                for name, (x, y, size) in self.places.items():
                    height = round(size * HEIGHT * (1 + (self.zoom - 1) * part))
                    paste(canvas, cast.people[name.rstrip("'")], x + self.pan * part, y, height)
            yield canvas


def paste(canvas: Pixels, picture: Pixels, x: float, y: float, height: int) -> None:
    scale = height / len(picture)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top = round(x * WIDTH - small.shape[1] / 2), round(y * HEIGHT - small.shape[0] / 2)
    inside = small[max(0, -top) : HEIGHT - top, max(0, -left) : WIDTH - left]
    canvas[max(0, top) :, max(0, left) :][: inside.shape[0], : inside.shape[1]] = inside


def composed(path: Path, cast: Cast, shots: Sequence[Shot], *, rate: str) -> list[Span]:
    """The shots as H.264 at `path`; returns where they lie."""
    options = ["-b:v", rate, "-preset", "veryfast"]
    writer = imageio_ffmpeg.write_frames(
        str(path), (WIDTH, HEIGHT), fps=RATE, quality=None, macro_block_size=2, output_params=options
    )
    writer.send(None)
    for shot in shots:
        for frame in shot.frames(cast):
            writer.send(np.ascontiguousarray(frame))
    writer.close()
    ends = np.cumsum([0.0, *(round(shot.seconds * RATE) / RATE for shot in shots)])
    return [Span(float(start), float(end)) for start, end in itertools.pairwise(ends)]


@pytest.fixture(scope="module")
def models(shared: Path) -> OnnxModels:
    return OnnxModels(shared / "models")


@pytest.fixture(scope="module")
def cast(shared: Path, models: OnnxModels) -> Cast:
    def picture(name: str) -> Pixels:
        pixels = simplejpeg.decode_jpeg((shared / name).read_bytes(), colorspace="RGB")
        scale = min(1.0, 960 / max(pixels.shape))
        return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    people = {
        "astronaut": np.asarray(skimage.data.astronaut(), dtype=np.uint8)[:400, 60:400],
        "barkeeper": picture("media/photos/immich_craft-beer.jpg")[40:460, 300:700],
        "curie": picture("media/photos/immich_portrait.jpg")[60:520, 150:450],
    }
    background = cv2.resize(picture("media/photos/sceaux_100_7100.JPG"), (WIDTH, HEIGHT))
    known = tuple(KnownFace(name, embedding_of_picture(np.ascontiguousarray(p), models)) for name, p in people.items())
    return Cast(people, background, known)


def watched(file: io.BufferedIOBase, models: OnnxModels) -> tuple[PeopleWatcher, float]:
    watcher = PeopleWatcher(models)
    with opened(file, VideoLimits()) as video:
        watch(video, [watcher])
        return watcher, video.end_s


def named(
    spans: Sequence[Constellation], people: Sequence[Person], cast: Cast
) -> list[tuple[float, float, tuple[str, ...]]]:
    names = {person.id: cast.name_of(person) for person in people}
    return [
        (
            round(one.span.start_s, 2),
            round(one.span.end_s, 2),
            tuple(sorted(names[presence.person_id] for presence in one.people)),
        )
        for one in spans
    ]


@pytest.mark.parametrize(("rate", "size"), [("900k", 0.9), ("150k", 0.9), ("600k", 0.5)])
def test_who_comes_back_after_a_cut_is_the_same_person(
    tmp_path: Path, cast: Cast, models: OnnxModels, rate: str, size: float
) -> None:
    shots = [
        Shot(3, {"astronaut": (0.4, 0.5, size)}, pan=0.2),
        Shot(2, {"barkeeper": (0.5, 0.5, size)}, zoom=1.2),
        Shot(3, {"astronaut": (0.6, 0.5, size * 0.8)}, pan=-0.2),
        Shot(4, {"astronaut": (0.25, 0.5, size), "barkeeper": (0.75, 0.5, size)}),
        Shot(2, {}),
        Shot(4, {"barkeeper": (0.5, 0.5, size)}, hidden=(1.5, 2.5)),
    ]
    spans = composed(tmp_path / "video.mp4", cast, shots, rate=rate)
    with (tmp_path / "video.mp4").open("rb") as file:
        watcher, _ = watched(file, models)
    people = watcher.people()
    assert [cast.name_of(person) for person in people] == ["astronaut", "barkeeper"]
    assert named(watcher.constellations(spans), people, cast) == [
        (0, 3, ("astronaut",)),
        (3, 5, ("barkeeper",)),
        (5, 8, ("astronaut",)),
        (8, 12, ("astronaut", "barkeeper")),
        (12, 14, ()),
        (14, 18, ("barkeeper",)),
    ]


def test_what_is_found_carries_age_gender_vector_thumbnail_and_the_list(
    tmp_path: Path, cast: Cast, models: OnnxModels
) -> None:
    shots = [Shot(3, {"barkeeper": (0.3, 0.5, 0.9), "curie": (0.7, 0.5, 0.9)}, pan=0.05)]
    composed(tmp_path / "video.mp4", cast, shots, rate="900k")
    with (tmp_path / "video.mp4").open("rb") as file:
        people = watched(file, models)[0].people()
    assert all(len(person.embedding) == 128 and person.thumbnail[:3] == b"\xff\xd8\xff" for person in people)
    listed = allowlisted(people, [known for known in cast.known if known.name == "curie"])
    assert {cast.name_of(person): person.allowlisted for person in listed} == {"barkeeper": False, "curie": True}
    (barkeeper,) = (person for person in people if cast.name_of(person) == "barkeeper")
    assert barkeeper.gender == Gender.FEMALE
    assert barkeeper.age is not None
    assert 18 <= barkeeper.age <= 35


def test_one_person_twice_in_a_frame_stays_two(tmp_path: Path, cast: Cast, models: OnnxModels) -> None:
    shots = [Shot(2, {"curie": (0.25, 0.5, 0.9), "curie'": (0.75, 0.5, 0.9)}), Shot(2, {"curie": (0.5, 0.5, 0.9)})]
    spans = composed(tmp_path / "video.mp4", cast, shots, rate="900k")
    with (tmp_path / "video.mp4").open("rb") as file:
        watcher, _ = watched(file, models)
    assert len(watcher.people()) == 2
    both, one = watcher.constellations(spans)
    assert [presence.relative_prominence for presence in both.people] == pytest.approx([0.5, 0.5], abs=0.05)
    assert len(one.people) == 1


def test_a_shot_of_a_quarter_of_a_second_is_not_missed(tmp_path: Path, cast: Cast, models: OnnxModels) -> None:
    names = ["astronaut", "barkeeper", "curie"]
    shots = [Shot(0.25, {name: (0.5, 0.5, 0.9)}) for name in names] + [Shot(1, {}), Shot(1, {"curie": (0.5, 0.5, 0.9)})]
    spans = composed(tmp_path / "video.mp4", cast, shots, rate="900k")
    with (tmp_path / "video.mp4").open("rb") as file:
        watcher, _ = watched(file, models)
    found = named(watcher.constellations(spans), watcher.people(), cast)
    assert [people for _, _, people in found] == [("astronaut",), ("barkeeper",), ("curie",), (), ("curie",)]


@pytest.mark.parametrize("name", ["bbb_small_1080p30.mp4", "psd_fades.mp4", "psd_testvideo.mp4"])
def test_a_cartoon_rabbit_and_landscapes_are_no_people(shared: Path, models: OnnxModels, name: str) -> None:
    with (shared / "media/video" / name).open("rb") as file:
        watcher, end_s = watched(file, models)
    assert watcher.people() == ()
    assert watcher.constellations([Span(0, end_s)]) == (Constellation(Span(0, end_s)),)


def test_a_film_scene_has_a_woman_a_man_and_a_caricature_on_a_screen(shared: Path, models: OnnxModels) -> None:
    with (shared / "media/video/psd_goldeneye-vfr-drop3.mp4").open("rb") as file:
        watcher, end_s = watched(file, models)
    people = watcher.people()
    assert sorted(person.gender for person in people) == [Gender.FEMALE, Gender.MALE, Gender.MALE]
    last = watcher.constellations([Span(0, 8.7), Span(8.7, end_s)])[-1]
    assert [presence.person_id for presence in last.people] == [1, 2]


def test_no_frames_no_people(models: OnnxModels) -> None:
    watcher = PeopleWatcher(models)
    assert watcher.people() == ()
    assert watcher.constellations([]) == ()
