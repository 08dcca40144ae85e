"""The key by which a repeated request is known as one."""

import re
from typing import Annotated

from fastapi import Depends, Header

from pipeline.errors import InvalidRequest

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key_of(
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Repeats of a request with this key do nothing."),
    ] = None,
) -> str | None:
    """The request's key, None for a request without one; raises `InvalidRequest` for what is none."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise InvalidRequest({"Idempotency-Key": ["An Idempotency-Key has 1 to 255 visible ASCII characters."]})
    return idempotency_key


IdempotencyKey = Annotated[str | None, Depends(idempotency_key_of)]
