"""One Darkroom on one machine: embedded Postgres, its programs, and the supervisor that keeps them going."""
