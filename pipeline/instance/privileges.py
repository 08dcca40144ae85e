"""Whom child processes run as, and what becomes of them when their parent dies: `setpriv` of util-linux."""

import os
import shutil

from pipeline.errors import OperatorError

NOBODY = 65534
"""The unprivileged user and group of every Linux: PostgreSQL refuses to run as root."""


def is_root() -> bool:
    return os.geteuid() == 0


def ended_with_parent(command: tuple[str, ...], *, signal: str) -> tuple[str, ...]:
    """The command, which gets the signal when its parent dies, however that happens; unchanged without setpriv."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", signal, *command) if setpriv else command


def unprivileged(command: tuple[str, ...], *, signal: str | None = None) -> tuple[str, ...]:
    """The command as a user that may run PostgreSQL: ourselves, or nobody when we are root."""
    if not is_root():
        return ended_with_parent(command, signal=signal) if signal else command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise OperatorError(
            "PostgreSQL does not run as root, and `setpriv`, which would start it as nobody, is missing: install "
            "util-linux, or start Darkroom as an ordinary user, or set DARKROOM_DATABASE_URL to a server of your own."
        )
    identity = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--inh-caps=-all")
    return (setpriv, *identity, *(("--pdeathsig", signal) if signal else ()), *command)
