"""Reports of analysis jobs: what was found in pictures and videos, without biometric data, in every format."""
