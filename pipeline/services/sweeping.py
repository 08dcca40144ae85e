"""Removing what nothing refers to: objects of runs that were overtaken, and what retention no longer keeps."""

import logging
from datetime import UTC, datetime, timedelta

from pipeline.ports import ObjectStore
from pipeline.services.keys import CLASSES
from pipeline.services.line import Ledger
from pipeline.store.items import referenced_keys
from pipeline.store.retention import forget_old_jobs, forget_old_rows

log = logging.getLogger(__name__)

CHUNK = 500


def sweep(ledger: Ledger, store: ObjectStore) -> int:
    """No object older than the sweep age is without a reference; returns how many were removed.

    The age protects what a run has stored and not yet committed: keys are listed before references are read, and
    a run that has not committed within a day has lost its lease long ago.
    """
    before = datetime.now(UTC) - timedelta(seconds=ledger.options.sweep_after_s)
    old = [found.key for kind in CLASSES for found in store.list(f"{kind}/") if found.modified_at < before]
    if not old:
        return 0
    with ledger.database.session() as session:
        known = referenced_keys(session)
    orphans = [key for key in old if key not in known]
    for start in range(0, len(orphans), CHUNK):
        store.delete(orphans[start : start + CHUNK])
    if orphans:
        log.info("Removed %s objects that nothing refers to.", len(orphans))
    return len(orphans)


def forget(ledger: Ledger) -> int:
    """Ended jobs past retention let go of their objects, which the next sweep removes; returns how many jobs."""
    before = datetime.now(UTC) - timedelta(days=ledger.options.retention_days)
    with ledger.database.session() as session:
        forget_old_rows(session, before)
        return forget_old_jobs(session, before)
