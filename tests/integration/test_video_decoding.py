"""Videos of every kind are decoded to upright frames with the right times."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import NoVideo
from pipeline.media.video import PLANE_SIDE, Frame, opened, watch
from tests.integration.video_files import H264, LIMITS, ffmpeg, made, read


def test_a_phones_rotation_is_undone(shared: Path) -> None:
    video, [frame] = read(shared / "corpus" / "video" / "video_rotation_90.mp4")
    assert (video.width, video.height, video.rotation) == (60, 100, 90)
    assert frame.y.shape == (100, 60)
    assert frame.rgb(1000).shape == (100, 60, 3)


@pytest.mark.parametrize(("degrees", "corner"), [(90, "bottom left"), (180, "bottom right"), (270, "top right")])
def test_each_rotation_turns_the_picture_the_right_way(degrees: int, corner: str, tmp_path: Path) -> None:
    flat, turned = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    # White in the top left quarter of the coded picture: after `degrees` anticlockwise it is in `corner`.
    draw = "color=black:size=64x64:rate=5:duration=1,drawbox=w=32:h=32:color=white:t=fill"
    ffmpeg("-f", "lavfi", "-i", draw, *H264, str(flat))
    ffmpeg("-display_rotation", str(degrees), "-i", str(flat), "-c", "copy", str(turned))
    video, frames = read(turned)
    quarters = {"top left": (16, 16), "top right": (16, 48), "bottom left": (48, 16), "bottom right": (48, 48)}
    assert video.rotation == 360 - degrees
    for plane in (frames[0].y, frames[0].rgb(64)[..., 0]):
        assert max(quarters, key=lambda name: plane[quarters[name]]) == corner


def test_a_constant_frame_rate_gives_even_times(tmp_path: Path) -> None:
    video, frames = read(made(tmp_path / "even.mp4", *H264, rate=25, seconds=2))
    assert [frame.time_s for frame in frames] == pytest.approx([number / 25 for number in range(50)])
    assert [frame.index for frame in frames] == list(range(50))
    assert video.end_s == pytest.approx(2.0)
    assert video.notes == ()


def test_a_variable_frame_rate_gives_each_frame_its_own_time(tmp_path: Path) -> None:
    select = ("-vf", "select='not(between(n,10,29))'", "-fps_mode", "vfr")
    _, frames = read(made(tmp_path / "uneven.mp4", *select, *H264, rate=25, seconds=2))
    kept = [number / 25 for number in range(50) if not 10 <= number <= 29]
    assert [frame.time_s for frame in frames] == pytest.approx(kept, abs=0.001)


def test_a_clip_with_dropped_frames_keeps_the_times_of_the_whole_one(shared: Path) -> None:
    clips = shared / "media" / "video"
    _, whole = read(clips / "psd_issue-134-rotate.mp4")
    _, dropped = read(clips / "psd_goldeneye-vfr-drop3.mp4")
    times = {round(frame.time_s, 2) for frame in whole}
    assert {round(frame.time_s, 2) for frame in dropped} <= times


def test_a_video_that_starts_late_starts_at_zero(tmp_path: Path) -> None:
    _, frames = read(made(tmp_path / "late.ts", *H264, "-output_ts_offset", "5000"))
    assert frames[0].time_s == 0.0
    assert frames[-1].time_s == pytest.approx(49 / 25, abs=0.001)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp4", H264),
        ("a.mov", H264),
        ("a.mkv", H264),
        ("a.ts", H264),
        ("a.flv", H264),
        ("a.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime")),
        ("a.avi", ("-c:v", "mpeg4")),
        ("a.mpg", ("-c:v", "mpeg2video")),
        ("a.wmv", ("-c:v", "wmv2")),
        ("a.mxf.mp4", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")),
    ],
)
def test_each_container_is_read(name: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    video, frames = read(made(tmp_path / name, *arguments, seconds=1))
    assert len(frames) == 25
    assert frames[-1].time_s == pytest.approx(24 / 25, abs=0.02)
    assert (video.width, video.height) == (320, 180)


def test_ogg_is_read(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mkv", "-c:v", "libvpx", "-deadline", "realtime", seconds=1)
    ffmpeg("-i", str(path), "-c", "copy", "-f", "ogg", str(tmp_path / "a.ogv"))
    video, frames = read(tmp_path / "a.ogv")
    assert (video.media_type, len(frames)) == ("video/ogg", 25)


PIXEL_FORMATS = [
    ("yuv420p", ()),
    ("yuvj420p", ()),
    ("yuv422p", ()),
    ("yuv444p", ()),
    ("yuv420p10le", ()),
    ("yuv422p10le", ()),
    ("yuv444p10le", ()),
]


@pytest.mark.parametrize(("pixels", "extra"), PIXEL_FORMATS)
def test_every_pixel_format_gives_the_same_picture(pixels: str, extra: tuple[str, ...], tmp_path: Path) -> None:
    color = "color=0xC83214:size=64x48:rate=5:duration=1"
    path = tmp_path / "a.mp4"
    ffmpeg("-f", "lavfi", "-i", color, "-pix_fmt", pixels, "-c:v", "libx264", "-qp", "1", *extra, str(path))
    _, frames = read(path)
    assert np.abs(frames[0].rgb(64).astype(int) - (0xC8, 0x32, 0x14)).max() <= 8
    # BT.601: 0.299 R + 0.587 G + 0.114 B in full range.
    assert float(frames[0].y.mean()) == pytest.approx(0.299 * 0xC8 + 0.587 * 0x32 + 0.114 * 0x14, abs=4)


def test_black_and_white_fill_the_range(tmp_path: Path) -> None:
    draw = "color=black:size=64x64:rate=5:duration=1,drawbox=w=32:h=64:color=white:t=fill"
    ffmpeg("-f", "lavfi", "-i", draw, "-pix_fmt", "yuv420p", *H264, str(tmp_path / "a.mp4"))
    _, frames = read(tmp_path / "a.mp4")
    assert (int(frames[0].y.min()), int(frames[0].y.max())) == (0, 255)


@pytest.mark.parametrize("size", ["13x7", "17x7", "1x1", "641x359", "7x333"])
def test_odd_sizes_are_kept(size: str, tmp_path: Path) -> None:
    width, height = (int(side) for side in size.split("x"))
    path = tmp_path / "odd.mkv"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        f"color=red:size={size}:rate=5:duration=1",
        "-c:v",
        "ffv1",
        "-pix_fmt",
        "yuv420p",
        str(path),
    )
    video, frames = read(path)
    assert (video.width, video.height) == (width, height)
    assert frames[0].rgb(10_000).shape == (height, width, 3)
    shown_height, shown_width = frames[0].y.shape
    assert max(shown_width, shown_height) == min(PLANE_SIDE, max(width, height))
    assert frames[0].u.shape == frames[0].v.shape == (-(-shown_height // 2), -(-shown_width // 2))


def test_stretched_pixels_are_made_square(tmp_path: Path) -> None:
    video, frames = read(made(tmp_path / "dv.mp4", "-vf", "setsar=2", *H264, size="160x180", seconds=1))
    assert (video.width, video.height) == (320, 180)
    assert frames[0].y.shape == (180, 320)
    assert frames[0].rgb(320).shape == (180, 320, 3)


def test_frames_are_made_no_larger_than_asked(tmp_path: Path) -> None:
    _, frames = read(made(tmp_path / "a.mp4", *H264, size="640x360", seconds=1))
    assert frames[0].rgb(100).shape == (56, 100, 3)
    assert frames[0].rgb(100) is frames[0].rgb(100)
    assert frames[0].y.shape == (180, 320)


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    video, frames = read(made(tmp_path / "one.mp4", "-frames:v", "1", *H264))
    assert len(frames) == 1
    assert video.end_s == pytest.approx(0.04)


def test_sound_is_noticed_and_not_needed(tmp_path: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=duration=1")
    silent, _ = read(made(tmp_path / "silent.mp4", *H264, seconds=1))
    loud, _ = read(made(tmp_path / "loud.mp4", *H264, "-c:a", "aac", seconds=1, inputs=tone))
    assert (silent.has_audio, loud.has_audio) == (False, True)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", str(tmp_path / "a.mp4"))
    with pytest.raises(NoVideo):
        read(tmp_path / "a.mp4")


def test_the_cover_of_a_sound_file_is_no_video(tmp_path: Path) -> None:
    cover = made(tmp_path / "cover.jpg", "-frames:v", "1")
    tone = ("-f", "lavfi", "-i", "sine=duration=1", "-i", str(cover))
    ffmpeg(
        *tone,
        "-map",
        "0",
        "-map",
        "1",
        "-c:a",
        "aac",
        "-c:v",
        "copy",
        "-disposition:v:0",
        "attached_pic",
        str(tmp_path / "a.m4a"),
    )
    with pytest.raises(NoVideo):
        read(tmp_path / "a.m4a")


def test_each_watcher_sees_each_frame_in_order(tmp_path: Path) -> None:
    class Counter:
        def __init__(self) -> None:
            self.indices: list[int] = []

        def see(self, frame: Frame) -> None:
            self.indices.append(frame.index)

    one, other = Counter(), Counter()
    path = made(tmp_path / "a.mp4", *H264, seconds=1)
    with path.open("rb") as file, opened(file, LIMITS) as video:
        watch(video, (one, other))
    assert one.indices == other.indices == list(range(25))


def test_the_frames_of_a_video_are_read_once(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mp4", *H264, seconds=1)
    with path.open("rb") as file, opened(file, LIMITS) as video:
        list(video.frames())
        with pytest.raises(RuntimeError, match="once"):
            next(video.frames())
