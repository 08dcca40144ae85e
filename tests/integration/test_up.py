"""The life of an instance, with stand-ins for Darkroom's own programs: real processes, a real Postgres."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2
import pytest
import requests

from pipeline.instance.databases import database_readiness
from pipeline.instance.record import running_instance
from pipeline.instance.supervisor import ProgramState, RemoteControl
from tests.integration.standin_instance import answers

STANDIN = Path(__file__).with_name("standin_instance.py")
PATIENCE_S = 60.0


@dataclass
class Up:
    """A `darkroom up` of stand-ins, as a process of its own."""

    data: Path
    process: "subprocess.Popen[str]"

    @property
    def ready_file(self) -> Path:
        return self.data.parent / "ready.json"

    def ready(self) -> dict[str, str]:
        """What the ready file says, once it is there."""
        wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()
        answer: dict[str, str] = json.loads(self.ready_file.read_text())
        return answer

    def state(self, program: str) -> ProgramState:
        record = running_instance(self.data)
        assert record is not None
        states = RemoteControl(Path(record.supervisor_socket)).states()
        return next(state for state in states if state.name == program)

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def supervisor(self) -> psutil.Process:
        return next(each for each in self.descendants() if "supervisor.supervisord" in each.cmdline())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        return self.process.communicate(timeout=PATIENCE_S)[0]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def start(data: Path, *arguments: str, **environ: str) -> Up:
    command = [*prefix_of(data), sys.executable, str(STANDIN), str(data), str(data.parent / "ready.json"), *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**env, **environ}
    )
    return Up(data, process)


def prefix_of(data: Path) -> list[str]:
    """Run as the owner of the folder above the data."""
    owner = data.parent.stat().st_uid
    return [] if owner == os.geteuid() else ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups"]


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts instances; whatever is left of them afterwards is ended."""
    started: list[Up] = []

    def begin(name: str = "an instance #1, 100% mine", *arguments: str, **environ: str) -> Up:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        started.append(start(folder / "data", *arguments, **environ))
        return started[-1]

    yield begin
    for up in started:
        if up.process.poll() is None:
            up.stop()
        for stream in (up.process.stdout, up.process.stderr):
            if stream:
                stream.close()


Starter = Callable[..., Up]


def test_the_ready_file_appears_when_everything_answers(starter: Starter) -> None:
    up = starter()
    ready = up.ready()
    assert requests.get(ready["api_url"], timeout=5).ok
    assert requests.get(ready["dagster_url"], timeout=5).ok
    psycopg2.connect(ready["database_url"].replace("+psycopg2", "")).close()
    assert ready["data"] == str(up.data)
    assert up.ready_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_in_order(starter: Starter, number: signal.Signals) -> None:
    up = starter()
    up.ready()
    family = up.descendants()
    said = up.stop(number)
    assert up.process.returncode == 0
    assert said.splitlines()[-2:] == ["Stopping.", "Stopped."]
    assert not [each for each in family if each.is_running()]
    assert "database system is shut down" in (up.data / "logs" / "postgres.log").read_text().splitlines()[-1]


def comes_back(state: ProgramState, killed: int) -> bool:
    return state.running and state.pid != killed


@pytest.mark.parametrize("program", ["postgres", "web", "parent"])
def test_a_program_that_is_killed_is_started_again(starter: Starter, program: str) -> None:
    up = starter()
    ready = up.ready()
    killed = up.state(program).pid
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: comes_back(up.state(program), killed))
    wait_until(lambda: database_readiness(ready["database_url"]).why_not() is None)
    wait_until(lambda: answers(ready["api_url"]).why_not() is None)


def test_nothing_is_left_behind_when_up_itself_is_killed(starter: Starter) -> None:
    up = starter()
    up.ready()
    family = up.descendants()
    up.process.kill()
    gone, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert len(gone) > 5
    assert not alive


def test_nothing_is_left_behind_when_the_supervisor_is_killed(starter: Starter) -> None:
    up = starter()
    up.ready()
    family = up.descendants()
    up.supervisor().kill()
    _, said = up.process.communicate(timeout=PATIENCE_S)
    assert up.process.returncode == 1
    assert "The supervisor died" in said
    assert not [each for each in family if each.is_running()]


