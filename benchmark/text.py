"""What reading text costs: per picture at 960 pixels, and per minute of video. `python -m benchmark.text FOLDER`.

FOLDER holds `text/` and `video/` as the companion folder's `media/` does.
"""

import argparse
import json
import re
import resource
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.domain.media import VideoLimits
from pipeline.inference.text_reading import RapidReader
from pipeline.media.tesseract import TesseractReader
from pipeline.media.video import Frame, opened, watch
from pipeline.ports import TextReader
from pipeline.stages.analyze.text import TextWatcher, texts_in_picture

SIDE, TIMES = 960, 5


@dataclass(slots=True)
class Timed:
    """A watcher that counts its own CPU seconds, those with a reading apart."""

    watcher: TextWatcher
    reading_s: float = 0.0
    following_s: float = 0.0

    def see(self, frame: Frame) -> None:
        readings, began_s = self.watcher.readings, time.process_time()
        self.watcher.see(frame)
        spent_s = time.process_time() - began_s
        if self.watcher.readings > readings:
            self.reading_s += spent_s
        else:
            self.following_s += spent_s


def picture_at(path: Path, side: int) -> np.ndarray:
    """(H, W, 3) sRGB, the longest side at most `side`."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((side, side))
    return np.asarray(picture)


def measure_pictures(folder: Path, reader: TextReader) -> str:
    """Words found and CPU milliseconds per picture, for each engine on the same pictures."""
    truth: dict[str, str] = json.loads((folder / "truth.json").read_text())
    hits = found = wanted = 0
    costs_ms = []
    for name, text in truth.items():
        pixels = picture_at(folder / name, SIDE)
        texts = texts_in_picture(pixels, reader)
        for _ in range(TIMES):
            began_s = time.process_time() + children_s()
            texts = texts_in_picture(pixels, reader)
            costs_ms.append((time.process_time() + children_s() - began_s) * 1000)
        read, true = words("\n".join(result.text for result in texts)), words(text)
        hits, found, wanted = hits + (read & true).total(), found + read.total(), wanted + true.total()
    return f"recall {hits / wanted:.3f}, precision {hits / found:.3f}, {statistics.median(costs_ms):.0f} ms CPU"


def measure_video(path: Path, reader: TextReader) -> str:
    """CPU seconds per minute of this video, what was read in it, and the memory that the process has taken so far."""
    with path.open("rb") as file, opened(file, VideoLimits()) as video:
        timed = Timed(TextWatcher(reader))
        watch(video, [timed])
        texts, minutes = timed.watcher.texts(video.end_s), video.end_s / 60
    return (
        f"{timed.reading_s / minutes:.1f} s CPU reading, {timed.following_s / minutes:.2f} following, "
        f"{timed.watcher.readings / minutes:.0f} readings a minute, {len(texts)} texts, "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    readers: dict[str, TextReader] = {"rapidocr": RapidReader(), "tesseract": TesseractReader()}
    for name, reader in readers.items():
        print(f"{name}, at {SIDE} px: {reader.unavailable() or measure_pictures(folder / 'text', reader)}")
    for path in sorted((folder / "video").glob("*.mp4")):
        print(f"{path.name}: {measure_video(path, readers['rapidocr'])}")


if __name__ == "__main__":
    main()
