"""When a delivery is tried again, what an answer means, and how a body is signed."""

import base64
import hashlib
import hmac
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from pipeline.adapters.signatures import hex_hmac_sha256, standard_webhook_headers
from pipeline.domain.events import (
    MAX_RETRY_AFTER_S,
    RETRY_SCHEDULE_S,
    Judgement,
    Verdict,
    judge,
    next_attempt_in_s,
    retry_delay_s,
)

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes in all").decode()
BODY = '{"event":"batch.completed","größe":1}'.encode()


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    delays = [retry_delay_s(attempt, jitter=0.5) for attempt in range(11)]
    assert delays == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None]


@pytest.mark.parametrize("attempt", range(1, len(RETRY_SCHEDULE_S)))
def test_jitter_moves_a_delay_by_at_most_a_tenth(attempt: int) -> None:
    low, high = retry_delay_s(attempt, jitter=0.0), retry_delay_s(attempt, jitter=1.0)
    assert low == pytest.approx(RETRY_SCHEDULE_S[attempt] * 0.9)
    assert high == pytest.approx(RETRY_SCHEDULE_S[attempt] * 1.1)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_2xx_answer_is_delivered(status: int) -> None:
    assert judge(status) == Judgement(Verdict.DELIVERED)


@pytest.mark.parametrize("status", [None, 199, 301, 302, 400, 401, 404, 429, 500, 503])
def test_every_other_answer_is_tried_again(status: int | None) -> None:
    assert judge(status).verdict is Verdict.RETRY


def test_410_means_that_the_endpoint_is_gone() -> None:
    judgement = judge(410, 30.0)
    assert judgement.verdict is Verdict.GONE
    assert next_attempt_in_s(1, judgement, jitter=0.5) is None


def test_a_longer_wait_that_the_endpoint_asks_for_is_honoured_within_a_day() -> None:
    assert next_attempt_in_s(1, judge(429, 60.0), jitter=0.5) == 60.0
    assert next_attempt_in_s(2, judge(503, 60.0), jitter=0.5) == 300.0
    assert next_attempt_in_s(1, judge(503, 1e12), jitter=0.5) == MAX_RETRY_AFTER_S
    assert next_attempt_in_s(10, judge(503, 60.0), jitter=0.5) is None


def test_an_independent_library_verifies_the_signature() -> None:
    headers = standard_webhook_headers("msg_1", int(time.time()), BODY, SECRET)
    assert Webhook(SECRET).verify(BODY, headers) == {"event": "batch.completed", "größe": 1}


def test_a_secret_of_the_customers_own_making_is_used_as_its_bytes() -> None:
    headers = standard_webhook_headers("msg_1", int(time.time()), BODY, "pass phrase, ä")
    Webhook("pass phrase, ä".encode()).verify(BODY, headers)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a"])
def test_a_secret_that_only_looks_like_base64_is_used_as_its_bytes(secret: str) -> None:
    headers = standard_webhook_headers("msg_1", int(time.time()), BODY, secret)
    Webhook(secret.encode()).verify(BODY, headers)


@pytest.mark.parametrize(
    ("body", "secret", "seconds"), [(BODY + b" ", SECRET, 0), (BODY, SECRET[:-4] + "AAA=", 0), (BODY, SECRET, -301)]
)
def test_a_changed_body_a_wrong_secret_and_an_old_message_do_not_verify(body: bytes, secret: str, seconds: int) -> None:
    headers = standard_webhook_headers("msg_1", int(time.time()) + seconds, BODY, SECRET)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_the_plain_signature_is_the_hex_digest_of_the_raw_body() -> None:
    assert hex_hmac_sha256(BODY, "phrase") == hmac.new(b"phrase", BODY, hashlib.sha256).hexdigest()
