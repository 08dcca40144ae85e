"""What an operator must know of: raised while it lasts, kept when it is over."""

import logging
from dataclasses import dataclass
from datetime import datetime

from pipeline.services.line import Ledger
from pipeline.store.alerts import AlertRow, dead_deliveries, oldest_idle_seconds, open_alerts, set_alert

log = logging.getLogger(__name__)

STUCK_AFTER_S = 60.0
"""Dispatch takes work within a second, unless every slot is busy: a minute without any is trouble."""


@dataclass(frozen=True, slots=True)
class Alert:
    kind: str
    message: str
    since: datetime


def check(ledger: Ledger) -> list[str]:
    """Alerts are raised and ended as the ledger shows; returns the kinds that are newly raised."""
    raised = []
    with ledger.database.session() as session:
        idle_s = oldest_idle_seconds(session)
        stuck = idle_s is not None and idle_s > STUCK_AFTER_S
        words = (
            f"Work has waited for {idle_s or 0:.0f} s and no run has begun: look whether the Dagster daemon and the"
            " code server are up (`darkroom up` restarts them) and whether the code location loads."
        )
        if set_alert(session, "dispatch_stuck", words if stuck else None):
            raised.append("dispatch_stuck")
        dead = dead_deliveries(session)
        words = f"{dead} webhook deliveries are dead: see `darkroom webhooks deliveries --dead`."
        if set_alert(session, "dead_deliveries", words if dead else None):
            raised.append("dead_deliveries")
    for kind in raised:
        log.warning("Alert: %s.", kind)
    return raised


def list_alerts(ledger: Ledger) -> list[Alert]:
    """The alerts that last, oldest first."""
    with ledger.database.session() as session:
        return [_view(row) for row in open_alerts(session)]


def _view(row: AlertRow) -> Alert:
    return Alert(row.kind, row.message, row.since)
