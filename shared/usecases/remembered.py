"""What a warm function goes on with for a while instead of reading it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from shared.domain.moments import Moment
from shared.ports.clock import Clock

T = TypeVar("T")


class Remembered(Generic[T]):
    """A value that is read at most once within a time (microseconds), and again when asked after it."""

    def __init__(self, read: Callable[[], T], clock: Clock, remembered_for: int) -> None:
        self._read = read
        self._clock = clock
        self._remembered_for = remembered_for
        self._value: tuple[Moment, T] | None = None

    def __call__(self) -> T:
        """The value, as of the last while.

        Raises:
            Unavailable: it is not remembered, and the store cannot answer now.
        """
        now = self._clock.now()
        if self._value is None or now - self._value[0] >= self._remembered_for:
            self._value = now, self._read()
        return self._value[1]

    def forget(self) -> None:
        """Read it again when it is asked for next."""
        self._value = None
