"""Videos composed from the companion folder's clips and photographs, and the truth of every transition to the frame."""

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

SIZE = 640, 360
RATE = 30
LOW_LIGHT = 25.0
"""Mean level of dark shots."""
# Stretches of the clips without a transition, looked up by eye on contact sheets.
STRETCHES = {
    "psd_testvideo.mp4": ((32, 170), (240, 340), (430, 532), (562, 665)),
    "bbb_small_1080p30.mp4": ((16, 299),),
    "psd_goldeneye-vfr-drop3.mp4": ((0, 57), (62, 138), (142, 159)),
    "intel_one-by-one-person-detection.mp4": ((0, 1393),),
}
SETS = {
    "development": (("psd_testvideo.mp4", "psd_goldeneye-vfr-drop3.mp4"), ("coral_*", "monstree_*")),
    "held out": (("bbb_small_1080p30.mp4", "intel_one-by-one-person-detection.mp4"), ("immich_*.jpg", "sceaux_*")),
}
"""Clips and photographs of each set: thresholds are chosen on the first and only reported on the second."""


@dataclass(frozen=True)
class Transition:
    """A change of shots. `start` is the first frame that shows something of the new shot, `end` the first without the
    old one; for a cut they are the same."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Composition:
    path: Path
    truth: tuple[Transition, ...]
    events: tuple[tuple[str, int], ...]
    """What might be taken for a transition and is none: flashes, fast pans, exposure ramps, noise."""


def compose(shared: Path, name: str, seed: int, target: Path, *, shots: int = 40) -> Composition:
    """A video of so many shots from the named set of sources, at `target`; the same for the same seed."""
    chance = random.Random(f"{name}-{seed}")  # noqa: S311 - chance for variety, not for secrets
    sources = _Sources(shared, *SETS[name])
    frames: list[Picture] = []
    truth: list[Transition] = []
    events: list[tuple[str, int]] = []
    previous, begin = "", 0
    for number in range(shots):
        previous, shot, event = sources.shot(chance, previous)
        if number:
            frames, transition = _joined(frames, shot, chance, room=len(frames) - begin)
            truth.append(transition)
            begin = transition.end
        else:
            frames = list(shot)
        if event:
            events.append((event, begin))
    _written(frames, target)
    return Composition(target, tuple(truth), tuple(events))


class _Sources:
    def __init__(self, shared: Path, clips: tuple[str, ...], photographs: tuple[str, ...]) -> None:
        media = shared / "media"
        self.clips = {name: _read(media / "video" / name, STRETCHES[name]) for name in clips}
        paths = sorted(path for pattern in photographs for path in (media / "photos").glob(pattern))
        self.photographs = {path.name: _opened(path) for path in paths}

    def shot(self, chance: random.Random, previous: str) -> tuple[str, list[Picture], str]:
        """A shot's source, its frames, and what happens in it that is no transition."""
        length = chance.choice((20, 30, 45, 60, 75, 90))
        if chance.random() < 0.45:
            name = chance.choice([name for name in self._stretches() if name != previous])
            frames = self._from_clip(name, length, chance)
            event = chance.choice(("", "", "", "flash", "dark", "exposure", "noise"))
        else:
            # Twice the same photograph in a row is a transition between similar scenes: other parts of one place.
            name = previous if previous in self.photographs and chance.random() < 0.25 else ""
            name = name or chance.choice(sorted(self.photographs))
            event = chance.choice(("", "", "", "pan", "shake", "flash", "dark", "exposure", "noise"))
            frames = _moved_over(self.photographs[name], length, chance, event)
        return name, _with(event, frames, chance), event

    def _stretches(self) -> list[str]:
        return sorted(f"{name}#{index}" for name, stretches in self.clips.items() for index in range(len(stretches)))

    def _from_clip(self, name: str, length: int, chance: random.Random) -> list[Picture]:
        clip, _, index = name.partition("#")
        stretch = self.clips[clip][int(index)]
        start = chance.randrange(max(1, len(stretch) - length))
        return stretch[start : start + length]


def _read(path: Path, stretches: tuple[tuple[int, int], ...]) -> list[list[Picture]]:
    found: list[list[Picture]] = [[] for _ in stretches]
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            for kept, (start, end) in zip(found, stretches, strict=True):
                if start <= number <= end:
                    picture = frame.to_ndarray(format="rgb24")
                    kept.append(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA).astype(np.uint8))
    return found


