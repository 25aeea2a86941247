"""What may be logged of an error: never its message, unless it is one of our own, which name ids alone."""

from __future__ import annotations

import traceback
from pathlib import PurePath

_OWN = ("shared.ports.", "shared.usecases.")


def fault(error: BaseException) -> dict[str, str]:
    """The class of an error and the line that raised it; foreign messages may repeat personal data or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    told = {"error": type(error).__name__}
    if frames:
        told["raised_at"] = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}"
    if type(error).__module__.startswith(_OWN):
        told["reason"] = str(error)
    return told
