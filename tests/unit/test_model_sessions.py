"""Sessions that lose CUDA: they go on on the CPU, for good, and say so once."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.inference.sessions import CPU, CUDA, ModelSession, SessionOptions, providers


class Runtime:
    """Stands in for ONNX Runtime on a machine with a device that fails to start, or to run, or works."""

    def __init__(self, *, starts: bool = True, runs: bool = True, cpu_runs: bool = True) -> None:
        self.works = {"start": starts, CUDA: runs, CPU: cpu_runs}
        self.started: list[str] = []

    def start(self, path: Path, options: SessionOptions, wanted: list[str]) -> Any:
        provider = wanted[0]
        self.started.append(provider)
        if provider == CUDA and not self.works["start"]:
            raise RuntimeError("no kernel image is available\nfor execution on the device")
        return SimpleNamespace(
            get_providers=lambda: [provider],
            get_outputs=lambda: [SimpleNamespace(name="y")],
            run=lambda names, feed: self._run(provider, feed),
        )

    def _run(self, provider: str, feed: dict[str, Any]) -> list[Any]:
        if not self.works[provider]:
            raise RuntimeError(f"{provider}: out of memory")
        return [feed["x"] + 1]

    def session(self) -> ModelSession:
        return ModelSession(Path("model.onnx"), start=self.start, wanted=lambda: [CUDA, CPU])


BATCH = np.zeros((1, 2), np.float32)


def test_cuda_is_asked_for_only_where_build_and_machine_have_it() -> None:
    both = ["TensorrtExecutionProvider", CUDA, CPU]
    assert providers(both, has_device=True) == [CUDA, CPU]
    assert providers(both, has_device=False) == [CPU]
    assert providers([CPU], has_device=True) == [CPU]


def test_a_session_that_works_on_cuda_stays_there() -> None:
    runtime = Runtime()
    session = runtime.session()
    assert session.run("x", BATCH)["y"].tolist() == [[1, 1]]
    session.run("x", BATCH)
    assert session.provider == CUDA and runtime.started == [CUDA]


@pytest.mark.parametrize("trouble", [{"starts": False}, {"runs": False}], ids=["at the start", "in a run"])
def test_a_session_that_cuda_fails_goes_on_on_the_cpu_and_says_so_once(
    trouble: dict[str, bool], caplog: pytest.LogCaptureFixture
) -> None:
    runtime = Runtime(**trouble)
    session = runtime.session()
    with caplog.at_level(logging.WARNING):
        results = [session.run("x", BATCH)["y"].tolist() for _ in range(3)]
    assert results == [[[1, 1]]] * 3
    assert session.provider == CPU and runtime.started == [CUDA, CPU]
    (record,) = caplog.records
    assert record.getMessage().startswith("model.onnx runs on the CPU, because CUDA failed: ")
    assert "\n" not in record.getMessage()


def test_what_the_cpu_cannot_run_either_is_raised() -> None:
    with pytest.raises(RuntimeError, match="CPUExecutionProvider"):
        Runtime(starts=False, cpu_runs=False).session().run("x", BATCH)
