"""A step that failed, told to the person who ran it: what failed, and what to do about it."""

from __future__ import annotations


class Failure(Exception):
    """A command cannot go on. `what` says what failed, `remedy` what to do, `details` what a program answered."""

    def __init__(self, what: str, remedy: str = "", details: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.details = details
