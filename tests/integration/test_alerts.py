"""Alerts on a real ledger: raised while trouble lasts, over when it is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pipeline.services import alerts
from pipeline.services.dispatch import claim_shards
from pipeline.services.leases import take_shard
from pipeline.services.line import Ledger, LineOptions
from pipeline.store.jobs import JobRow
from pipeline.store.shards import ShardRow
from tests.factories import a_job, an_account


def kinds(ledger: Ledger) -> set[str]:
    alerts.check(ledger)
    return {alert.kind for alert in alerts.list_alerts(ledger)}


def waited(ledger: Ledger, job: UUID, **by: float) -> None:
    with ledger.database.session() as session:
        row = session.get_one(JobRow, job)
        row.created_at = datetime.now(UTC) - timedelta(**by)
        row.started_at = row.created_at


def test_work_that_nobody_takes_raises_an_alert_that_ends_when_a_run_begins(ledger: Ledger) -> None:
    job = a_job(ledger, an_account(ledger))
    assert kinds(ledger) == set()
    waited(ledger, job, minutes=2)
    assert kinds(ledger) == {"dispatch_stuck"}
    (order,) = claim_shards(ledger)
    take_shard(ledger, order.shard_id, "a-run")
    assert kinds(ledger) == set()


def test_an_operator_decides_how_long_work_may_wait_before_the_alert(ledger: Ledger) -> None:
    waited(ledger, a_job(ledger, an_account(ledger)), seconds=10)
    assert kinds(ledger) == set()
    assert kinds(replace(ledger, options=LineOptions(alert_after_s=5))) == {"dispatch_stuck"}


def test_an_alert_is_told_once_while_it_lasts(ledger: Ledger) -> None:
    waited(ledger, a_job(ledger, an_account(ledger)), minutes=2)
    assert alerts.check(ledger) == ["dispatch_stuck"]
    assert alerts.check(ledger) == []


def test_a_shard_that_fails_again_and_again_raises_an_alert(ledger: Ledger) -> None:
    a_job(ledger, an_account(ledger))
    (order,) = claim_shards(ledger)
    with ledger.database.session() as session:
        session.get_one(ShardRow, order.shard_id).attempt = 6
    assert "shards_failing" in kinds(ledger)


def test_a_job_at_work_for_hours_raises_an_alert(ledger: Ledger) -> None:
    job = a_job(ledger, an_account(ledger))
    (order,) = claim_shards(ledger)
    take_shard(ledger, order.shard_id, "a-run")
    waited(ledger, job, hours=3)
    assert kinds(ledger) == {"jobs_overdue"}
