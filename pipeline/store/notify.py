"""The channels on which processes wake one another. A lost notification costs time, never work."""

from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

WORK: Literal["darkroom_work"] = "darkroom_work"
"""Items, shards or reports wait for dispatch."""
EVENTS: Literal["darkroom_events"] = "darkroom_events"
"""Deliveries wait for the keeper."""
STOP: Literal["darkroom_stop"] = "darkroom_stop"
"""The instance stops: sensors that wait return at once."""


def notify(session: Session, channel: Literal["darkroom_work", "darkroom_events", "darkroom_stop"]) -> None:
    """Listeners hear it when this transaction commits."""
    session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})
