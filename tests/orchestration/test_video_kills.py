"""The process of a run killed while its child looks at a video (acceptance F 47)."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.analysis_calls import WORKER, Analyst, ffmpeg, wait_for
from tests.ledger_oracle import assert_ledger_is_sound
from tests.orchestration.under_attack import under_attack


@pytest.fixture(scope="module")
def analyst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analyst]:
    with under_attack(tmp_path_factory.mktemp("video-kills"), environment={"DARKROOM_MODELS": ""}) as line:
        yield Analyst(line.instance, line.customer, line.receiver)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> bytes:
    """Thirteen seconds with three cuts."""
    target = tmp_path_factory.mktemp("video") / "short.mp4"
    source = shared / "media" / "video" / "composed_18_shots.mp4"
    ffmpeg("-i", source, "-t", "13", "-c:v", "libx264", "-preset", "ultrafast", "-an", target)
    return target.read_bytes()


def test_the_child_of_a_killed_run_dies_and_the_video_is_tried_again(analyst: Analyst, video: bytes) -> None:
    job = analyst.send_video(video)
    first = analyst.working(job)
    run = first.parent()
    assert run is not None and run.pid != os.getpid()
    os.kill(run.pid, signal.SIGKILL)
    psutil.wait_procs([first], timeout=5)
    assert not first.is_running() or first.status() == psutil.STATUS_ZOMBIE
    second = analyst.working(job)
    assert second.pid != first.pid and second.parent() != run
    answer, body = analyst.ended(job)
    assert answer["status"] == "finished" and len(answer["result"]["raw_scenes"]) == 4
    assert analyst.told(job).body == body
    assert analyst.managed(job)["items"][0]["attempts"] == 1
    wait_for(lambda: not analyst.instance.processes(*WORKER), timeout_s=10)
    assert_ledger_is_sound(analyst.instance)


def test_a_child_that_is_killed_costs_its_video_and_not_the_run(analyst: Analyst, video: bytes) -> None:
    """As the kernel does it when memory runs out."""
    job = analyst.send_video(video)
    worker = analyst.working(job)
    run = worker.parent()
    worker.kill()
    answer, body = analyst.ended(job)
    assert run is not None
    assert (answer["status"], answer["error"]["code"]) == ("failed", "too_expensive")
    assert analyst.told(job).body == body
    assert analyst.managed(job)["items"][0]["attempts"] == 0
    assert_ledger_is_sound(analyst.instance)
