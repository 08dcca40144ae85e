"""A child that misbehaves costs its own work, is gone afterwards, and its parent says what happened."""

import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.analysis import VideoFacts
from pipeline.domain.media import VideoLimits
from pipeline.errors import CapabilityUnavailable, CorruptMedia, MediaError, Stopped, TooExpensive, TooManyPixels
from pipeline.media.limited_process import Answer, ProcessLimits, run_limited

MEGABYTE = 1024**2
LIMITS = ProcessLimits(memory_bytes=512 * MEGABYTE, cpu_s=20)


def ask(command: str, limits: ProcessLimits = LIMITS, **request: Any) -> Answer:
    return run_limited("tests.integration.limited_commands", command, request, limits=limits)


def test_the_answer_comes_back_with_what_it_took() -> None:
    answer = ask("echo", text="naïve", numbers=[1, 2.5, None])
    assert answer.value == {"heard": {"text": "naïve", "numbers": [1, 2.5, None]}}
    assert 0 < answer.cpu_s < 20
    assert MEGABYTE < answer.peak_bytes < 512 * MEGABYTE


def test_requests_and_answers_may_be_long() -> None:
    text = "x" * 3_000_000
    assert ask("echo", text=text).value["heard"]["text"] == text


def test_progress_is_told_in_order() -> None:
    heard: list[Mapping[str, Any]] = []
    run_limited("tests.integration.limited_commands", "tell", {"times": 500}, limits=LIMITS, on_progress=heard.append)
    assert heard == [{"number": number} for number in range(500)]


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        ("refuse", TooManyPixels, "too many pixels"),
        ("corrupt", CorruptMedia, "could not be decoded"),
        ("miss", CapabilityUnavailable, "darkroom models pull"),
    ],
)
def test_an_error_of_ours_arrives_as_it_was_raised(command: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ask(command)


def test_a_mistake_of_ours_is_no_fault_of_the_file() -> None:
    with pytest.raises(RuntimeError, match="division"):
        ask("mistake", zero=0)


def test_memory_above_the_limit_is_too_expensive() -> None:
    with pytest.raises(TooExpensive, match="512 MB of memory"):
        ask("remember", bytes=1024 * MEGABYTE)


def test_memory_below_the_limit_is_given() -> None:
    assert ask("remember", bytes=200 * MEGABYTE).value == {"bytes": 200 * MEGABYTE}


def test_computing_above_the_limit_is_too_expensive() -> None:
    with pytest.raises(TooExpensive, match="1 seconds of computing"):
        ask("think", ProcessLimits(cpu_s=1))


def test_a_file_above_the_limit_is_too_expensive() -> None:
    with pytest.raises(TooExpensive):
        ask("write", ProcessLimits(file_bytes=2 * MEGABYTE), megabytes=5)


def test_an_answer_above_the_limit_is_too_expensive() -> None:
    with pytest.raises(TooExpensive, match="longer than"):
        ask("boast", ProcessLimits(answer_bytes=MEGABYTE), bytes=5 * MEGABYTE)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"])
def test_a_decoder_that_crashes_makes_the_file_corrupt(name: str) -> None:
    with pytest.raises(CorruptMedia, match=name):
        ask("crash", signal=signal.Signals[name].value)


def test_a_child_that_the_system_kills_took_too_much() -> None:
    with pytest.raises(TooExpensive, match="memory"):
        ask("crash", signal=signal.SIGKILL.value)


def test_a_child_that_says_nothing_is_a_mistake_of_ours_with_its_last_words() -> None:
    with pytest.raises(RuntimeError, match="the very last words") as caught:
        ask("vanish")
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("reason", ["the deadline", "the job was cancelled"])
def test_a_child_is_stopped_when_asked_with_everything_it_started(reason: str, until: Callable[..., None]) -> None:
    pids: list[int] = []
    with pytest.raises(Stopped) as caught:
        run_limited(
            "tests.integration.limited_commands",
            "wait",
            {},
            limits=LIMITS,
            should_stop=lambda: reason if pids else None,
            on_progress=lambda progress: pids.extend(progress["pids"]),
        )
    assert caught.value.reason == reason
    assert len(pids) == 2
    until(lambda: not any(is_alive(pid) for pid in pids))


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_an_error_in_the_callback_leaves_no_child(until: Callable[..., None]) -> None:
    pids: list[int] = []

    def fail(progress: Mapping[str, Any]) -> None:
        pids.extend(progress["pids"])
        raise KeyError("callback")

    with pytest.raises(KeyError):
        run_limited("tests.integration.limited_commands", "wait", {}, limits=LIMITS, on_progress=fail)
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_child_sees_none_of_our_settings_and_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DARKROOM_SECRET", "do not tell")
    with (tmp_path / "open").open("wb") as file:
        found = ask("surroundings").value
        assert file.fileno() > 2
    assert "do not tell" not in str(found["environment"])
    assert not [name for name in found["environment"] if name.startswith("DARKROOM")]
    assert found["files"] <= 5, "input, output, errors, the answer, and the folder that is listed"
    assert found["is_leader"]
    assert found["core"] == [0, 0]


def test_what_is_printed_is_no_answer() -> None:
    assert ask("shout").value == {"quiet": True}


def test_a_child_is_given_what_is_added() -> None:
    answer = run_limited(
        "tests.integration.limited_commands", "surroundings", {}, limits=LIMITS, environment={"EXTRA": "1"}
    )
    assert answer.value["environment"]["EXTRA"] == "1"


def test_a_child_reaches_no_server_where_the_kernel_allows_it_a_network_of_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        if ask("call", port=canary.getsockname()[1]).value["error"] == 0:
            pytest.skip("this kernel or container does not let a process leave the network")
        canary.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_children_of_several_threads_do_not_disturb_one_another() -> None:
    answers: dict[int, Any] = {}

    def work(number: int) -> None:
        answers[number] = ask("echo", number=number).value["heard"]["number"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number for number in range(4)}


def probed(path: Path) -> VideoFacts:
    request = {"path": str(path), "limits": asdict(VideoLimits()), "sha256": "0" * 64}
    return VideoFacts(**run_limited("pipeline.stages.video_process", "probe", request, limits=LIMITS).value)


def test_a_video_is_probed_in_a_child(shared: Path) -> None:
    facts = probed(shared / "media" / "video" / "psd_issue-134-rotate.mp4")
    assert (facts.media_type, facts.container, facts.codec) == ("video/mp4", "mov", "h264")
    assert (facts.width, facts.height, facts.rotation) == (544, 1280, 90)
    assert facts.duration_s == pytest.approx(10.01)
    assert facts.frame_rate == pytest.approx(24000 / 1001)
    assert (facts.has_audio, facts.bytes, facts.sha256) == (True, 1_325_920, "0" * 64)


@pytest.mark.parametrize(
    ("file", "code"),
    [("zero_bytes.mp4", "empty"), ("jpeg_named.mp4", "unsupported_type"), ("bipbop_audioinit.mp4", "no_video")],
)
def test_what_is_no_video_is_refused_by_the_child(file: str, code: str, shared: Path) -> None:
    with pytest.raises(MediaError) as caught:
        probed(shared / "corpus" / "video" / file)
    assert caught.value.code == code
