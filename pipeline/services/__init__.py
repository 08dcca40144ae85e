"""What may be done, one transaction each."""
