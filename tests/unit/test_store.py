"""The ledger's tables, without a database."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    ["pipeline.cli.keeper", "pipeline.services.leases", "pipeline.store.shards", "pipeline.definitions"],
)
def test_a_process_that_imports_only_this_knows_every_table(module: str) -> None:
    """The keeper once knew items and not uploads: no lease ever ran out."""
    code = f"import {module}; from pipeline.store.base import Base; print(len(Base.metadata.sorted_tables))"
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) == 16
