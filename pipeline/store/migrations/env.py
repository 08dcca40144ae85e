"""Run by Alembic: the connection comes from `upgrade`, in its transaction."""

from alembic import context

from pipeline.store.base import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
