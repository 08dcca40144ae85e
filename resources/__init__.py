"""What Dagster hands to assets and sensors: the ledger and the line, connected on first use."""

from resources.line import LedgerResource, LineResource

__all__ = ["LedgerResource", "LineResource"]
