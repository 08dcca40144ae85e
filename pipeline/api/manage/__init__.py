"""Our own management interface."""
