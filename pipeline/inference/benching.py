"""How long each model takes on this machine, on what, and how much memory it takes."""

import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.errors import CapabilityUnavailable
from pipeline.inference.checking import sample_batch
from pipeline.inference.conversion.onnx_graph import OnnxGraph
from pipeline.inference.registry import OnnxModels

RUNS = 20
LONGEST_S = 2.0
"""Slow models run less often: a median of 3 tells enough of 500 ms."""


@dataclass(frozen=True, slots=True)
class Benched:
    """The figures of one model at `size` (height, width), on one thread.

    `ms`: median of one run of the network, without pre- and post-processing. `memory_mb`: what loading and running it
    adds to a process that has ONNX Runtime already. Where it could not run, `error` says why.
    """

    name: str
    size: tuple[int, int] | None = None
    ms: float | None = None
    runs: int = 0
    provider: str | None = None
    file_mb: float | None = None
    memory_mb: float | None = None
    error: str | None = None


def bench(folder: Path, names: Sequence[str]) -> Iterator[Benched]:
    """The figures of each model in this models folder, one after another, each in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes:
        yield from processes.map(bench_here, [folder] * len(names), names)


def bench_here(folder: Path, name: str) -> Benched:
    """The figures of one model, in this process."""
    models = OnnxModels(folder)
    entry = models.catalog.entry(name)
    reason = models.unavailable(name)
    if reason is not None or entry.input is None or entry.file is None:
        return Benched(name, error=reason)
    _warm_up()
    batch, before = sample_batch(entry.input), _memory_mb()
    try:
        session = models.session(name)
        session.run(entry.input.tensor, batch)
    except CapabilityUnavailable as error:
        return Benched(name, entry.input.size, error=str(error))
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own for what it refuses: the finding here
        return Benched(name, entry.input.size, error=f"it does not run: {str(error).splitlines()[0]}")
    memory_mb = _memory_mb() - before
    took: list[float] = []
    began = time.perf_counter()
    while len(took) < 3 or (len(took) < RUNS and time.perf_counter() - began < LONGEST_S):
        start = time.perf_counter()
        session.run(entry.input.tensor, batch)
        took.append(1000 * (time.perf_counter() - start))
    file_mb = (folder / entry.file.path).stat().st_size / 1e6
    return Benched(
        name, entry.input.size, statistics.median(took), len(took), session.provider, file_mb, max(0.0, memory_mb)
    )


def _warm_up() -> None:
    """ONNX Runtime has loaded what it needs for any model."""
    import numpy as np
    import onnxruntime

    graph = OnnxGraph()
    model = graph.model({"input": [1]}, {"output": (graph.add("Relu", "input"), [1])})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    session.run(None, {"input": np.zeros(1, np.float32)})


def _memory_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6
