"""`darkroom keeper`: webhooks, leases, alerts and sweeping, also while Dagster is down."""

import logging
import signal
import threading

from pipeline.bootstrap import connect_ledger, connect_store, connect_webhooks
from pipeline.services.keeping import keep
from pipeline.settings import Settings


def keeper() -> None:
    """Send webhooks, expire leases, raise alerts and sweep orphans until stopped. `darkroom up` runs one."""
    settings = Settings.from_environment()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keep(connect_ledger(settings), connect_store(settings), connect_webhooks(settings), stop)


if __name__ == "__main__":  # as `darkroom up` starts it: without the imports of all other commands
    keeper()
