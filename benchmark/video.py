"""Video: seconds and memory of decoding, shots and activity, and how right the shots are, beside PySceneDetect."""

import json
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg

from benchmark.images import SHARED
from benchmark.video_compositions import SETS, Transition, compose

MINUTES = (1, 5, 20)
WHOLE_MINUTES = (1, 5)
"""Lengths that are analyzed with all models and text: half a minute of CPU time and more for each minute."""
TURNS = 3
"""Each figure is the median of so many runs, taken in turns: the machine's own noise is 5 %."""
SEEDS = 4
NEAR = 2
"""Frames that a boundary may lie beside a cut, or outside the transition."""
# Looked up by eye on contact sheets, as the clips come without truth. In psd_testvideo.mp4 the first second is black.
GIVEN = {
    "bbb_small_1080p30.mp4": (Transition("cut", 12, 12),),
    "intel_one-by-one-person-detection.mp4": (),
    "psd_fades.mp4": (Transition("fade_black", 79, 89), Transition("fade_black", 162, 172)),
    "psd_goldeneye-vfr-drop3.mp4": (Transition("cut", 60, 60), Transition("cut", 140, 140)),
    "psd_issue-134-rotate.mp4": (Transition("cut", 90, 90), Transition("cut", 210, 210)),
    "psd_testvideo.mp4": (
        Transition("cut", 30, 30),
        Transition("cut", 180, 180),
        Transition("fade_black", 340, 415),
        Transition("dissolve", 533, 560),
    ),
}
PEER = """
import json, resource, sys
from scenedetect import AdaptiveDetector, detect
found = detect(sys.argv[1], AdaptiveDetector())
usage = resource.getrusage(resource.RUSAGE_SELF)
starts = [scene[0] for scene in found[1:]]
times = [getattr(start, "seconds", None) or start.get_seconds() for start in starts]
print(json.dumps({"starts_s": times, "cpu_s": usage.ru_utime + usage.ru_stime}))
"""

Detector = Callable[[Path], dict[str, Any]]


