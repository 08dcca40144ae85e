"""What analysis of pictures costs beside its models alone: `scripts/benchmark --pictures`."""

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import onnxruntime

from pipeline.domain.media import MediaLimits
from pipeline.inference import OnnxModels
from pipeline.inference.readers import reader_of
from pipeline.services.kinds.image_analysis import PROXY_SIDE
from pipeline.stages.analyze.needs import Asked
from pipeline.stages.analyze_image import analyze_image
from pipeline.stages.validate import decode_proxy, validate

FOLDERS = ("photos", "text")
REPEATS = 3


class Networks:
    """CPU seconds that this thread has spent inside ONNX Runtime, whoever called it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every network's run is counted while the block lasts."""
        original = onnxruntime.InferenceSession.run

        def run(session: Any, *arguments: Any, **more: Any) -> Any:
            begin = time.thread_time()
            try:
                return original(session, *arguments, **more)
            finally:
                self.seconds += time.thread_time() - begin

        onnxruntime.InferenceSession.run = run
        try:
            yield
        finally:
            onnxruntime.InferenceSession.run = original


def measure(shared: Path, models: Path) -> Mapping[str, float]:
    """Tags, people and text of each picture at 960 pixels: whole, the networks alone, and the ratio of the sums."""
    cv2.setNumThreads(1)
    asked = Asked(OnnxModels(models), reader_of("rapidocr"))
    pictures = [decode_proxy(proxy) for proxy in _proxies(shared)]
    analyze_image(pictures[0], asked)  # loads the models
    whole, bare = [], []
    for pixels in pictures:
        rounds = [_once(pixels, asked) for _ in range(REPEATS)]
        best = min(rounds)
        whole.append(best[0])
        bare.append(best[1])
    return {
        "pictures": len(pictures),
        "whole_ms": round(1000 * statistics.mean(whole), 1),
        "networks_ms": round(1000 * statistics.mean(bare), 1),
        "ratio": round(sum(whole) / sum(bare), 3),
    }


def _once(pixels: Any, asked: Asked) -> tuple[float, float]:
    networks = Networks()
    with networks.watched():
        begin = time.thread_time()
        analyze_image(pixels, asked)
        return time.thread_time() - begin, networks.seconds


def _proxies(shared: Path) -> Iterator[bytes]:
    limits = MediaLimits(max_bytes=64 * 1024**2)
    for folder in FOLDERS:
        for path in sorted((shared / "media" / folder).iterdir()):
            if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
                yield validate(path.read_bytes(), limits, sha256="", proxy_side=PROXY_SIDE).proxy
