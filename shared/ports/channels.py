"""Channels: the ways in which a handoff reaches the people it is for."""

from typing import Protocol

from shared.domain.notice import Notice
from shared.ports.errors import PortError


class Undeliverable(PortError):
    """It will not go as things are (a wrong address, a revoked URL): somebody has to mend the settings."""


class Channel(Protocol):
    """One way to one team. What it raises names neither the lead, nor a secret, nor the address it wrote to.

    Whichever it raises, the queue brings the handoff back a few times and then it waits in the dead-letter queue, with
    an alarm: what is `Undeliverable` goes out by a redrive once it is mended.
    """

    def send(self, notice: Notice) -> None:
        """Send the notice. Sending again is possible; a receiver can tell by the notice's id.

        Raises:
            Undeliverable: it will not go until somebody mends the settings or the receiver.
            Unavailable: it did not go now, or it is not known whether it went.
            SecretMissing: the channel's secret is not stored.
        """
        ...
