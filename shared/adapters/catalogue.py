"""What the events of websites and servers are called here: by default their names in snake_case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from shared.adapters.names import snake_case
from shared.domain.activity import BY_PEOPLE_ONLY, WHO_SOMEBODY_IS
from shared.domain.refusals import Invalid


class Catalogue:
    """The activity type of each event. `exceptions` are the names that mean something else than they say.

    An exception holds however its name is written: what goes for `Signed Up` goes for `signedUp` and `signed_up`.
    """

    def __init__(self, exceptions: Mapping[str, str]) -> None:
        plain = {snake_case(name): kind for name, kind in exceptions.items() if snake_case(name)}
        self._exceptions = plain | dict(exceptions)

    def type_of(self, event: str) -> str:
        """The activity type of an event's name.

        Raises:
            Invalid: the name means no type, or one that is no event's.
        """
        name = snake_case(event)
        kind = self._exceptions.get(event) or self._exceptions.get(name) or name
        if not kind:
            msg = "the event's name has neither a letter nor a digit; the settings' `catalogue` can give it a type"
            raise Invalid(msg, "event")
        if kind in WHO_SOMEBODY_IS:
            msg = (
                f"an event of this name would be of the type {kind!r}, which another call has to itself: "
                "send identify, group or alias, or let the settings' `catalogue` give it another type"
            )
            raise Invalid(msg, "event")
        return kind


def contradictions(exceptions: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with these exceptions as a whole, in sentences."""
    writings: dict[str, list[str]] = defaultdict(list)
    for name, kind in exceptions.items():
        if kind in WHO_SOMEBODY_IS | BY_PEOPLE_ONLY:
            yield f"{name!r} cannot be of the type {kind!r}, which no event has"
        if plain := snake_case(name):
            writings[plain].append(name)
    for plain, names in writings.items():
        kinds = sorted({exceptions[name] for name in names})
        if len(kinds) > 1:
            yield f"{' and '.join(map(repr, names))} are one name, {plain!r}, and cannot be both {' and '.join(kinds)}"
