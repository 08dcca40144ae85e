"""The two databases of an instance, wherever their server is: that they exist, answer, and hear a notice."""

from contextlib import closing
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from pipeline.errors import OperatorError
from pipeline.instance.readiness import Readiness

CONNECT_WAIT_S = 5


def connect(url: str, *, database: str | None = None) -> "psycopg2.extensions.connection":
    """A connection that commits each statement; `database` is another one on the same server."""
    parts = urlsplit(url)
    path = f"/{database}" if database else parts.path
    connection = psycopg2.connect(
        urlunsplit(parts._replace(scheme="postgresql", path=path)), connect_timeout=CONNECT_WAIT_S
    )
    connection.autocommit = True
    return connection


def database_readiness(url: str, *, database: str | None = None) -> Readiness:
    """Until the server takes connections."""

    def why_not() -> str | None:
        try:
            connect(url, database=database).close()
        except psycopg2.OperationalError as error:
            return str(error).strip()
        return None

    return Readiness("PostgreSQL", why_not)


def create_missing(url: str) -> None:
    """The database exists; raises `OperatorError` with what to type where its user may not create it."""
    name = unquote(urlsplit(url).path.removeprefix("/"))
    try:
        with closing(connect(url, database="postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if not cursor.fetchone():
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg2.Error as error:
        _check_answers(url, name, error)


def _check_answers(url: str, name: str, error: psycopg2.Error) -> None:
    """A user who may not look may still have been given the database."""
    missing = database_readiness(url).why_not()
    if missing is not None:
        raise OperatorError(
            f'The database "{name}" cannot be used ({missing}) nor created ({str(error).strip()}): create it with '
            f'`CREATE DATABASE "{name}"`, owned by the user in the URL.'
        ) from error


def create_role(url: str, *, name: str, password: str) -> None:
    """The role may log in with this password, and create databases."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
        role = sql.SQL("{} ROLE {} LOGIN CREATEDB PASSWORD {}")
        cursor.execute(role.format(verb, sql.Identifier(name), sql.Literal(password)))


def notify(url: str, channel: str) -> None:
    """Whoever listens on the channel has been told, if the server answers at all."""
    try:
        with closing(connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(channel)))
    except psycopg2.Error:
        return
