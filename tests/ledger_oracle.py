"""Checker G of the acceptance page: what must be true of the ledger after any fault."""

from sqlalchemy import create_engine, text

from tests.instances import Instance

FAULTS = {
    "an ended job has an item without an outcome": """
        SELECT j.id FROM jobs j JOIN items i ON i.job_id = j.id
        WHERE j.status IN ('succeeded', 'cancelled') AND (i.outcome IS NULL OR i.state <> 'ended')""",
    "a job's count of open items is wrong": """
        SELECT j.id FROM jobs j WHERE j.open_items <>
        (SELECT count(*) FROM items i WHERE i.job_id = j.id AND i.outcome IS NULL)""",
    "an ended generation has not exactly one event": """
        SELECT j.id FROM jobs j WHERE j.status IN ('succeeded', 'cancelled')
        AND (SELECT count(*) FROM events e WHERE e.job_id = j.id AND e.generation = j.generation) <> 1""",
    "a delivered item has no rendition": """
        SELECT id FROM items WHERE outcome IN ('approved', 'enhanced')
        AND coalesce(jsonb_array_length(renditions), 0) = 0""",
    "a cancelled item keeps a published rendition from the sweeper": """
        SELECT id FROM items WHERE outcome = 'cancelled' AND jsonb_array_length(renditions) > 0""",
    "a failed item has no reason": """
        SELECT id FROM items WHERE outcome = 'failed' AND (error IS NULL OR failed_stage IS NULL)""",
    "two items share an object": """
        SELECT r->>'key' FROM items, jsonb_array_elements(renditions) r GROUP BY 1 HAVING count(*) > 1""",
    "an item of an ended job is in flight": """
        SELECT i.id FROM items i JOIN jobs j ON j.id = i.job_id
        WHERE i.in_flight AND j.status IN ('succeeded', 'cancelled')""",
}


def assert_ledger_is_sound(instance: Instance) -> None:
    """No rule is broken by any row."""
    engine = create_engine(instance.database_url)
    try:
        with engine.connect() as connection:
            broken = {rule: rows for rule, query in FAULTS.items() if (rows := connection.execute(text(query)).all())}
    finally:
        engine.dispose()
    assert not broken, broken
