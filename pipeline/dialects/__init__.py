"""The public formats: request and result bodies, one module per interface."""
