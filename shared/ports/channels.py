"""Channels: the ways in which a handoff reaches the people it is for."""

from typing import Protocol

from shared.domain.notice import Notice
from shared.ports.errors import PortError


class Undeliverable(PortError):
    """It will not go as things are (a wrong address, a revoked URL): somebody has to mend the settings."""


class Unacceptable(Undeliverable):
    """The receiver does not take this one message for what it says; it may well take others."""


class Channel(Protocol):
    """One way to one team. What it raises names neither the lead, nor a secret, nor the address it wrote to.

    The queue brings back what failed. A channel that fails three times in a row is left alone for a while, and what it
    misses is sent once it is back, or mended. What is `Unacceptable` ends in the dead-letter queue, with an alarm.
    """

    def send(self, notice: Notice) -> None:
        """Send the notice. Sending again is possible; a receiver can tell by the notice's id and name.

        Raises:
            Unacceptable: the receiver refuses what this message says.
            Undeliverable: it will not go until somebody mends the settings or the receiver.
            Unavailable: it did not go now, or it is not known whether it went.
            SecretMissing: the channel's secret is not stored.
        """
        ...
