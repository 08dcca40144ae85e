"""How the outside is reached: sources, webhooks and the object store."""
