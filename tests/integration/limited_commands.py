"""Commands for children that misbehave in one way each."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from pipeline.errors import CapabilityUnavailable, CorruptMedia, TooManyPixels
from pipeline.media.limited_child import Command, Report


def echo(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    return {"heard": request}


def tell(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    for number in range(request["times"]):
        report({"number": number})
    return {}


def refuse(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    raise TooManyPixels("The picture is made of too many pixels.")


def miss(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    raise CapabilityUnavailable("No model: run `darkroom models pull`.")


def corrupt(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    raise CorruptMedia


def mistake(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    return {"half": 1 // request["zero"]}


def remember(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    return {"bytes": len(bytearray(request["bytes"]))}


def think(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    while True:
        ctypes.string_at(ctypes.create_string_buffer(1 << 20), 1 << 20)


def wait(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    helper = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    report({"pids": [os.getpid(), helper.pid]})
    signal.pause()
    return {}


def crash(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    os.kill(os.getpid(), request["signal"])
    return {}


def vanish(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    sys.stderr.write("x" * 100_000 + " the very last words")
    sys.stderr.flush()
    os._exit(3)


def write(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    with tempfile.TemporaryFile() as file:
        for _ in range(request["megabytes"]):
            file.write(bytes(1 << 20))
        file.flush()
    return {}


def boast(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    return {"text": "x" * request["bytes"]}


def call(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    with socket.socket() as line:
        line.settimeout(5)
        return {"error": line.connect_ex(("127.0.0.1", request["port"]))}


def surroundings(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    return {
        "environment": dict(os.environ),
        "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - paths would be opened to be listed
        "is_leader": os.getsid(0) == os.getpid(),
        "core": __import__("resource").getrlimit(__import__("resource").RLIMIT_CORE),
    }


def shout(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    print("not an answer", flush=True)
    os.system("echo nor this")  # noqa: S605
    return {"quiet": True}


COMMANDS: Mapping[str, Command] = {
    command.__name__: command
    for command in (
        echo, tell, refuse, miss, corrupt, mistake, remember, think, wait, crash, vanish, write, boast, call,
        surroundings, shout,
    )
}  # fmt: skip
