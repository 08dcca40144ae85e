"""Real processes of a real instance, killed and stopped at named points (acceptance F 47-51, 59, D 37)."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import requests

from tests.checkpoints import Arrival
from tests.ledger_oracle import assert_ledger_is_sound
from tests.orchestration.under_attack import SERVICES, Line, ready, under_attack

EVERY_FAULT = os.environ.get("DARKROOM_EVERY_FAULT") == "1"
"""`scripts/faults` kills every service at every stage; the suite kills each service at one."""
STAGE_POINTS = (
    "download.item",
    "validate.item",
    "analyze.item",
    "enhance.item",
    "upload.stored",
    "score.item",
    "report.stored",
)
SERVICE_POINTS = STAGE_POINTS if EVERY_FAULT else ("enhance.item",)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with under_attack(tmp_path_factory.mktemp("kills")) as line:
        yield line


@pytest.fixture
def line(world: Line) -> Line:
    world.checkpoints.handlers.clear()
    world.receiver.received.clear()
    world.source.hits.clear()
    return world


STARTED_RUNS = "{ runsOrError(limit: 1, filter: {statuses: [STARTED]}) { ... on Runs { results { runId } } } }"
FAILED_RUNS = "{ runsOrError(limit: 1, filter: {statuses: [FAILURE]}) { ... on Runs { results { runId } } } }"
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
CANCEL = """
mutation($id: String!) { terminateRun(runId: $id, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename } }
"""
RE_EXECUTE = """
mutation($parent: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $parent, strategy: FROM_FAILURE}) {
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


def graphql(line: Line, query: str, variables: dict[str, str] | None = None) -> dict[str, Any]:
    """What Dagster's own API answers, as its UI's buttons use it."""
    body = {"query": query, "variables": variables or {}}
    answer = requests.post(f"{line.instance.dagster_url}/graphql", json=body, timeout=30)
    answer.raise_for_status()
    return dict(answer.json()["data"])


def kill(arrival: Arrival) -> None:
    os.kill(arrival.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "point",
    [
        "download.item",
        "download.stored",
        "validate.item",
        "analyze.item",
        "enhance.stored",
        "upload.stored",
        "upload.committed",
        "score.item",
        "report.stored",
    ],
)
def test_a_run_killed_at_this_point_is_replaced_and_nothing_happens_twice(line: Line, point: str) -> None:
    killed = line.checkpoints.once(point, kill)
    job = line.submit()
    batch = line.sound(job)
    assert killed.is_set()
    assert len(line.told(job)) == 1
    if point not in ("download.item", "download.stored"):
        assert set(line.source.hits.values()) == {1}, "a stage that was done was repeated"
    assert batch["generation"] == 1


def test_a_run_that_sleeps_past_its_lease_is_refused_when_it_wakes(line: Line, until: Callable[..., None]) -> None:
    """SIGSTOP, takeover, SIGCONT: the zombie's late writes change nothing (F 48)."""
    stopped: list[Arrival] = []

    def stop(arrival: Arrival) -> None:
        os.kill(arrival.pid, signal.SIGSTOP)
        stopped.append(arrival)
        arrival.go_on()

    slept = line.checkpoints.once("upload.stored", stop)
    job = line.submit()
    batch = line.sound(job)
    assert slept.is_set()
    urls = [file["enhanced_url"] for file in batch["files"]]
    os.kill(stopped[0].pid, signal.SIGCONT)
    until(lambda: not psutil.pid_exists(stopped[0].pid), timeout_s=60)
    again = line.customer.batch(job)
    assert [file["enhanced_url"] for file in again["files"]] == urls
    assert len(line.ids_told(job)) == 1
    assert_ledger_is_sound(line.instance)


def test_the_code_server_killed_between_claim_and_run_loses_nothing(line: Line) -> None:
    killed = line.checkpoints.once("dispatch.claimed", kill)
    job = line.submit()
    line.sound(job)
    assert killed.is_set()


def test_a_keeper_killed_after_the_receivers_answer_tells_again_under_the_same_id(line: Line) -> None:
    killed = line.checkpoints.once("webhook.answered", kill)
    job = line.submit()
    line.sound(job)
    assert killed.wait(60)
    line.receiver.wait_for(2, timeout_s=120)
    assert len(line.ids_told(job)) == 1


@pytest.mark.parametrize("point", SERVICE_POINTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_killed_in_mid_batch_comes_back_and_the_batch_ends(
    line: Line, service: str, point: str, until: Callable[..., None]
) -> None:
    words = SERVICES[service]
    killed: list[int] = []

    def kill_service(arrival: Arrival) -> None:
        processes = line.instance.processes(*words)
        assert processes, line.instance.log()
        for process in processes[:1]:
            process.kill()
            killed.append(process.pid)
        arrival.go_on()

    line.checkpoints.once(point, kill_service)
    job = line.submit()
    until(lambda: killed, timeout_s=60)
    until(lambda: any(process.pid not in killed for process in line.instance.processes(*words)), timeout_s=60)
    until(lambda: ready(line.instance), timeout_s=60)
    line.sound(job)
    assert len(line.told(job)) == 1, "no delivery was under way, and so none may have come twice"


def test_a_picture_that_kills_its_worker_every_time_is_quarantined_and_its_batch_ends(line: Line) -> None:
    deaths: list[str] = []

    def poison(arrival: Arrival) -> None:
        if arrival.detail == "1":
            deaths.append(arrival.detail)
            os.kill(arrival.pid, signal.SIGKILL)
        arrival.go_on()

    line.checkpoints.on("enhance.item", poison)
    job = line.submit()
    batch = line.customer.ended(job)
    assert [file["status"] == "FAILED" for file in batch["files"]] == [False, True, False]
    error = batch["files"][1]["error"]
    assert error["code"] == "quarantined" and error["stage"] == "enhance"
    assert len(deaths) == 3
    assert_ledger_is_sound(line.instance)


def test_a_daemon_that_stands_still_raises_an_alert_and_loses_nothing(line: Line, until: Callable[..., None]) -> None:
    """F 51: SIGSTOP instead of a crash, which the supervisor would not see."""
    (daemon,) = line.instance.processes("dagster._daemon")
    daemon.suspend()
    try:
        job = line.submit()
        until(lambda: "dispatch_stuck" in (ready(line.instance) or ""), timeout_s=120)
    finally:
        daemon.resume()
    line.sound(job)
    assert len(line.told(job)) == 1
    until(lambda: "dispatch_stuck" not in (ready(line.instance) or ""), timeout_s=60)


def test_re_execute_from_failure_works_in_dagster_and_repeats_nothing(line: Line, until: Callable[..., None]) -> None:
    line.checkpoints.once("enhance.stored", kill)
    job = line.submit()
    before = line.sound(job)
    hits = dict(line.source.hits)
    (failed,) = graphql(line, FAILED_RUNS)["runsOrError"]["results"][:1]
    launched = graphql(line, RE_EXECUTE, {"parent": failed["runId"]})["launchRunReexecution"]
    run_id = launched["run"]["runId"]
    until(lambda: graphql(line, RUN, {"id": run_id})["runOrError"]["status"] == "SUCCESS", timeout_s=90)
    assert line.customer.batch(job) == before
    assert line.source.hits == hits


def test_a_run_that_an_operator_cancels_does_not_come_back_by_itself(line: Line) -> None:
    def cancel(arrival: Arrival) -> None:
        (run,) = graphql(line, STARTED_RUNS)["runsOrError"]["results"]
        graphql(line, CANCEL, {"id": run["runId"]})

    line.checkpoints.once("validate.item", cancel)
    job = line.submit()
    batch = line.customer.ended(job)
    assert {file["error"]["code"] for file in batch["files"]} == {"cancelled_by_operator"}
    retried = line.customer.call("POST", f"/manage/v1/jobs/{job}/retry", json={})
    assert retried.status_code in (200, 202), retried.text
    line.sound(job)
