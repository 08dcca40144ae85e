"""The folder that Dagster's processes of an instance share: its configuration and where the code server listens."""

from pathlib import Path

from pipeline.instance.ports import LOOPBACK
from pipeline.instance.programs import CODE_LOCATION

INSTANCE = """\
# Written by `darkroom up` at each start. The same as dagster.yaml at the root of the project, with the storage in
# PostgreSQL and the number of runs from DARKROOM_RUN_SLOTS.
storage:
  custom:
    module: resources.dagster_storage
    class: KeptPostgresStorage
    config:
      postgres_url:
        env: DARKROOM_DAGSTER_DATABASE_URL
telemetry:
  enabled: false
run_coordinator:
  module: resources.run_coordinator
  class: PromptRunCoordinator
  config:
    dequeue_use_threads: true
    dequeue_num_workers: 4
concurrency:
  runs:
    max_concurrent_runs: {run_slots}
run_launcher:
  module: dagster._core.launcher
  class: DefaultRunLauncher
run_monitoring:
  enabled: false
run_retries:
  enabled: false
auto_materialize:
  enabled: false
sensors:
  use_threads: true
  num_workers: 8
retention:
  schedule:
    purge_after_days: {retention_days}
  sensor:
    purge_after_days:
      skipped: 1
      failure: {retention_days}
      success: {retention_days}
"""

WORKSPACE = """\
# Written by `darkroom up` at each start: the code server that it keeps running.
load_from:
  - grpc_server:
      host: {host}
      port: {port}
      location_name: {location}
"""


def write_dagster_home(folder: Path, *, code_port: int, run_slots: int, retention_days: int) -> Path:
    """The folder holds dagster.yaml and workspace.yaml; returns the path of the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    instance = INSTANCE.format(run_slots=run_slots, retention_days=retention_days)
    (folder / "dagster.yaml").write_text(instance, encoding="utf-8")
    workspace = folder / "workspace.yaml"
    text = WORKSPACE.format(host=LOOPBACK, port=code_port, location=CODE_LOCATION)
    workspace.write_text(text, encoding="utf-8")
    return workspace
