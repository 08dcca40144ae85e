"""The ledger's schema, one Alembic revision per change. `upgrade(url)` brings a database to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

MIGRATION_LOCK = 0x64726B6D


def upgrade(url: str) -> None:
    """The database has the newest schema; processes that call this at the same time wait for one another."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
