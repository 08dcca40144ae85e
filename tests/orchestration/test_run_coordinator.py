"""The run queue as this project's dagster.yaml configures it."""

from pathlib import Path

import yaml
from dagster import DagsterInstance, QueuedRunCoordinator
from dagster._core.test_utils import instance_for_test
from dagster._daemon.controller import create_daemon_of_type
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon

REPOSITORY = Path(__file__).resolve().parents[2]


def queue_daemon(instance: DagsterInstance) -> QueuedRunCoordinatorDaemon:
    daemon = create_daemon_of_type(QueuedRunCoordinatorDaemon.daemon_type(), instance)
    assert isinstance(daemon, QueuedRunCoordinatorDaemon)
    return daemon


def test_the_queue_is_dagsters_own_and_is_looked_at_twice_a_second() -> None:
    configured = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    chosen = {name: configured[name] for name in ("run_coordinator", "concurrency")}
    with instance_for_test(overrides=chosen) as instance:
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        assert queue_daemon(instance).interval_seconds < 0.5
        limits = instance.get_concurrency_config().run_queue_config
        assert limits is not None and limits.max_concurrent_runs == 2