def _opened(path: Path) -> Picture:
    picture = cv2.cvtColor(np.asarray(cv2.imread(str(path))), cv2.COLOR_BGR2RGB)
    scale = 1800 / max(picture.shape[:2])
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _moved_over(picture: Picture, length: int, chance: random.Random, event: str) -> list[Picture]:
    """A camera's way over a photograph: slow, fast for a `pan`, unsteady for a `shake`."""
    height, width = picture.shape[:2]
    wide = chance.uniform(0.45, 0.7) * min(width, height * SIZE[0] / SIZE[1])
    reach = 1.0 if event == "pan" else chance.uniform(0.0, 0.35)
    room = np.array([width - wide, height - wide * SIZE[1] / SIZE[0]])
    corner = np.array([chance.random(), chance.random()])
    way = np.array([chance.choice((-1, 1)), chance.uniform(-0.4, 0.4)]) * reach
    begin, end = np.clip(corner - way / 2, 0, 1) * room, np.clip(corner + way / 2, 0, 1) * room
    zoom = chance.uniform(0.85, 1.15)
    frames, unsteady = [], np.random.default_rng(chance.randrange(2**32))
    for number in range(length):
        share = number / max(1, length - 1)
        if event == "pan":
            share = float(np.clip((share - 0.4) / 0.2, 0, 1))
        position = begin + (end - begin) * share
        if event == "shake":
            position = position + unsteady.normal(0, 7, 2)
        side = wide * (1 + (zoom - 1) * number / length)
        matrix = np.array([[side / SIZE[0], 0, position[0]], [0, side / SIZE[0], position[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        frames.append(
            cv2.warpAffine(picture, matrix, SIZE, flags=flags, borderMode=cv2.BORDER_REFLECT).astype(np.uint8)
        )
    return frames


def _with(event: str, frames: list[Picture], chance: random.Random) -> list[Picture]:
    if event == "flash":
        at, long = chance.randrange(8, max(9, len(frames) - 8)), chance.choice((1, 2, 3))
        return [_lit(frame, 2.6, 60) if at <= number < at + long else frame for number, frame in enumerate(frames)]
    if event == "dark":
        gain = min(1.0, LOW_LIGHT / max(1.0, float(frames[0].mean())))
        return [_noisy(_lit(frame, gain, 2), 3, number) for number, frame in enumerate(frames)]
    if event == "noise":
        return [_noisy(frame, 14, number) for number, frame in enumerate(frames)]
    if event == "exposure":
        middle, gain = len(frames) / 2, chance.choice((0.5, 1.7))
        steps = [float(np.clip((number - middle) / 12 + 0.5, 0, 1)) for number in range(len(frames))]
        return [_lit(frame, 1 + (gain - 1) * step, 0) for frame, step in zip(frames, steps, strict=True)]
    return frames


def _lit(frame: Picture, gain: float, offset: float) -> Picture:
    return np.asarray(cv2.convertScaleAbs(frame, alpha=gain, beta=offset), np.uint8)


def _noisy(frame: Picture, strength: float, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, strength, frame.shape[:2])[..., None]
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def _joined(
    frames: list[Picture], shot: list[Picture], chance: random.Random, *, room: int
) -> tuple[list[Picture], Transition]:
    """Both with a transition in between; `room` frames of the first are free, so that no two transitions overlap."""
    kind = chance.choice(("cut",) * 11 + ("dissolve",) * 5 + ("fade_black",) * 3 + ("fade_white",))
    longest = min(room, len(shot)) - 6
    if kind == "cut" or longest < 8:
        return frames + shot, Transition("cut", len(frames), len(frames))
    length = min(longest, chance.randrange(8, 31))
    if kind == "dissolve":
        start = len(frames) - length
        mixed = [
            np.asarray(cv2.addWeighted(old, 1 - share, new, share, 0), np.uint8)
            for number, (old, new) in enumerate(zip(frames[start:], shot[:length], strict=True))
            for share in [(number + 1) / (length + 1)]
        ]
        return frames[:start] + mixed + shot[length:], Transition(kind, start, start + length)
    half, hold = max(4, length // 2), chance.choice((0, 2, 8))
    color = np.full_like(shot[0], 0 if kind == "fade_black" else 255)
    out = [_mixed(frame, color, (number + 1) / half) for number, frame in enumerate(frames[-half:])]
    into = [_mixed(frame, color, 1 - (number + 1) / half) for number, frame in enumerate(shot[:half])]
    start = len(frames) - half
    joined = [*frames[:start], *out, *([color] * hold), *into, *shot[half:]]
    return joined, Transition(kind, start, start + 2 * half + hold)


def _mixed(frame: Picture, color: Picture, share: float) -> Picture:
    return np.asarray(cv2.addWeighted(frame, 1 - share, color, share, 0), np.uint8)


def _written(frames: list[Picture], target: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{SIZE[0]}x{SIZE[1]}", "-r", str(RATE), "-i", "-", "-c:v", "libx264", "-preset", "veryfast"]
    command += ["-crf", "26", "-pix_fmt", "yuv420p", str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        if process.stdin is None:
            raise RuntimeError("ffmpeg has no input")
        for chunk in _chunks(frames):
            process.stdin.write(chunk)
        process.stdin.close()
    if process.returncode:
        raise RuntimeError("ffmpeg could not write the composition")


def _chunks(frames: list[Picture]) -> Iterator[bytes]:
    for frame in frames:
        yield frame.tobytes()
