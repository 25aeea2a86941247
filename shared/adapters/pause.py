"""A pause before something is tried again: each time longer, and different for all who wait at once."""

from __future__ import annotations

import random
import time

_SHORTEST = 0.01
_LONGEST = 0.5


def random_pause(attempt: int) -> None:
    """Wait a random while of at most 10 milliseconds, doubled for each attempt before up to half a second."""
    time.sleep(random.uniform(0, min(_LONGEST, _SHORTEST * 2**attempt)))  # noqa: S311 - nothing secret
