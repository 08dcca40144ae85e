"""The analysis interface: /video, /images and /latency (contract section 2)."""
