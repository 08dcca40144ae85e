"""Renditions of real and of odd videos, made by the real ffmpeg and looked at with PyAV."""

import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from pipeline.domain.analysis import Section, Span, VideoFacts, VideoFindings
from pipeline.errors import Stopped
from pipeline.media.video_renditions import RenderOptions, find_ffmpeg
from pipeline.stages.render_video import RenderedVideo, render_video

COLORS = ((200, 30, 30), (30, 160, 40), (30, 40, 200))
"""Of three shots of a second each: nobody can take one for another."""


def facts_of(path: Path) -> VideoFacts:
    with av.open(str(path)) as container:
        stream, seconds = container.streams.video[0], (container.duration or 0) / 1e6
        return VideoFacts(
            *("video/mp4", container.format.name, stream.codec.name, stream.width, stream.height, 0),
            *(seconds, 25.0, bool(container.streams.audio), path.stat().st_size, "0" * 64),
        )


def findings_of(seconds: float, *bounds: float) -> VideoFindings:
    edges = (0.0, *bounds, seconds)
    shots = tuple(Span(start, end) for start, end in pairwise(edges))
    sections = tuple(
        Section("still", (shot,), (shot.start_s + shot.end_s) / 2, 0.5 + index / 100, False, 0.0)
        for index, shot in enumerate(shots)
    )
    return VideoFindings(seconds, round(25 * seconds), shots, 5.0, (0.0,), sections=sections)


def rendered(path: Path, folder: Path, *bounds: float, options: RenderOptions | None = None) -> RenderedVideo:
    facts = facts_of(path)
    seconds = facts.duration_s or 0.04
    return render_video(
        path, facts, findings_of(seconds, *bounds), folder=folder, container=facts.container, options=options
    )