@dataclass(slots=True)
class Tally:
    """Boundaries found and missed, and boundaries that are none."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def add(self, found: list[int], truth: tuple[Transition, ...]) -> None:
        """Each transition is found by the first boundary in it, and by one only."""
        left = list(found)
        for transition in truth:
            hit = next((at for at in left if transition.start - NEAR <= at <= transition.end + NEAR), None)
            if hit is None:
                self.missed += 1
            else:
                self.right += 1
                left.remove(hit)
        self.wrong += len(left)

    def figures(self) -> dict[str, float]:
        precision = self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0
        recall = self.right / (self.right + self.missed) if self.right + self.missed else 1.0
        return {"precision": round(precision, 3), "recall": round(recall, 3), "transitions": self.right + self.missed}


def measure_video(folder: Path) -> dict[str, Any]:
    """All figures on video, from files that are made in the folder; says what was left out, and why."""
    shared = SHARED
    if not shared.is_dir():
        return {"video": f"skipped: the companion folder {shared} is absent, set DARKROOM_SHARED"}
    results: dict[str, Any] = {**_costs(shared, folder)}
    peer = _peer(folder)
    detectors: dict[str, Detector] = {"ours": lambda path: _probe("lean", path)}
    if isinstance(peer, str):
        results["peer"] = peer
    else:
        detectors["PySceneDetect"] = peer
        minute = folder / "1.mp4"
        results["peer_minute_cpu_s"] = round(statistics.median(peer(minute)["cpu_s"] for _ in range(TURNS)), 2)
    videos = list(_videos(shared, folder))
    for name, detect in detectors.items():
        results |= {f"shots {key}, {name}": value for key, value in _accuracy(detect, videos).items()}
    return results


def _whole(path: Path, minutes: int) -> dict[str, Any]:
    """CPU seconds a minute of everything there is, and of what is left beside the models and the reading of text."""
    probe = _probe("whole", path)
    beside_s = probe["cpu_s"] - probe["models_s"] - probe["text_s"]
    return {
        "cpu_s_per_min": round(probe["cpu_s"] / minutes, 2),
        "models_s_per_min": round(probe["models_s"] / minutes, 2),
        "text_s_per_min": round(probe["text_s"] / minutes, 2),
        "beside_s_per_min": round(beside_s / minutes, 2),
        "peak_mb": round(probe["peak_mb"]),
        **{name: probe[name] for name in ("shots", "people", "texts", "unavailable")},
    }


def _costs(shared: Path, folder: Path) -> dict[str, Any]:
    """CPU seconds for one minute of 1080p30 at 4 Mb/s, and time and memory as videos get longer."""
    minute = folder / "1.mp4"
    source = shared / "media" / "video" / "composed_18_shots.mp4"
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-maxrate", "6M", "-bufsize", "8M"]
    _ffmpeg(
        "-i", str(source), "-vf", "scale=1920:1080,noise=alls=3:allf=t", "-t", "60", "-r", "30", *encode, str(minute)
    )
    runs: dict[str, list[float]] = {"decode": [], "planes": [], "lean": []}
    for _ in range(TURNS):
        for what, seconds in runs.items():
            seconds.append(_probe(what, minute)["cpu_s"])
    results: dict[str, Any] = {f"minute_{what}_cpu_s": round(statistics.median(s), 2) for what, s in runs.items()}
    for minutes in MINUTES:
        path = folder / f"{minutes}.mp4"
        if minutes > 1:
            _ffmpeg("-stream_loop", str(minutes - 1), "-i", str(minute), "-c", "copy", str(path))
        probe = _probe("lean", path)
        if minutes in WHOLE_MINUTES:
            results[f"whole_{minutes}_min"] = _whole(path, minutes)
        results[f"lean_{minutes}_min"] = {
            "cpu_s_per_min": round(probe["cpu_s"] / minutes, 2),
            "peak_mb": round(probe["peak_mb"]),
        }
        if minutes > 1:
            path.unlink()
    return results


def _videos(shared: Path, folder: Path) -> Iterator[tuple[str, Path, tuple[Transition, ...]]]:
    """Name of the group, file, truth."""
    clips = shared / "media" / "video"
    composed = json.loads((clips / "composed_18_shots.json").read_text())["gt"]
    truth = tuple(Transition(each["type"], each["start"], each["end"]) for each in composed)
    yield "composed", clips / "composed_18_shots.mp4", truth
    for name, known in GIVEN.items():
        yield "clips", clips / name, known
    for name in SETS:
        for seed in range(SEEDS):
            composition = compose(shared, name, seed, folder / f"{name.replace(' ', '-')}-{seed}.mp4")
            yield name, composition.path, composition.truth


def _accuracy(detect: Detector, videos: list[tuple[str, Path, tuple[Transition, ...]]]) -> dict[str, dict[str, float]]:
    """Precision and recall for each group of videos, and in it for cuts and for gradual transitions the recall."""
    tallies: dict[str, Tally] = {}
    for group, path, truth in videos:
        found = _frames(path, detect(path)["starts_s"])
        tallies.setdefault(group, Tally()).add(found, truth)
        gradual = tuple(each for each in truth if each.kind != "cut")
        tallies.setdefault(f"{group}, gradual alone", Tally()).add(
            [at for at in found if any(each.start - NEAR <= at <= each.end + NEAR for each in gradual)], gradual
        )
    return {group: tally.figures() for group, tally in tallies.items()}


def _frames(path: Path, times: list[float]) -> list[int]:
    """Numbers of the frames that are shown at these times, by their own time stamps."""
    with av.open(str(path)) as container:
        stamps = [float(frame.time) for frame in container.decode(video=0)]
    shown = [stamp - stamps[0] for stamp in stamps]
    return [min(range(len(shown)), key=lambda number: abs(shown[number] - time_s)) for time_s in times]


def _probe(what: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmark.video_probe", what, str(path)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def _peer(folder: Path) -> Detector | str:
    """PySceneDetect in an environment of its own: it wants another OpenCV than ours. Or why it is not there."""
    home = folder / "peer"
    python = home / "bin" / "python"
    venv.create(home, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "scenedetect", "opencv-python-headless"]
    done = subprocess.run(install, check=False, capture_output=True, text=True)
    if done.returncode:
        return f"skipped: PySceneDetect could not be installed: {done.stderr.strip()[-200:]}"

    def detect(path: Path) -> dict[str, Any]:
        command = [str(python), "-c", PEER, str(path)]
        return dict(json.loads(subprocess.run(command, check=True, capture_output=True).stdout.splitlines()[-1]))

    return detect


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)
