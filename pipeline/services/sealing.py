"""Secrets at rest: sealed with a key that only the installation has."""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from pipeline.errors import OperatorError


class SealingKey:
    """Derived from `DARKROOM_SECRET_KEY`; hosts that share a ledger share it."""

    def __init__(self, secret: str) -> None:
        material = secret.encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"darkroom/seal" + material).digest()))
        self._signing = hashlib.sha256(b"darkroom/sign" + material).digest()

    def seal(self, value: Any) -> str:
        """An authenticated, encrypted form of a JSON value."""
        return self._fernet.encrypt(json.dumps(value).encode()).decode()

    def open(self, sealed: str) -> Any:
        """What `seal` was given."""
        try:
            return json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken as error:
            raise OperatorError(
                "A stored secret cannot be opened: DARKROOM_SECRET_KEY is not the one it was sealed with."
            ) from error

    def sign(self, text: str) -> str:
        """64 hex digits that only this installation can make for this text."""
        return hmac.new(self._signing, text.encode(), hashlib.sha256).hexdigest()

    def verifies(self, text: str, signature: str) -> bool:
        return hmac.compare_digest(self.sign(text), signature)

    def __repr__(self) -> str:
        return "SealingKey(...)"
