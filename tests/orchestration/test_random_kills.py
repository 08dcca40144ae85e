"""Every process killed at random instants of a batch (acceptance 3). Long, and so only for `scripts/faults`."""

import os
import random
import secrets
from collections.abc import Callable, Iterator
from threading import Event

import psutil
import pytest

from tests.orchestration.under_attack import SERVICES, Line, ready, under_attack

SEED = os.environ.get("DARKROOM_FAULTS_SEED") or str(secrets.randbelow(1_000_000))
ROUNDS = int(os.environ.get("DARKROOM_FAULTS_ROUNDS") or "20")
VICTIMS = {**SERVICES, "run": ("multiprocessing.spawn", "spawn_main")}
LONGEST_S, LONGEST_RUN_S = 6.0, 2.5
"""A batch of three pictures takes about 4 s: the instants fall before, into and after the run, and into its webhook.
Those of a run count from its process's start."""

pytestmark = pytest.mark.skipif(
    os.environ.get("DARKROOM_EVERY_FAULT") != "1", reason="takes half an hour: scripts/faults runs it"
)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with under_attack(tmp_path_factory.mktemp("random")) as line:
        yield line


@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_process_killed_at_a_random_instant_loses_and_repeats_nothing(
    line: Line, victim: str, number: int, until: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    instant_s = random.Random(f"{SEED}:{victim}:{number}").random()
    instant_s *= LONGEST_S if victim in SERVICES else LONGEST_RUN_S
    job = line.submit()
    until(lambda: line.instance.processes(*VICTIMS[victim]), timeout_s=60)
    Event().wait(instant_s)  # the instant is what is tested: there is no event to wait for
    killed = [process.pid for process in line.instance.processes(*VICTIMS[victim]) if ended(process)]
    with capsys.disabled():
        print(f"\n  seed {SEED}, round {number}: {victim} killed after {instant_s:.2f} s ({len(killed)})", flush=True)
    if victim in SERVICES:
        assert killed, line.instance.log()
        until(lambda: {found.pid for found in line.instance.processes(*VICTIMS[victim])} - {*killed}, timeout_s=60)
    until(lambda: ready(line.instance), timeout_s=60)
    line.sound(job)
    told = line.told(job)
    assert len({message.headers["webhook-id"] for message in told}) == 1
    if victim not in ("keeper", "postgres"):
        assert len(told) == 1, "only a sender that dies before it noted the answer may tell twice"


def ended(process: psutil.Process) -> bool:
    """Killed by us, and not gone by itself just before."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True
