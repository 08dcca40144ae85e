"""The shots of real clips are those that one sees in them."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from benchmark.video import GIVEN, NEAR, Tally
from benchmark.video_compositions import Transition
from pipeline.domain.analysis import Span
from pipeline.media.video import opened, watch
from pipeline.stages.analyze.shots import ActivityWatcher, ShotWatcher
from tests.integration.video_files import LIMITS


class Seen:
    """What was found in a clip. `starts` are numbers of the frames that begin the second and later shots."""

    def __init__(self, path: Path) -> None:
        watcher = ShotWatcher()
        moving = ActivityWatcher(watcher)
        times = []
        with path.open("rb") as file, opened(file, LIMITS) as video:
            for frame in video.frames():
                watcher.see(frame)
                moving.see(frame)
                times.append(frame.time_s)
            self.end_s = video.end_s
        self.spans: tuple[Span, ...] = watcher.shots(self.end_s)
        self.starts = [times.index(span.start_s) for span in self.spans[1:]]
        self.activity = moving.activity


@pytest.fixture(scope="module")
def composed(shared: Path) -> Seen:
    return Seen(shared / "media" / "video" / "composed_18_shots.mp4")


@pytest.fixture(scope="module")
def truth(shared: Path) -> tuple[Transition, ...]:
    listed = json.loads((shared / "media" / "video" / "composed_18_shots.json").read_text())["gt"]
    return tuple(Transition(each["type"], each["start"], each["end"]) for each in listed)


def test_every_cut_is_found_within_two_frames(composed: Seen, truth: tuple[Transition, ...]) -> None:
    cuts = [each.start for each in truth if each.kind == "cut"]
    assert len(cuts) == 14
    assert all(any(abs(at - cut) <= NEAR for at in composed.starts) for cut in cuts)


def test_nothing_else_is_taken_for_a_transition(composed: Seen, truth: tuple[Transition, ...]) -> None:
    assert all(any(each.start - NEAR <= at <= each.end + NEAR for each in truth) for at in composed.starts)
    assert len(composed.starts) <= len(truth)


def test_crossfades_and_the_fade_are_found(composed: Seen, truth: tuple[Transition, ...]) -> None:
    gradual = [each for each in truth if each.kind != "cut"]
    found = [each for each in gradual if any(each.start <= at <= each.end for at in composed.starts)]
    assert len(found) >= 2


def test_precision_and_recall_are_those_we_promise(composed: Seen, truth: tuple[Transition, ...]) -> None:
    tally = Tally()
    tally.add(composed.starts, truth)
    assert tally.figures()["precision"] >= 0.95
    assert tally.figures()["recall"] >= 0.94


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_clips_transitions_are_found_and_no_others(name: str, shared: Path) -> None:
    tally = Tally()
    tally.add(Seen(shared / "media" / "video" / name).starts, GIVEN[name])
    assert (tally.wrong, tally.missed) == (0, 0)


def test_shots_cover_the_video(composed: Seen) -> None:
    assert composed.spans[0].start_s == 0.0
    assert composed.spans[-1].end_s == composed.end_s == pytest.approx(1840 / 30)
    assert all(one.end_s == other.start_s for one, other in pairwise(composed.spans))


def test_dropped_frames_move_no_cut(shared: Path) -> None:
    whole = Seen(shared / "media" / "video" / "psd_issue-134-rotate.mp4")
    dropped = Seen(shared / "media" / "video" / "psd_goldeneye-vfr-drop3.mp4")
    for one, other in zip(whole.spans, dropped.spans, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=0.05)


@pytest.mark.parametrize("row", ["minimal.mp4", "video_rotation_90.mp4", "webm.webm"])
def test_the_smallest_videos_are_one_shot(row: str, shared: Path) -> None:
    seen = Seen(shared / "corpus" / "video" / row)
    [span] = seen.spans
    assert (span.start_s, span.end_s) == (0.0, seen.end_s)


def test_a_photograph_on_screen_moves_less_than_a_camera_that_pans(composed: Seen) -> None:
    def mean(start_s: float, end_s: float) -> float:
        numbers = composed.activity[int(start_s * 4) : int(end_s * 4)]
        return sum(numbers) / len(numbers)

    still, panned = composed.spans[0], composed.spans[2]
    assert mean(still.start_s, still.end_s) < 0.05 < mean(panned.start_s, panned.end_s)


def test_activity_is_measured_over_the_whole_video(composed: Seen) -> None:
    assert len(composed.activity) == int(4 * (1839 / 30))
    assert all(0.0 <= number <= 1.0 for number in composed.activity)


def test_watching_moves_nothing_that_is_watched(shared: Path) -> None:
    """Both watchers share one pass, so neither may change what the other sees."""
    path = shared / "media" / "video" / "bbb_small_1080p30.mp4"
    alone, with_activity = ShotWatcher(), ShotWatcher()
    for watchers in ((alone,), (ActivityWatcher(with_activity), with_activity)):
        with path.open("rb") as file, opened(file, LIMITS) as video:
            watch(video, watchers)
    assert alone.shots(10.0) == with_activity.shots(10.0)
