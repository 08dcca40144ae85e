"""Sessions on real files: one for each model, shared by threads, within a budget, and known by what they compute."""

import gc
import os
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pipeline.inference import OnnxModels, builtin_catalog
from pipeline.inference.sessions import DEFAULT_BUDGET_MB, MEMORY_BASE_MB, ModelSession, SessionCache, SessionOptions
from tests.integration.model_files import save_color_classifier

OPTIONS = SessionOptions()
BATCH = np.random.default_rng(5).random((1, 3, 8, 8), dtype=np.float32)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{number}.onnx" for number in range(4)]
    for file in files:
        save_color_classifier(file)
    return files


def test_a_model_has_one_session_until_its_file_is_replaced(paths: list[Path]) -> None:
    cache = SessionCache()
    first = cache.get(paths[0], OPTIONS)
    assert cache.get(paths[0], OPTIONS) is first
    assert cache.get(paths[0], SessionOptions(intra_op_threads=2)) is not first
    status = paths[0].stat()
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert cache.get(paths[0], OPTIONS) is not first


def test_beyond_the_budget_the_session_used_longest_ago_goes(paths: list[Path]) -> None:
    cache, budget_mb = SessionCache(), 2.5 * MEMORY_BASE_MB
    first, second = (cache.get(path, OPTIONS, budget_mb=budget_mb) for path in paths[:2])
    assert cache.get(paths[0], OPTIONS, budget_mb=budget_mb) is first
    cache.get(paths[2], OPTIONS, budget_mb=budget_mb)
    assert len(cache) == 2
    assert cache.get(paths[0], OPTIONS, budget_mb=budget_mb) is first
    assert cache.get(paths[1], OPTIONS, budget_mb=budget_mb) is not second


def test_a_session_that_was_let_go_is_freed_and_runs_for_whoever_holds_it(paths: list[Path]) -> None:
    cache = SessionCache()
    held = cache.get(paths[0], OPTIONS, budget_mb=1)
    let_go = weakref.ref(cache.get(paths[1], OPTIONS, budget_mb=1)._session())
    cache.get(paths[2], OPTIONS, budget_mb=1)
    gc.collect()
    assert let_go() is None
    assert held.run("pixels", BATCH)["logits"].shape == (1, 3)
    assert len(cache) == 1


def test_the_default_budget_holds_every_model_that_serves_by_default(shared: Path) -> None:
    serving = [entry for entry in builtin_catalog() if entry.role == "default" and entry.file is not None]
    sessions = [ModelSession(shared / "models" / entry.file.path) for entry in serving if entry.file]
    assert sum(session.memory_mb for session in sessions) < DEFAULT_BUDGET_MB


def test_threads_that_start_together_share_one_session(shared: Path, tmp_path: Path) -> None:
    path = "superres/waifu2x_upconv7_photo/upconv7_photo_scale2.0x.onnx"
    (tmp_path / path).parent.mkdir(parents=True)
    shutil.copyfile(shared / "models" / path, tmp_path / path)
    batch = np.random.default_rng(7).random((1, 3, 24, 24), dtype=np.float32)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: OnnxModels(tmp_path).run("superres", batch)["output"], range(16)))
    assert all(np.array_equal(results[0], result) for result in results)
    assert OnnxModels(tmp_path).session("superres") is OnnxModels(tmp_path).session("superres")


def test_a_session_starts_once_however_many_threads_ask(paths: list[Path]) -> None:
    started: list[Path] = []

    def start(path: Path, options: SessionOptions, providers: list[str]) -> object:
        from pipeline.inference.sessions import start_session

        started.append(path)
        return start_session(path, options, providers)

    session = ModelSession(paths[0], start=start)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: session.run("pixels", BATCH), range(32)))
    assert len(started) == 1