def test_what_a_killed_program_leaves_behind_ends_with_the_instance(starter: Starter) -> None:
    up = starter()
    up.ready()
    parent = psutil.Process(up.state("parent").pid)
    (orphan,) = parent.children()
    parent.kill()
    wait_until(lambda: orphan.ppid() == up.process.pid)
    up.stop()
    assert not orphan.is_running()


def test_an_instance_that_was_killed_finds_its_data_again(starter: Starter) -> None:
    up = starter()
    database_url = up.ready()["database_url"]
    with psycopg2.connect(database_url.replace("+psycopg2", "")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 7 AS number")
    connection.close()
    for each in [psutil.Process(up.process.pid), *up.descendants()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    up.process.wait()
    up.ready_file.unlink()

    again = starter()
    database_url = again.ready()["database_url"]
    connection = psycopg2.connect(database_url.replace("+psycopg2", ""))
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM kept")
        assert cursor.fetchone() == (7,)
    connection.close()


def test_a_record_of_a_server_that_lost_its_power_is_no_hindrance(starter: Starter) -> None:
    up = starter()
    up.ready()
    up.stop()
    up.ready_file.unlink()
    record = up.data / "postgres" / "cluster" / "postmaster.pid"
    record.write_text(f"{os.getpid()}\n{record.parent}\n{int(time.time())}\n18400\n\n127.0.0.1\n  1  2\nready\n")
    starter().ready()


def test_a_second_instance_on_the_same_data_says_who_runs_it(starter: Starter) -> None:
    first = starter()
    first.ready()
    second = starter()
    _, said = second.process.communicate(timeout=PATIENCE_S)
    assert second.process.returncode == 1
    assert f"Process {first.process.pid} already runs Darkroom on {first.data}" in said
    assert first.ready_file.exists()


def test_two_instances_that_start_together_do_not_meet(starter: Starter) -> None:
    one, other = starter("one"), starter("other")
    assert not set(one.ready().values()) & set(other.ready().values())


def test_a_port_that_was_asked_for_and_is_taken_is_said(starter: Starter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up = starter("asks", str(port))
        _, said = up.process.communicate(timeout=PATIENCE_S)
    assert up.process.returncode == 1
    assert f"Port {port} for the API is in use: choose another with --port" in said


def test_a_port_that_was_asked_for_and_is_free_is_used(starter: Starter) -> None:
    up = starter("asks", "18650")
    assert up.ready()["api_url"] == "http://127.0.0.1:18650"
    assert up.ready()["dagster_url"] == "http://127.0.0.1:18651"


def test_a_server_of_your_own_takes_the_place_of_the_embedded_one(starter: Starter) -> None:
    theirs = starter("theirs").ready()["database_url"]
    own = theirs.rpartition("/")[0] + "/prints"
    up = starter("ours", DARKROOM_DATABASE_URL=own)
    assert up.ready()["database_url"] == own
    assert not (up.data / "postgres").exists()
    for url in (own, f"{own}_dagster"):
        psycopg2.connect(url.replace("+psycopg2", "")).close()


def test_a_program_that_does_not_start_is_named_with_the_end_of_its_log(starter: Starter) -> None:
    up = starter("broken", "broken")
    _, said = up.process.communicate(timeout=PATIENCE_S)
    assert up.process.returncode == 1
    assert "broken ended 3 times in a row" in said
    assert "the disk is on fire" in said


def test_a_long_path_is_no_hindrance(starter: Starter) -> None:
    up = starter("x" * 120)
    up.ready()
    up.stop()
    assert up.process.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_needs_nothing_that_root_has(starter: Starter) -> None:
    if subprocess.run(
        ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "env", sys.executable, "-c", ""], check=False
    ).returncode:
        pytest.skip(f"{sys.executable} lies where no other user can reach it")
    with tempfile.TemporaryDirectory(prefix="darkroom user ") as folder:
        os.chown(folder, 1000, 1000)
        up = start(Path(folder, "data"))
        try:
            up.ready()
            owners = {each.uids().real for each in up.descendants()}
            said = up.stop()
        finally:
            up.process.kill()
            up.process.communicate()
        assert owners == {1000}
        assert said.splitlines()[-1] == "Stopped."
