"""What Baton does not take, as errors: each says what is wrong, and where, in words for the one who sent it."""

from __future__ import annotations

from typing import Any, ClassVar, Self


class Refused(Exception):
    """Baton does not take what it was given. `at` is the place of the fault in it, `context.campaign.source`."""

    code: ClassVar[str] = "refused"

    def __init__(self, message: str, at: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.details = details

    def alone(self) -> Self:
        """The refusal without the frames that raised it, which hold the whole request, and the refusal by it."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


class Malformed(Refused):
    """It cannot be read at all: broken JSON, text that is no text, a number that is none."""

    code = "malformed"


class Invalid(Refused):
    """It can be read, and says something that cannot be."""

    code = "invalid"


class TooLarge(Refused):
    """It is more than Baton takes at once."""

    code = "too_large"


class UnsupportedMedia(Refused):
    """It comes in a form that this address does not read."""

    code = "unsupported_media_type"


class Unauthenticated(Refused):
    """Nobody known sent it: no key, an unknown key, nobody signed in."""

    code = "unauthenticated"


class Forbidden(Refused):
    """Whoever sent it is known, and may not say or see this."""

    code = "forbidden"


class NotFound(Refused):
    """There is nothing under that name."""

    code = "not_found"


class MethodNotAllowed(Refused):
    """There is something under that address, and it does not take this method."""

    code = "method_not_allowed"


class OverBudget(Refused):
    """More came within a window of time than is taken in it. The same may be sent again after `retry_after` seconds."""

    code = "over_budget"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, retry_after=retry_after)
        self.retry_after = retry_after


class Contested(Refused):
    """Somebody else changed the same thing meanwhile: look again, and decide again."""

    code = "conflict"


class Unmet(Refused):
    """It may be done once something else has been: the details say what is missing."""

    code = "unmet"
