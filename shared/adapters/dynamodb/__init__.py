"""Baton's two tables. `keys` lists every key; the README's table lists every access pattern."""
