"""The ledger's schema as the migrations make it is the one that the rows describe."""

import pytest
from sqlalchemy import create_engine, text

from pipeline.instance.databases import create_missing
from pipeline.instance.embedded_postgres import EmbeddedPostgres
from pipeline.store import TABLES
from pipeline.store.base import Base
from tests.databases import named

QUESTIONS = {
    "columns": "SELECT table_name, column_name, data_type, is_nullable, character_maximum_length, column_default"
    " FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes"
    " WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'",
}


@pytest.fixture
def described(postgres: EmbeddedPostgres) -> str:
    """A database whose tables are made from the rows, without any migration."""
    url = named(postgres, "as_described")
    create_missing(url)
    engine = create_engine(url)
    assert TABLES
    Base.metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_migrations_make_what_the_rows_describe(question: str, database_url: str, described: str) -> None:
    assert answers(database_url, question) == answers(described, question)


def answers(url: str, question: str) -> set[tuple[object, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {tuple(row) for row in connection.execute(text(QUESTIONS[question]))}
    engine.dispose()
    return found
