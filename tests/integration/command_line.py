"""The commands as a user runs them, in this process, on a ledger of the test's own."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.main import main

KEY = base64.urlsafe_b64encode(b"0123456789abcdef0123456789abcdef").decode()


class CommandLine:
    """`darkroom` on a ledger of this test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        self._monkeypatch.setattr(sys, "argv", ["darkroom", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        shown = self._capsys.readouterr()
        return code, shown.out, shown.err

    def json(self, *arguments: object) -> Any:
        """What the command says with --json."""
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


def command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, database_url: str
) -> CommandLine:
    """`darkroom` with its settings in the environment; a test file makes a fixture of it."""
    monkeypatch.setenv("DARKROOM_DATABASE_URL", database_url)
    monkeypatch.setenv("DARKROOM_SECRET_KEY", KEY)
    monkeypatch.setenv("DARKROOM_DATA", str(tmp_path / "data"))
    return CommandLine(monkeypatch, capsys)
