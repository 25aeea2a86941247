"""In which order tests begin where several processes share them: what takes longest first, so that all end together."""

from __future__ import annotations

from pathlib import PurePath

TOGETHER = ("infra", "integration")
"""Folders whose tests share something dear or are compared with one another: one process runs all of such a folder."""

LONGEST = (
    "test_journeys.py",
    "test_demo.py",
    "test_erase.py",
    "test_life.py",
    "test_publish.py",
    "test_killed_workers.py",
    "test_embed_script.py",
    "test_clients.py",
    "test_import.py",
    "test_noise.py",
)
"""The files of tests on the local cloud that take longest, the longest first."""


def scope(test: str) -> str:
    """What one process runs as a whole: a folder of what belongs together, a file on the local cloud, or one test.

    `test` is the id of a test, which begins at the folder `tests`.
    """
    _, folder, *rest = test.partition("::")[0].split("/")
    if folder in TOGETHER:
        return folder
    return "/".join(rest) if folder == "e2e" else test


def turn(file: PurePath) -> int:
    """When a file of tests begins: smaller numbers first."""
    if file.parent.name in TOGETHER:
        return 0
    is_long = file.parent.name == "e2e" and file.name in LONGEST
    return 1 + (LONGEST.index(file.name) if is_long else len(LONGEST))
