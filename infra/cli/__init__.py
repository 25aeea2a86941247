"""The `baton` command: one module for each group of commands, and `main` that puts them together."""
