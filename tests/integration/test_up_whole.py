"""`darkroom up` itself: Darkroom's own programs, each killed in turn."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
import requests

from pipeline.instance.readiness import START_WAIT_S, api_readiness, dagster_readiness
from pipeline.instance.record import InstanceRecord, connected, running_instance
from pipeline.instance.supervisor import ProgramState, RemoteControl
from pipeline.settings import Settings

PROGRAMS = ("keeper", "api", "code_server", "daemon", "webserver", "postgres")
HEARTBEATS = "{ instance { daemonHealth { allDaemonStatuses { required lastHeartbeatTime } } } }"


def up(data: Path, *arguments: str) -> "subprocess.Popen[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    command = [sys.executable, "-m", "pipeline.cli", "up", "--data", str(data), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_WAIT_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstanceRecord]:
    """One whole instance for the tests of this module."""
    data = tmp_path_factory.mktemp("whole") / "data of mine"
    process = up(data)
    wait_until(lambda: running_instance(data) is not None or process.poll() is not None)
    record = running_instance(data)
    assert record is not None, process.communicate()
    yield record
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=START_WAIT_S)
    assert process.returncode == 0
    assert said.splitlines()[-1] == "Stopped."
    assert not [each for each in family if each.is_running()]


def state(instance: InstanceRecord, name: str) -> ProgramState:
    states = RemoteControl(Path(instance.supervisor_socket)).states()
    return next(each for each in states if each.name == name)


def last_heartbeat_at(instance: InstanceRecord) -> float:
    answer = requests.post(f"{instance.dagster_url}/graphql", json={"query": HEARTBEATS}, timeout=10).json()
    statuses = answer["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    return min(status["lastHeartbeatTime"] or 0.0 for status in statuses if status["required"])


def test_everything_answers_once_the_instance_is_found(instance: InstanceRecord) -> None:
    assert api_readiness(instance.api_url).why_not() is None
    assert dagster_readiness(instance.dagster_url).why_not() is None


def test_other_commands_find_the_instance_by_its_data_folder(instance: InstanceRecord) -> None:
    settings = connected(Settings.from_environment({"DARKROOM_DATA": instance.data}))
    assert settings.database_url == instance.database_url
    assert settings.required_secret_key()
    assert set(instance.own_ports) <= settings.own_ports


def test_runs_get_the_memory_settings_from_the_code_server(instance: InstanceRecord) -> None:
    environ = psutil.Process(state(instance, "code_server").pid).environ()
    assert environ["MALLOC_MMAP_MAX_"] == "0"


def test_nothing_listens_beyond_loopback(instance: InstanceRecord) -> None:
    family = psutil.Process(instance.pid).children(recursive=True)
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")
        for each in family
        for connection in each.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def comes_back(state: ProgramState, killed: int) -> bool:
    return state.running and state.pid != killed


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_is_killed_comes_back(instance: InstanceRecord, program: str) -> None:
    killed, killed_at = state(instance, program).pid, time.time()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: comes_back(state(instance, program), killed))
    wait_until(lambda: api_readiness(instance.api_url).why_not() is None)
    wait_until(lambda: dagster_readiness(instance.dagster_url).why_not() is None)
    for port in instance.own_ports:
        wait_until(partial(listens, port))
    if program == "daemon":
        wait_until(lambda: last_heartbeat_at(instance) > killed_at)


def test_a_second_one_on_the_same_folder_ends_with_a_sentence(instance: InstanceRecord) -> None:
    _, said = up(Path(instance.data)).communicate(timeout=START_WAIT_S)
    assert f"Process {instance.pid} already runs Darkroom" in said
    assert "Traceback" not in said
