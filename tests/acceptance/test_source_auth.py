"""Credentials: where they go, and that they are nowhere kept or told in plain (acceptance B 17 and 21, H 65)."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import requests

from pipeline.settings import dagster_database_url
from tests.acceptance.conftest import House, database, everything_kept
from tests.acceptance.origins import ACCESS_TOKEN, BEARER, CLIENT_SECRET
from tests.instances import Instance

WEBHOOK_SECRET = "canary-webhook-secret-c0ffee"


def test_a_bearer_token_goes_to_its_source_and_not_beyond(house: House, origins: dict[str, Any]) -> None:
    gate, elsewhere = origins["gate"], origins["elsewhere"]
    urls = [gate.url("/a.jpg"), gate.url(f"/to/{elsewhere.port}/b.jpg")]
    refused = house.customer.ended(house.customer.submit(urls))
    assert {file["error"]["code"] for file in refused["files"]} == {"source_forbidden"}
    auth = {"type": "bearer", "token": BEARER}
    batch = house.customer.ended(house.customer.submit(urls, source_auth=auth))
    assert batch["percentage"] == 100 and BEARER not in json.dumps(batch)
    assert elsewhere.requests and all("authorization" not in request.headers for request in elsewhere.requests)


def test_client_credentials_are_exchanged_once_for_a_batch(house: House, origins: dict[str, Any]) -> None:
    gate = origins["gate"]
    before = len(gate.requests)
    auth = {
        "type": "oauth2",
        "token_url": gate.url("/token"),
        "client_id": "client",
        "client_secret": CLIENT_SECRET,
        "scope": "pictures",
    }
    urls = [gate.url(f"/{number}.jpg") for number in range(6)]
    batch = house.customer.ended(house.customer.submit(urls, source_auth=auth))
    assert batch["percentage"] == 100, [file["error"] for file in batch["files"]]
    assert [request.path for request in gate.requests[before:]].count("/token") == 1


def rows(instance: Instance) -> Iterator[tuple[str, str]]:
    """Every row of every table of both databases as text."""
    for url in (instance.database_url, dagster_database_url(instance.database_url)):
        with closing(database(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608
                yield from ((table, row) for (row,) in cursor)


def test_no_secret_is_kept_or_told_in_plain(house: House, origins: dict[str, Any]) -> None:
    """Sent in a batch that goes wrong, which is when most is said."""
    gate = origins["gate"]
    auth = {"type": "oauth2", "token_url": gate.url("/token"), "client_id": "client", "client_secret": CLIENT_SECRET}
    webhook = {"url": house.receiver.url, "secret": WEBHOOK_SECRET}
    jobs = [
        house.customer.submit([gate.url("/a.jpg"), gate.url("/b.jpg")], source_auth=each, webhook=webhook)
        for each in ({"type": "bearer", "token": BEARER}, {"type": "bearer", "token": BEARER + "x"}, auth)
    ]
    batches = [house.customer.ended(job) for job in jobs]
    assert {file["status"] == "FAILED" for batch in batches for file in batch["files"]} == {True, False}
    house.told(jobs[-1])
    secrets = [BEARER, CLIENT_SECRET, ACCESS_TOKEN, WEBHOOK_SECRET, house.customer.token]
    forms = [form for secret in secrets for form in (secret, secret.encode().hex(), as_base64(secret))]
    told = [requests.get(url, timeout=30).text for batch in batches for url in batch["reports"].values()]
    told += [json.dumps(batches), *(message.body.decode() for message in house.receiver.received)]
    assert [form for form in forms if any(form in words for words in told)] == []
    assert [(table, form) for table, row in rows(house.instance) for form in forms if form in row] == []
    found = [(name, form) for name, data in everything_kept(house.instance) for form in forms if form.encode() in data]
    assert found == []


def as_base64(secret: str) -> str:
    """The middle of it, as it stands in any base64 of it at this alignment."""
    return base64.b64encode(secret.encode()).decode()[: len(secret) // 3 * 4]
