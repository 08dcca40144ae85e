"""Videos that are damaged, hostile or above the limits are read as far as they go, or refused with the reason."""

import csv
import os
import re
import socket
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.domain.media import VideoLimits
from pipeline.errors import (
    CorruptMedia,
    MediaError,
    TooLong,
    TooManyBytes,
    TooManyPixels,
    UnsupportedType,
    UnsupportedVariant,
)
from pipeline.media.video import opened
from tests.integration.video_files import H264, made, read

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(os.environ.get("DARKROOM_SHARED", REPOSITORY.parent / "shared")) / "corpus"
HONEST_REFUSALS = {"corrupt", "unsupported_type", "unsupported_variant"}


def corpus_rows() -> list[dict[str, str]]:
    manifest = CORPUS / "manifest_video.csv"
    if not manifest.is_file():
        return []
    with manifest.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", corpus_rows(), ids=lambda row: row["file"])
def test_a_video_of_the_corpus_gets_its_outcome(row: dict[str, str], shared: Path) -> None:
    listed = set(re.findall(r"[a-z_]+", row["expected"].partition("reject:")[2]))
    refusals = HONEST_REFUSALS if row["expected"].startswith("either") else listed
    try:
        video, frames = read(shared / "corpus" / "video" / row["file"])
    except MediaError as exc:
        found = exc.code
    else:
        assert row["expected"].startswith(("accept", "either"))
        assert len(frames) == video.read > 0
        return
    assert found in refusals


@pytest.mark.parametrize("name", ["cut.mkv", "cut.ts", "cut.mp4"])
def test_a_file_that_ends_early_is_read_as_far_as_it_goes(name: str, tmp_path: Path) -> None:
    first = ("-movflags", "+faststart") if name.endswith("mp4") else ()
    path = made(tmp_path / name, *H264, "-g", "25", *first, seconds=8)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    video, frames = read(path)
    assert 50 <= len(frames) <= 150
    assert all(one.time_s < other.time_s for one, other in pairwise(frames))
    if not name.endswith("ts"):  # a transport stream promises nothing: it is as long as what is there
        assert any("ends early" in note and "8.0 seconds" in note for note in video.notes)


def test_a_file_whose_index_is_missing_is_corrupt(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mp4", *H264)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptMedia):
        read(path)


def test_damage_in_the_middle_costs_its_own_frames(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mkv", *H264, "-g", "10", size="640x360", seconds=4)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    video, frames = read(path)
    assert 80 <= len(frames) <= 100
    assert frames[-1].time_s > 3.8
    assert any("damaged" in note for note in video.notes)


def test_noise_behind_a_real_header_is_refused_or_read_but_never_a_bug(tmp_path: Path) -> None:
    path = made(tmp_path / "a.ts", *H264, seconds=1)
    data = path.read_bytes()
    chance = np.random.default_rng(3)
    for share in (0.001, 0.01, 0.1):
        noisy = np.frombuffer(data, np.uint8).copy()
        hit = chance.random(noisy.size) < share
        noisy[hit] = chance.integers(0, 256, int(hit.sum()))
        path.write_bytes(data[:1000] + noisy.tobytes()[1000:])
        try:
            video, frames = read(path)
        except MediaError as exc:
            assert exc.code in HONEST_REFUSALS  # noqa: PT017 - either answer is right
        else:
            assert video.read == len(frames)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (VideoLimits(max_bytes=1000), TooManyBytes),
        (VideoLimits(max_pixels=320 * 180 - 1), TooManyPixels),
        (VideoLimits(max_duration_s=1.0), TooLong),
        (VideoLimits(max_frames=10), TooLong),
    ],
)
def test_what_exceeds_a_limit_is_refused(limits: VideoLimits, error: type[MediaError], tmp_path: Path) -> None:
    with pytest.raises(error):
        read(made(tmp_path / "a.mp4", *H264), limits)


def test_a_stream_that_promises_nothing_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    path = made(tmp_path / "a.ts", *H264)
    with path.open("rb") as file, opened(file, VideoLimits(max_frames=10)) as video, pytest.raises(TooLong):
        list(video.frames())


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    _, frames = read(made(tmp_path / "a.mp4", *H264), VideoLimits(max_frames=50, max_pixels=320 * 180))
    assert len(frames) == 50


def test_a_codec_that_is_not_listed_is_an_unsupported_variant(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedVariant, match="cinepak"):
        read(made(tmp_path / "a.avi", "-c:v", "cinepak", size="64x64", seconds=0.2))


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{url}'\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>',
    ],
)
def test_a_playlist_is_refused_and_the_address_in_it_is_never_called(text: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        path = tmp_path / "a.mp4"
        path.write_text(text.format(url=f"http://127.0.0.1:{canary.getsockname()[1]}/a.ts"))
        with pytest.raises(UnsupportedType):
            read(path)
        canary.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            canary.accept()


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """A transport stream whose pictures become larger, with a new clock, after a second."""
    parts = [made(tmp_path / f"{size}.ts", *H264, size=size, seconds=1) for size in ("320x180", "1280x720")]
    path = tmp_path / "growing.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def test_pictures_that_grow_on_the_way_keep_their_planes_and_run_on(growing: Path) -> None:
    video, frames = read(growing)
    assert len(frames) == 50
    assert {frame.y.shape for frame in frames} == {(180, 320)}
    assert video.end_s == pytest.approx(2.0, abs=0.05)


def test_pictures_that_grow_beyond_the_limit_are_refused(growing: Path) -> None:
    with pytest.raises(TooManyPixels):
        read(growing, VideoLimits(max_pixels=1280 * 720 - 1))
