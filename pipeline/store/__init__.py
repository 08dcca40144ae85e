"""The ledger: the only SQL of the product, one file per concept.

All tables are known as soon as any is: a process that imported only some would not find what their foreign keys mean.
"""

from pipeline.store import accounts, alerts, events, items, jobs, limits, people, shards, uploads
from pipeline.store.database import Database, Session

TABLES = (accounts, alerts, events, items, jobs, limits, people, shards, uploads)

__all__ = ["TABLES", "Database", "Session"]
