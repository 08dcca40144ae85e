"""What an operator must know of: raised while it lasts, kept when it is over."""

import logging
from dataclasses import dataclass
from datetime import datetime

from pipeline.services.line import Ledger
from pipeline.store import Session
from pipeline.store.alerts import (
    AlertRow,
    dead_deliveries,
    failing_shards,
    oldest_idle_seconds,
    open_alerts,
    overdue_jobs,
    set_alert,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alert:
    kind: str
    message: str
    since: datetime


def check(ledger: Ledger) -> list[str]:
    """Alerts are raised and ended as the ledger shows; returns the kinds that are newly raised."""
    raised = []
    with ledger.database.session() as session:
        for kind, words in _found(session, stuck_after_s=ledger.options.alert_after_s).items():
            if set_alert(session, kind, words):
                raised.append(kind)
                log.warning("Alert %s: %s", kind, words)
    return raised


def _found(session: Session, *, stuck_after_s: float) -> dict[str, str | None]:
    """Every kind of alert, with its words while it lasts."""
    idle_s, dead = oldest_idle_seconds(session), dead_deliveries(session)
    failing, overdue = failing_shards(session), overdue_jobs(session)
    stuck = (
        f"Work has waited for {idle_s or 0:.0f} s and no run has begun: look whether the Dagster daemon and the code"
        " server are up (`darkroom up` restarts them), whether Dagster's database answers, and whether the code"
        " location loads."
    )
    return {
        "dispatch_stuck": stuck if idle_s is not None and idle_s > stuck_after_s else None,
        "dead_deliveries": f"{dead} webhook deliveries died today: `darkroom webhooks deliveries --dead`."
        if dead
        else None,
        "shards_failing": f"{failing} shards failed five times and more: their last runs in Dagster say why."
        if failing
        else None,
        "jobs_overdue": f"{overdue} jobs have been at work for two hours: a source, the store or a run keeps failing."
        if overdue
        else None,
    }


def list_alerts(ledger: Ledger) -> list[Alert]:
    """The alerts that last, oldest first."""
    with ledger.database.session() as session:
        return [_view(row) for row in open_alerts(session)]


def _view(row: AlertRow) -> Alert:
    return Alert(row.kind, row.message, row.since)
