"""The ledger: the only SQL of the product, one file per concept."""

from pipeline.store.database import Database, Session

__all__ = ["Database", "Session"]
