"""The ledger and the line as Dagster resources. They read the process's environment and hold nothing themselves."""

import dagster as dg

from pipeline.bootstrap import connect_ledger, connect_line
from pipeline.services.line import Ledger, Line


class LedgerResource(dg.ConfigurableResource):
    """The ledger's database and its key: enough to look and to ask."""

    def connect(self) -> Ledger:
        """The ledger of this process; the same object every time."""
        return connect_ledger()


class LineResource(dg.ConfigurableResource):
    """The ledger with object store, sources and models: enough to work on pictures."""

    def connect(self) -> Line:
        """The line of this process; the same object every time."""
        return connect_line()
