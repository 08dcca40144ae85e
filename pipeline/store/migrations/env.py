"""Run by Alembic: the connection comes from `upgrade`, in its transaction."""

from alembic import context

from pipeline.store import accounts, alerts, events, items, jobs, limits, shards, uploads
from pipeline.store.base import Base

OWNERS = (accounts, alerts, events, items, jobs, limits, shards, uploads)
"""Imported so that every table is known."""

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
