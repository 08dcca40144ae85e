"""Fixtures of tests that call a running API or an S3 server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from pipeline.adapters.object_store import from_url
from pipeline.api.app import create_app
from pipeline.instance.embedded_postgres import EmbeddedPostgres
from pipeline.ports import ObjectStore
from pipeline.services.line import Ledger
from pipeline.workflows import WorkflowCatalog
from tests.databases import fresh_database
from tests.integration.api_server import Api, Customer, a_ledger, served
from tests.integration.chromium import CHROMIUM, Browser
from tests.s3_servers import s3_client, s3_server


@pytest.fixture
def folder_store(tmp_path: Path) -> ObjectStore:
    """An object store in a folder of this test's own."""
    return from_url((tmp_path / "objects").as_uri())


@pytest.fixture(scope="session")
def web_server(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FastAPI, str, int]]:
    """The real application on a free port; each test gives it a ledger and a store of its own."""
    with fresh_database(postgres) as url:
        store = from_url(tmp_path_factory.mktemp("objects").as_uri())
        app = create_app(a_ledger(url), store, WorkflowCatalog(None))
        with served(app) as (host, port):
            yield app, host, port


@pytest.fixture
def api(web_server: tuple[FastAPI, str, int], ledger: Ledger, folder_store: ObjectStore) -> Api:
    """A running API with a ledger and a store of this test's own."""
    app, host, port = web_server
    app.state.ledger, app.state.store = ledger, folder_store
    return Api(host, port, ledger, folder_store)


@pytest.fixture
def anna(api: Api) -> Customer:
    """A customer whose plan sets no limits."""
    return api.customer("anna")


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """Where one S3 server for the whole session answers."""
    with s3_server() as port:
        yield port


@pytest.fixture
def bucket(s3_port: int) -> Iterator[str]:
    """A bucket of this test's own."""
    client, name = s3_client(s3_port), "darkroom-test"
    client.create_bucket(Bucket=name)
    yield name
    for entry in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=entry["Key"])
    client.delete_bucket(Bucket=name)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium of its own for each file of tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
