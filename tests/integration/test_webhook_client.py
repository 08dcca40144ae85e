"""One attempt at a customer's endpoint, with real servers that misbehave."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from standardwebhooks import Webhook

from pipeline.adapters.address_guard import AddressGuard
from pipeline.adapters.guarded_http import CONNECT_TIMEOUT_S
from pipeline.adapters.signatures import hex_hmac_sha256, standard_webhook_headers
from pipeline.adapters.webhook_client import HttpWebhookClient
from pipeline.domain.events import Verdict, judge
from pipeline.ports import WebhookAnswer, WebhookMessage
from tests.integration.local_servers import (
    Behaviour,
    Exchange,
    LocalServer,
    answers,
    drips_body,
    drips_headers,
    response,
    serving,
    silent,
)

BODY = json.dumps({"event": "batch.completed"}).encode()


def client_for(*servers: LocalServer, deadline_s: float = 20.0, per_host: int = 8) -> HttpWebhookClient:
    guard = AddressGuard(allow=frozenset(server.address for server in servers))
    return HttpWebhookClient(guard, deadline_s=deadline_s, per_host=per_host)


def post(behaviour: Behaviour, deadline_s: float = 20.0) -> WebhookAnswer:
    with serving(behaviour) as server:
        return client_for(server, deadline_s=deadline_s).post(WebhookMessage(server.url("/hook"), BODY, {}))


def test_a_receiver_can_verify_what_it_got() -> None:
    secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0"
    headers = standard_webhook_headers("evt_1", int(time.time()), BODY, secret) | {"content-type": "application/json"}
    with serving(answers(response(b"thanks", status=202))) as server:
        message = WebhookMessage(server.url("/hook"), BODY, headers | {"Signature": hex_hmac_sha256(BODY, "phrase")})
        answer = client_for(server).post(message)
        [got] = server.requests
    assert (answer.status, answer.error, answer.body) == (202, None, "thanks")
    assert answer.duration_ms >= 0
    assert (got.method, got.path, got.headers["content-type"]) == ("POST", "/hook", "application/json")
    assert Webhook(secret).verify(got.body, got.headers) == {"event": "batch.completed"}
    assert got.headers["signature"] == hex_hmac_sha256(got.body, "phrase")


def test_each_header_is_sent_once_however_its_name_is_written() -> None:
    headers = {"content-type": "application/json", "user-agent": "Darkroom/9", "ACCEPT-ENCODING": "gzip", "host": "x"}
    with serving(answers(response(b""))) as server:
        client_for(server).post(WebhookMessage(server.url(), BODY, headers))
        [got] = server.requests
    names = [line.partition(":")[0].lower() for line in got.lines]
    assert sorted(names) == [
        "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"
    ]  # fmt: skip
    assert (got.headers["user-agent"], got.headers["host"]) == ("Darkroom/9", f"127.0.0.1:{server.port}")


def test_a_wait_for_other_calls_to_the_host_is_within_the_longest_time_that_is_told() -> None:
    with serving(silent) as server:
        client = client_for(server, deadline_s=0.5, per_host=1)
        message = WebhookMessage(server.url(), BODY, {})
        with ThreadPoolExecutor(3) as pool:
            took = [answer.duration_ms / 1000 for answer in pool.map(client.post, [message] * 3)]
    assert max(took) <= client.longest_s
    assert client.longest_s == 2 * 0.5 + CONNECT_TIMEOUT_S


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(status: int) -> None:
    with serving(answers(response(b""))) as other:
        with serving(answers(response(b"", f"Location: {other.url()}", status=status))) as server:
            answer = client_for(server, other).post(WebhookMessage(server.url(), BODY, {}))
        assert other.connections == 0
    assert answer.status == status
    assert judge(answer.status, answer.retry_after_s).verdict is Verdict.RETRY


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_handed_on(status: int) -> None:
    answer = post(answers(response(b"", "Retry-After: 90", status=status)))
    assert (answer.status, answer.retry_after_s) == (status, 90.0)


@pytest.mark.parametrize("value", ["soon", "-5", "", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_cannot_be_read_is_none(value: str) -> None:
    assert post(answers(response(b"", f"Retry-After: {value}", status=503))).retry_after_s is None


def test_a_huge_answer_is_read_up_to_64_kilobytes() -> None:
    def endless(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not exchange.stopping.is_set():
            exchange.send(b"y" * 65536)

    answer = post(endless)
    assert (answer.status, len(answer.body)) == (200, 64 * 1024)


def test_an_answer_of_any_bytes_can_be_stored_as_text() -> None:
    answer = post(answers(response(b"\xff\x00ok")))
    assert answer.body == "\ufffd\ufffdok"


@pytest.mark.parametrize("behaviour", [silent, drips_headers, drips_body])
def test_a_receiver_that_hangs_or_drips_is_left_at_the_limit(behaviour: Behaviour) -> None:
    answer = post(behaviour, deadline_s=0.3)
    assert answer.status is None
    assert answer.error is not None
    assert "in time" in answer.error


def test_a_receiver_that_breaks_off_is_a_failure_in_words() -> None:
    answer = post(lambda exchange: exchange.connection.close())
    assert answer.status is None
    assert answer.error == "127.0.0.1 did not take the connection or closed it without an answer."


def test_an_endpoint_inside_the_network_sees_no_connection() -> None:
    with serving(answers(response(b""))) as canary:
        answer = client_for().post(WebhookMessage(canary.url(), BODY, {}))
        assert canary.connections == 0
    assert answer == WebhookAnswer(
        None, "The host 127.0.0.1 may not be called: it leads to a loopback address.", None, answer.duration_ms
    )


@pytest.mark.parametrize("url", ["", "ftp://example.com/", "http://user@example.com/", "http://[::1/", "http://a b/"])
def test_an_endpoint_that_is_no_url_is_a_failure_in_words(url: str) -> None:
    answer = client_for().post(WebhookMessage(url, BODY, {}))
    assert (answer.status, bool(answer.error)) == (None, True)


def test_a_header_that_would_break_the_request_is_never_sent() -> None:
    with serving(answers(response(b""))) as server:
        answer = client_for(server).post(WebhookMessage(server.url(), BODY, {"webhook-id": "a\r\nb"}))
        assert server.requests == []
    assert answer.status is None
