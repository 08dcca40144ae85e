"""The web interfaces: routes that translate, and nothing else."""