def pictures_of(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[0])
        return [(float(frame.time or 0), np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in frames]


def color_of(picture: NDArray[np.uint8]) -> int:
    """Which of `COLORS` the middle of the picture is nearest to."""
    height, width = picture.shape[:2]
    middle = picture[height // 2, width // 2].astype(float)
    return int(np.argmin([np.abs(middle - color).sum() for color in COLORS]))


def write(path: Path, pixels: list[NDArray[np.uint8]], *, codec: str, form: str = "yuv420p", rate: int = 25) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pixels[0].shape[:2]
        stream.pix_fmt = form
        for index, picture in enumerate(pixels):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def colored(width: int, height: int, frames: int = 25) -> list[NDArray[np.uint8]]:
    return [np.full((height, width, 3), color, np.uint8) for color in COLORS for _ in range(frames)]


def ffmpeg(*arguments: str) -> None:
    subprocess.run([find_ffmpeg().path, "-nostdin", "-loglevel", "error", "-y", *arguments], check=True)


@pytest.fixture
def colors(tmp_path: Path) -> Path:
    path = tmp_path / "colors.mp4"
    write(path, colored(320, 180), codec="libx264")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    return made


def test_each_shot_has_a_thumbnail_of_itself_and_each_section_a_clip_of_itself(colors, folder):
    result = rendered(colors, folder, 1.0, 2.0)
    assert result.notes == ()
    for index in range(3):
        thumbnail = result.file(f"shot_{index + 1:04d}")
        assert color_of(simplejpeg.decode_jpeg(thumbnail.path.read_bytes())) == index
        frames = pictures_of(result.file(f"clip_{index + 1:02d}").path)
        assert {color_of(picture) for _, picture in frames} == {index}
        assert len(frames) == 25


def test_a_made_file_is_described_as_it_lies_there(colors, folder):
    for made in rendered(colors, folder, 1.0, 2.0).files:
        data = made.path.read_bytes()
        assert made.bytes == len(data)
        assert len(made.sha256) == 64
        if made.media_type == "image/jpeg":
            assert simplejpeg.decode_jpeg(data).shape[:2] == (made.height, made.width)
        else:
            assert pictures_of(made.path)[0][1].shape[:2] == (made.height, made.width)
            assert data.index(b"moov") < data.index(b"mdat"), "it plays before it is there whole"


def test_the_same_video_gives_the_same_bytes_again(colors, folder, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    first, second = rendered(colors, folder, 1.0), rendered(colors, again, 1.0)
    assert [made.sha256 for made in first.files] == [made.sha256 for made in second.files]


@pytest.mark.parametrize(
    ("name", "codec", "form", "size"),
    [
        ("a.webm", "libvpx-vp9", "yuv420p", (17, 7)),
        ("a.avi", "png", "rgb24", (13, 7)),
        ("a.mkv", "ffv1", "yuv420p", (2000, 4)),
        ("a.mkv", "ffv1", "yuv420p", (6, 1200)),
        ("a.mp4", "libx265", "yuv420p10le", (128, 96)),
        ("a.webm", "libvpx-vp9", "yuva420p", (64, 48)),
        ("a.mov", "prores_ks", "yuva444p10le", (64, 48)),
        ("a.mov", "qtrle", "argb", (64, 48)),
    ],
)
def test_odd_sizes_and_pixel_formats_have_everything(tmp_path, folder, name, codec, form, size):
    path = tmp_path / name
    write(path, colored(*size, frames=4), codec=codec, form=form)
    result = rendered(path, folder)
    assert result.notes == ()
    assert [made.name for made in result.files] == ["preview", "poster", "clip_01", "shot_0001", "contact_sheet"]
    preview = result.file("preview")
    assert preview.width % 2 == preview.height % 2 == 0
    assert 2 <= max(preview.width, preview.height) <= 640
    with av.open(str(preview.path)) as container:
        assert container.streams.video[0].pix_fmt == "yuv420p"
        assert container.streams.video[0].codec.name == "h264"


def test_a_video_of_one_frame_has_everything(tmp_path, folder):
    path = tmp_path / "one.mp4"
    write(path, colored(100, 60, frames=1)[:1], codec="libx264")
    result = rendered(path, folder)
    assert result.notes == ()
    assert len(pictures_of(result.file("preview").path)) == 1
    assert color_of(simplejpeg.decode_jpeg(result.file("poster").path.read_bytes())) == 0


def test_a_turned_video_is_upright_everywhere(colors, folder, tmp_path):
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation:v:0", "90", "-i", str(colors), "-c", "copy", str(turned))
    result = rendered(turned, folder)
    sizes = {name: (result.file(name).width, result.file(name).height) for name in ("preview", "poster", "shot_0001")}
    assert set(sizes.values()) == {(180, 320)}


def test_pixels_that_are_no_squares_become_squares(colors, folder, tmp_path):
    wide = tmp_path / "wide.mp4"
    ffmpeg("-i", str(colors), "-vf", "setsar=2", "-c:v", "libx264", str(wide))
    result = rendered(wide, folder)
    assert (result.file("preview").width, result.file("preview").height) == (640, 180)
    assert (result.file("poster").width, result.file("poster").height) == (640, 180)


def test_sound_is_kept_as_aac_and_sound_that_began_earlier_shifts_no_picture(colors, folder, tmp_path):
    late = tmp_path / "late.mp4"
    graph = "[0:v]setpts=PTS+0.7/TB[v]"
    inputs = ("-i", str(colors), "-f", "lavfi", "-i", "sine=d=3.7")
    ffmpeg(*inputs, "-filter_complex", graph, "-map", "[v]", "-map", "1", "-c:v", "libx264", "-c:a", "aac", str(late))
    result = rendered(late, folder, 1.0, 2.0)
    with av.open(str(result.file("preview").path)) as container:
        assert [stream.codec.name for stream in container.streams.audio] == ["aac"]
    thumbnails = [result.file(f"shot_000{number}") for number in (1, 2, 3)]
    assert [color_of(simplejpeg.decode_jpeg(each.path.read_bytes())) for each in thumbnails] == [0, 1, 2]


def test_a_sound_track_that_cannot_be_decoded_leaves_a_silent_preview(colors, folder, tmp_path):
    odd = tmp_path / "odd.mkv"
    inputs = ("-i", str(colors), "-f", "lavfi", "-i", "sine=d=3")
    ffmpeg(*inputs, "-c:v", "copy", "-c:a", "pcm_s16le", str(odd))
    odd.write_bytes(odd.read_bytes().replace(b"A_PCM/INT/LIT", b"A_XXX/INT/LIT"))
    facts = facts_of(odd)
    assert facts.has_audio
    result = render_video(odd, facts, findings_of(3.0), folder=folder, container="matroska")
    assert result.notes == ("The preview is silent: the sound track could not be decoded.",)
    assert len(pictures_of(result.file("preview").path)) == 75


def test_times_of_a_variable_frame_rate_are_kept(shared, folder):
    path = shared / "media" / "video" / "psd_goldeneye-vfr-drop3.mp4"
    preview = rendered(path, folder).file("preview")
    ours, theirs = (np.array([time for time, _ in pictures_of(each)]) for each in (preview.path, path))
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs).max() < 0.001


def test_a_hundred_frames_a_second_become_about_thirty(tmp_path, folder):
    path = tmp_path / "fast.mp4"
    write(path, colored(64, 48, frames=50), codec="libx264", rate=100)
    assert 35 <= len(pictures_of(rendered(path, folder).file("preview").path)) <= 55


def test_of_a_broken_tail_what_can_be_decoded_is_shown(colors, folder, tmp_path):
    whole, broken = tmp_path / "whole.mp4", tmp_path / "broken.mp4"
    noise = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4")
    ffmpeg(*noise, "-c:v", "libx264", "-movflags", "+faststart", str(whole))
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    result = render_video(broken, facts_of(broken), findings_of(2.0, 1.0), folder=folder, container="mov")
    assert result.notes == ()
    assert 30 < len(pictures_of(result.file("preview").path)) < 100


def test_pictures_that_change_their_size_on_the_way_do_not_end_the_preview(colors, folder, tmp_path):
    parts = []
    for number, size in enumerate(("320x180", "240x320")):
        part = tmp_path / f"{number}.ts"
        source = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=2")
        ffmpeg(*source, "-c:v", "libx264", "-output_ts_offset", str(2 * number), "-f", "mpegts", str(part))
        parts.append(part.read_bytes())
    path = tmp_path / "change.ts"
    path.write_bytes(b"".join(parts))
    result = render_video(path, facts_of(path), findings_of(4.0, 2.0), folder=folder, container="mpegts")
    assert len(pictures_of(result.file("preview").path)) > 80
    assert result.file("shot_0002") is not None


def test_behind_the_end_of_the_preview_clips_and_thumbnails_come_from_the_original(colors, folder):
    result = rendered(colors, folder, 1.0, 2.0, options=RenderOptions(preview_s=1.5))
    assert result.notes == ("The preview shows the first 0:01 of the video.",)
    assert len(pictures_of(result.file("preview").path)) in (37, 38)
    assert color_of(simplejpeg.decode_jpeg(result.file("shot_0003").path.read_bytes())) == 2
    assert {color_of(picture) for _, picture in pictures_of(result.file("clip_03").path)} == {2}


def test_what_no_decoder_takes_is_a_note_for_each_file_and_no_failure(tmp_path, folder):
    path = tmp_path / "noise.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + bytes(range(256)) * 40)
    facts = VideoFacts("video/mp4", "mov", "h264", 64, 48, 0, 3.0, 25.0, False, 1, "0" * 64)
    result = render_video(path, facts, findings_of(3.0), folder=folder, container="mov")
    assert result.files == ()
    assert [note.partition(": ")[0] for note in result.notes] == [
        "There is no preview",
        "There is no poster",
        "There is no clip at 0:00",
        "1 of 1 shots have no thumbnail",
    ]


def test_nothing_of_the_originals_metadata_is_handed_on(colors, folder, tmp_path):
    tagged = tmp_path / "tagged.mp4"
    ffmpeg(
        "-i", str(colors), "-c", "copy", "-metadata", "title=OUR SECRET", "-metadata", "location=+52+021/", str(tagged)
    )
    assert b"OUR SECRET" in tagged.read_bytes()
    for made in rendered(tagged, folder).files:
        assert b"SECRET" not in made.path.read_bytes()
        assert b"+52" not in made.path.read_bytes()


@pytest.mark.parametrize("answer", [True, "the job was cancelled"])
def test_a_video_on_its_way_is_stopped_when_somebody_asks_for_it(tmp_path, folder, answer):
    path = tmp_path / "long.mkv"
    still = cv2.resize(np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8), (1280, 720))
    write(path, [still] * 200, codec="mpeg4")
    asked: list[bool] = []

    def should_stop() -> bool | str:
        asked.append(True)
        return len(asked) > 2 and answer

    with pytest.raises(Stopped, match="cancelled" if answer is not True else "no longer wanted"):
        render_video(
            path, facts_of(path), findings_of(8.0), folder=folder, container="matroska", should_stop=should_stop
        )
    assert len(asked) == 3


@pytest.mark.parametrize("name", ["video_rotation_90.mp4", "minimal.mp4", "avi.avi", "webm.webm"])
def test_each_odd_video_of_the_corpus_has_everything(shared, folder, name):
    result = rendered(shared / "corpus" / "video" / name, folder)
    assert result.notes == ()
    assert {made.name for made in result.files} == {"preview", "poster", "clip_01", "shot_0001", "contact_sheet"}
