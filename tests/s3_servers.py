"""Moto's S3 in a process of its own, and what it takes to call it or to stand in front of it."""

import contextlib
import http.client
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.local_servers import Request

KEY_ID, SECRET, REGION = "test-key", "test-secret", "us-east-1"


@contextmanager
def s3_server() -> Iterator[int]:
    """The port of loopback on which S3 answers while the block lasts."""
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        lines = (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
        port = int(next(found[1] for found in lines if found))
        drained = threading.Thread(target=server.stderr.read, daemon=True)
        drained.start()
        try:
            yield port
        finally:
            server.terminate()
            drained.join()


def s3_client(port: int) -> Any:
    """Amazon's own client for the server on this port."""
    import boto3

    names = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET, "region_name": REGION}
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **names)


def s3_environment(port: int) -> dict[str, str]:
    """The variables by which everybody's S3 tools find the server on this port."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    }


def passed_on(request: Request, port: int) -> tuple[int, dict[str, str], bytes]:
    """What the server on this port answers: status, headers by their names in lower case, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with contextlib.closing(connection):
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
