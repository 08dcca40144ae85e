"""Runs of the real definitions: a ledger, a store and sources of this test's own."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from pipeline.bootstrap import connect_line
from pipeline.services.line import Line
from tests.sources import Source, a_photograph, serving


@dataclass(frozen=True, slots=True)
class Operator:
    """Someone who runs Dagster over a line of this test's own."""

    line: Line
    instance: dg.DagsterInstance
    source: Source

    def run(self, shard_id: int, *, only: list[str] | None = None, **options: object) -> dg.ExecuteInProcessResult:
        """One run of the line for this shard, in this process."""
        from assets.runs import shard_run_config
        from pipeline.definitions import definitions

        job = definitions.resolve_job_def("line_run")
        return job.execute_in_process(
            run_config=shard_run_config(shard_id),
            instance=self.instance,
            raise_on_error=False,
            asset_selection=None if only is None else [dg.AssetKey(name) for name in only],
            tags={"darkroom/shard": str(shard_id)},
        )


@pytest.fixture
def operator(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    with serving({"coffee.jpg": a_photograph("coffee"), "cat.jpg": a_photograph("chelsea")}) as source:
        monkeypatch.setenv("DARKROOM_DATA", str(tmp_path))
        monkeypatch.setenv("DARKROOM_DATABASE_URL", database_url)
        monkeypatch.setenv("DARKROOM_SECRET_KEY", base64.urlsafe_b64encode(bytes(32)).decode())
        monkeypatch.setenv("DARKROOM_SOURCE_ALLOW", f"127.0.0.1:{source.port}")
        monkeypatch.setenv("DARKROOM_MODELS", "")
        line = connect_line()
        with dg.DagsterInstance.ephemeral() as instance:
            yield Operator(line, instance, source)
        line.database.dispose()
