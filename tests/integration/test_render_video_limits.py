"""What a hostile video can do to the process that renders it, and what that process can do to us: nothing."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import psutil
import pytest

from pipeline.errors import CapabilityUnavailable
from pipeline.media.video_renditions import Original, RenditionFailed, find_ffmpeg, make_preview
from pipeline.media.video_renditions.binary import chosen
from pipeline.media.video_renditions.process import ProcessLimits, never, run
from tests.http_servers import Quiet, answering

GENEROUS = ProcessLimits(cpu_s=60, wall_s=60.0)
ENDLESS = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25")


def run_ffmpeg(folder: Path, *arguments: str, limits: ProcessLimits = GENEROUS) -> None:
    command = [find_ffmpeg().path, "-nostdin", "-loglevel", "fatal", *arguments]
    run(command, limits=limits, folder=folder, should_stop=never)


def test_memory_is_limited(tmp_path):
    limits = ProcessLimits(cpu_s=60, wall_s=60.0, memory_bytes=256 * 1024**2)
    take = [sys.executable, "-c", "import sys; bytearray(int(sys.argv[1]))"]
    run([*take, "1000"], limits=limits, folder=tmp_path, should_stop=never)
    with pytest.raises(RenditionFailed, match="MemoryError"):
        run([*take, "300000000"], limits=limits, folder=tmp_path, should_stop=never)


def test_cpu_time_is_limited(tmp_path):
    with pytest.raises(RenditionFailed, match="signal"):
        run_ffmpeg(tmp_path, *ENDLESS, "-f", "null", "-", limits=ProcessLimits(cpu_s=1, wall_s=60.0))


def test_what_is_written_is_limited(tmp_path):
    limits = ProcessLimits(cpu_s=60, wall_s=60.0, file_bytes=1_000_000)
    target = tmp_path / "raw.yuv"
    with pytest.raises(RenditionFailed):
        run_ffmpeg(tmp_path, *ENDLESS, "-f", "rawvideo", str(target), limits=limits)
    assert target.stat().st_size <= 1_000_000


def test_a_run_that_does_not_end_is_ended_at_its_deadline(tmp_path):
    with pytest.raises(RenditionFailed, match="still at work"):
        run_ffmpeg(tmp_path, "-re", *ENDLESS, "-f", "null", "-", limits=ProcessLimits(cpu_s=60, wall_s=0.3))
    assert children_named("ffmpeg") == []


def children_named(name: str) -> list[str]:
    return [child.name() for child in psutil.Process().children(recursive=True) if name in child.name()]


def test_ffmpeg_dies_with_the_process_that_started_it(tmp_path, until):
    code = (
        "import sys; from pathlib import Path\n"
        "from pipeline.media.video_renditions.process import ProcessLimits, never, run\n"
        f"run([{find_ffmpeg().path!r}, '-nostdin', '-loglevel', 'fatal', '-re', *{ENDLESS!r}, '-f', 'null', '-'],"
        f" limits=ProcessLimits(cpu_s=60, wall_s=60.0), folder=Path({str(tmp_path)!r}), should_stop=never)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    found: list[psutil.Process] = []

    def is_at_work() -> bool:
        found[:] = [each for each in psutil.Process(parent.pid).children(recursive=True) if "ffmpeg" in each.name()]
        return bool(found)

    until(is_at_work)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: not found[0].is_running() or found[0].status() == psutil.STATUS_ZOMBIE)


def test_nothing_of_our_environment_reaches_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DARKROOM_SECRET_KEY", "the secret of the tests")
    target = tmp_path / "environment"
    script = f'env > "{target}"'
    run(["/bin/sh", "-c", script], limits=GENEROUS, folder=tmp_path, should_stop=never)
    assert "PATH=" in target.read_text()
    assert "SECRET" not in target.read_text()


@pytest.mark.parametrize("container", ["hls", "concat", "mov", "dash", "sdp", "image2", "lavfi", "mpegts"])
def test_no_playlist_opens_an_address_or_a_file_whatever_demuxer_is_forced(tmp_path, container):
    asked: list[str] = []

    class Canary(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

    secret = tmp_path / "secret.ts"
    command = [
        find_ffmpeg().path,
        "-nostdin",
        "-loglevel",
        "error",
        *ENDLESS,
        "-t",
        "1",
        "-c:v",
        "libx264",
        str(secret),
    ]
    subprocess.run(command, check=True)
    with answering(Canary) as port:
        for text in (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile {secret}\n",
            f"ffconcat version 1.0\nfile http://127.0.0.1:{port}/b.ts\n",
        ):
            path = tmp_path / "list.mp4"
            path.write_text(text)
            original = Original.at(path, container, seconds=1.0, has_audio=False)
            with pytest.raises(RenditionFailed):
                make_preview(original, tmp_path / "preview.mp4", seconds=1.0)
    assert asked == []


def test_without_any_ffmpeg_the_error_says_how_to_get_one(tmp_path):
    useless = tmp_path / "ffmpeg"
    useless.write_text("#!/bin/sh\necho libx264-is-not-here\n")
    useless.chmod(0o755)
    with pytest.raises(CapabilityUnavailable, match="apt-get install ffmpeg"):
        chosen([str(tmp_path / "none"), str(useless)])


def test_an_ffmpeg_that_reads_descriptors_is_preferred(tmp_path):
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho libx264 file pipe\n")
    old.chmod(0o755)
    new = find_ffmpeg()
    assert new.reads_descriptors
    assert chosen([str(old), new.path]) == new
    assert chosen([str(old)]).path == str(old)
    assert not chosen([str(old)]).reads_descriptors


def test_an_ffmpeg_without_descriptors_reads_the_file_by_its_name(tmp_path):
    path = tmp_path / "a.mp4"
    run_ffmpeg(tmp_path, *ENDLESS, "-t", "1", "-c:v", "libx264", str(path))
    original = Original.at(path, "mov", seconds=1.0, has_audio=False)
    old = replace(original, ffmpeg=replace(original.ffmpeg, reads_descriptors=False))
    assert make_preview(old, tmp_path / "preview.mp4", seconds=1.0).seconds == pytest.approx(1.0)
