"""Pictures: decoding, colour, metadata, metrics, encoding."""
