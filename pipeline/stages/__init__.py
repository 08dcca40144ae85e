"""The stages of the line: plain functions that know media and nothing of Dagster, SQL or settings."""
