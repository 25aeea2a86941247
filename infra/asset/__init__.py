"""The one zip that all functions run from: Baton's own sources and what they need, built without Docker."""
