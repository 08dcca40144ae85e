"""What an instance needs before its first start, or before its first start after an upgrade. Harmless to repeat."""

import base64
import os
import secrets
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import OperatorError
from pipeline.instance.programs import python
from pipeline.settings import key_file


def make_secret_key(data: Path) -> None:
    """The data folder has a key, readable by its owner alone; one that is there stays."""
    draft = data / f".secret.key.{os.getpid()}"
    draft.touch(mode=0o600)
    try:
        draft.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n")
        os.link(draft, key_file(data))
    except FileExistsError:
        return
    finally:
        draft.unlink()


def upgrade_dagster(home: Path, database_url: str, environment: Mapping[str, str]) -> None:
    """Dagster's tables are those of the installed version.

    One process makes them, before several would at the same moment; skipped when this has been done for this version
    and this database.
    """
    done = home / "upgraded"
    state = f"{version('dagster')} {database_url.rpartition('@')[2]}"
    if done.exists() and done.read_text() == state:
        return
    command = python("-m", "dagster", "instance", "migrate")
    upgrade = subprocess.run(command, cwd=home, env=dict(environment), capture_output=True, text=True, check=False)
    if upgrade.returncode != 0:
        raise OperatorError(f"Dagster's tables could not be made or upgraded: {upgrade.stderr.strip()[-2000:]}")
    done.write_text(state)
