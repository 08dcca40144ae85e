"""`python -m pipeline.cli` is `darkroom`."""

from pipeline.cli.main import main

main()
