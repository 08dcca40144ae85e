"""What watches the ledger and asks Dagster for runs."""
