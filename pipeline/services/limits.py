"""How often an account may call."""

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import RateLimited
from pipeline.services.accounts import Caller
from pipeline.services.line import Ledger
from pipeline.store.limits import count_call, room_left

UNLIMITED = 1_000_000
"""What `x-ratelimit-limit` says where the plan sets no limit: clients expect a number."""


@dataclass(frozen=True, slots=True)
class RateState:
    limit: int
    remaining: int
    reset_s: int


Window = Literal["creates", "reads"]


def limit_of(caller: Caller, name: Window) -> int | None:
    """Calls per minute that the caller's plan allows; None is no limit."""
    return caller.creates_per_minute if name == "creates" else caller.reads_per_minute


def show(ledger: Ledger, caller: Caller, name: Window) -> RateState:
    """How much room the window has, with nothing counted."""
    limit = limit_of(caller, name)
    if limit is None:
        return RateState(UNLIMITED, UNLIMITED, 0)
    with ledger.database.session() as session:
        remaining, reset_s = room_left(session, caller.account_id, name, limit=limit)
    return RateState(limit, remaining, math.ceil(reset_s))


def count(ledger: Ledger, caller: Caller, name: Window) -> RateState:
    """One call is counted in the sliding minute of this account; raises `RateLimited` when there is no room."""
    limit = limit_of(caller, name)
    if limit is None:
        return RateState(UNLIMITED, UNLIMITED, 0)
    with ledger.database.session() as session:
        allowed, remaining, reset_s = count_call(session, caller.account_id, name, limit=limit)
    if not allowed:
        raise RateLimited(max(1, math.ceil(reset_s)))
    return RateState(limit, remaining, math.ceil(reset_s))
