"""Enhancement batches (contract section 1)."""
