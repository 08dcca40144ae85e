"""Removing what nothing refers to: what overtaken runs left, cancelled items published, or retention lets go of."""

import logging
from datetime import UTC, datetime, timedelta

from pipeline.ports import ObjectStore
from pipeline.services.keys import CLASSES, KeyClass
from pipeline.services.line import Ledger
from pipeline.store.items import referenced_keys
from pipeline.store.retention import (
    Withdrawn,
    forget_biometrics,
    forget_old_jobs,
    forget_old_rows,
    mark_taken_back,
    withdrawn_jobs,
)

log = logging.getLogger(__name__)

CHUNK = 500
DELIVERED: tuple[KeyClass, ...] = ("public", "private")
"""Where customers find finished files."""


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


def take_back(ledger: Ledger, store: ObjectStore) -> int:
    """What cancelled items had published is readable no more; returns how many objects were removed.

    A job is looked at until every run that worked on these items has ended, as one may publish after the cancel; what
    comes later still, and what was cancelled longer ago than the sweep age, is the sweep's.
    """
    since = datetime.now(UTC) - timedelta(seconds=ledger.options.sweep_after_s)
    with ledger.database.session() as session:
        withdrawn = withdrawn_jobs(session, since)
    return sum(_take_back(ledger, store, job) for job in withdrawn)


def _take_back(ledger: Ledger, store: ObjectStore, job: Withdrawn) -> int:
    items = {str(item_id) for item_id in job.item_ids}
    prefixes = [f"{kind}/{job.account_id}/{job.job_id}/" for kind in DELIVERED]
    published = [found.key for prefix in prefixes for found in store.list(prefix)]
    with ledger.database.session() as session:
        known = referenced_keys(session, of_job=job.job_id)
    withdrawn = [key for key in published if key.split("/")[3] in items and key not in known]
    if withdrawn:
        store.delete(withdrawn)
        log.info("Took %s published objects of the cancelled job %s back.", len(withdrawn), job.job_id)
    if job.is_settled:
        with ledger.database.session() as session:
            mark_taken_back(session, job.job_id)
    return len(withdrawn)


def forget(ledger: Ledger) -> int:
    """Ended jobs past retention let go of their objects, which the next sweep removes; returns how many jobs."""
    before = ledger.kept_since
    faces_before = datetime.now(UTC) - timedelta(days=ledger.options.analysis.biometrics_days)
    with ledger.database.session() as session:
        forget_old_rows(session, before)
        forget_biometrics(session, faces_before)
        return forget_old_jobs(session, before)
