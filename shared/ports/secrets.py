"""Secrets, kept outside code, settings, templates and logs, and read by name."""

from typing import Protocol


class Secrets(Protocol):
    """Reads secrets by name and remembers them for a few minutes, so that a rotation takes effect by itself."""

    def get(self, name: str, *, anew: bool = False) -> str:
        """The secret's text; `anew` as it was at most ten seconds ago, for whoever met what a newer one has signed.

        Raises:
            SecretMissing: nothing is stored under that name.
            Unavailable: the store cannot answer now.
        """
        ...
