"""supervisord, which keeps the programs of an instance running: its configuration and its remote control."""

import os
import shlex
import signal
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import Faults, SupervisorTransport

from pipeline.instance.privileges import ended_with_parent, is_root
from pipeline.instance.programs import Program, python

STOP_LOOK_EVERY_S = 0.1
END_WAIT_S = 40.0
SOCKET_FOLDER = "darkroom-socket-"
STARTS_ENOUGH = 3
"""A program may lose a race or two while the others start; one that ends more often has a lasting reason."""
LONGEST_SOCKET_PATH = 80
"""Linux allows 107 characters, and supervisord appends its process number while it makes the socket."""


@dataclass(frozen=True, slots=True)
class ProgramState:
    """What supervisord says of a program. `pid` is 0 while it does not run."""

    name: str
    pid: int
    running: bool
    stopping: bool
    said: str


class RemoteControl:
    """Orders to a running supervisord, by its socket. Nothing starts by itself: `start` names the programs."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def start(self, names: Sequence[str]) -> None:
        """The programs are started, in order; they may not answer yet."""
        for name in names:
            self._call("startProcess", name, False)

    def stop(self, names: Sequence[str]) -> None:
        """None of the programs runs; all were asked at once, in this order, and killed where they took too long.

        Asking supervisord to end would do as well, but it then takes a second for each.
        """
        order = {name: place for place, name in enumerate(names)}
        while running := [state for state in self.states() if state.name in order and state.pid]:
            for state in sorted(running, key=lambda state: order[state.name]):
                if not state.stopping:
                    self._ask_to_stop(state.name)
            time.sleep(STOP_LOOK_EVERY_S)

    def _ask_to_stop(self, name: str) -> None:
        """One that has just died by itself cannot be asked; if it comes back, it is asked then."""
        try:
            self._call("stopProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.NOT_RUNNING:
                raise

    def states(self) -> tuple[ProgramState, ...]:
        """Every program's state."""
        infos = cast(list[dict[str, Any]], self._call("getAllProcessInfo"))
        return tuple(
            ProgramState(
                info["name"],
                info["pid"],
                running=info["statename"] == "RUNNING",
                stopping=info["statename"] == "STOPPING",
                said=info["description"],
            )
            for info in infos
        )

    def why_not_ready(self) -> str | None:
        """None once supervisord answers."""
        try:
            self._call("getState")
        except OSError as error:
            return f"supervisord does not answer yet: {error}"
        return None

    def why_not_running(self, names: Sequence[str]) -> str | None:
        """None once each of the programs has stayed up; else those that have not."""
        missing = [state for state in self.states() if state.name in names and not state.running]
        return ", ".join(f"{state.name}: {state.said}" for state in missing) or None

    def _call(self, method: str, *arguments: object) -> object:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


class Supervisor(RemoteControl):
    """A supervisord that this process has started."""

    def __init__(self, process: "subprocess.Popen[bytes]", socket: Path) -> None:
        super().__init__(socket)
        self.process = process

    def why_ended(self) -> str | None:
        """None as long as supervisord lives; else how it ended."""
        return None if self.process.poll() is None else f"supervisord ended with status {self.process.returncode}"

    def end(self) -> None:
        """supervisord has ended, and stopped before whatever still ran, the last started first."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.socket.unlink(missing_ok=True)
        if self.socket.parent.name.startswith(SOCKET_FOLDER):
            self.socket.parent.rmdir()


class StartWatch:
    """Notices programs that end again and again while an instance starts, so that nobody waits for them in vain."""

    def __init__(self, supervisor: Supervisor, logs: Path) -> None:
        self._supervisor = supervisor
        self._logs = logs
        self._seen: dict[str, set[int]] = {}

    def why_useless(self) -> str | None:
        """None while it is worth waiting; else the program that does not stay up, and the end of its log."""
        ended = self._supervisor.why_ended()
        if ended is not None:
            return ended
        for state in self._supervisor.states():
            pids = self._seen.setdefault(state.name, set())
            pids.update({state.pid} - {0})
            if len(pids) > STARTS_ENOUGH:
                return f"{state.name} ended {STARTS_ENOUGH} times in a row:\n{self._last_lines(state.name)}\n"
        return None

    def _last_lines(self, name: str) -> str:
        log = self._logs / f"{name}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return "\n".join(lines[-15:])


def start_supervisor(
    run: Path, logs: Path, programs: Sequence[Program], *, environment: Mapping[str, str], keep_open: Sequence[int] = ()
) -> Supervisor:
    """supervisord runs with its files in `run`, and ends with everything it started when this process dies.

    It sits in a session of its own, so that Ctrl-C reaches this process alone, which stops things in order.
    `keep_open` are file descriptors that stay open as long as it lives.
    """
    for folder in (run, logs):
        folder.mkdir(parents=True, exist_ok=True)
    socket = _socket_folder(run) / "supervisor.sock"
    configuration = run / "supervisord.conf"
    configuration.write_text(supervisor_configuration(programs, run=run, socket=socket), encoding="utf-8")
    command = python("-W", "ignore", "-m", "supervisor.supervisord", "-n", "-c", str(configuration))
    process = subprocess.Popen(
        ended_with_parent(command, signal="TERM"),
        cwd=run,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(logs / "supervisord.err").open("wb"),
        pass_fds=keep_open,
        start_new_session=True,
    )
    return Supervisor(process, socket)


def _socket_folder(run: Path) -> Path:
    if len(os.fsencode(run)) <= LONGEST_SOCKET_PATH:
        return run
    return Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER))


def supervisor_configuration(programs: Sequence[Program], *, run: Path, socket: Path) -> str:
    """The text of supervisord.conf for a supervisord that is started in `run`, which lies beside the folder `logs`."""
    head = f"""\
; Written by `darkroom up` at each start.
[unix_http_server]
file={_from_here(socket, run)}
chmod=0700
[supervisord]
nodaemon=true
silent=true
strip_ansi=true
{"user=root" if is_root() else ""}
logfile=../logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile=supervisord.pid
childlogdir=../logs
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(_section(program, run) for program in programs)


def _section(program: Program, run: Path) -> str:
    group = "true" if program.with_children else "false"
    environment = ",".join(f'{name}="{value}"' for name, value in program.environment.items())
    folder = f"directory={_from_here(program.folder, run)}\n" if program.folder else ""
    return f"""\
[program:{program.name}]
command={_literal(" ".join(map(_quoted, ended_with_parent(program.command, signal="KILL"))))}
priority={program.priority}
{folder}environment={_literal(environment)}
autostart=false
autorestart=true
startsecs=2
startretries=1000000
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_wait_s}
stopasgroup={group}
killasgroup={group}
redirect_stderr=true
stdout_logfile=../logs/{program.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _quoted(argument: str) -> str:
    """For the shell's rules, with no ; or # after a space, where supervisord would see a comment."""
    return shlex.quote(argument).replace(";", "'\";\"'").replace("#", "'\"#\"'")


def _from_here(path: Path, run: Path) -> str:
    """The path from supervisord's own folder on, so that no character of the folders above can be misread."""
    return _literal(os.path.relpath(path, run))


def _literal(text: str) -> str:
    """What supervisord reads back as the text: it expands what follows a per cent sign."""
    return text.replace("%", "%%")
