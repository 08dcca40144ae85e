"""Signatures of webhooks: the Standard Webhooks headers, and the plain HMAC that OCUS clients check."""

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"


def standard_webhook_headers(event_id: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """The three headers by which any Standard Webhooks library verifies this body.

    `timestamp`: seconds since the epoch of this attempt. `secret`: `whsec_` and base64, or any other text, whose
    UTF-8 bytes are then the key.
    """
    signed = b".".join((event_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()
    return {"webhook-id": event_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}


def hex_hmac_sha256(body: bytes, secret: str) -> str:
    """The value of the `Signature` header (contract section 1): lower-case hex HMAC-SHA256 of the raw body."""
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            decoded = base64.b64decode(secret.removeprefix(_PREFIX) + "==")
        except binascii.Error:
            decoded = b""
        if decoded:
            return decoded
    return secret.encode()
