"""Simulations as signed tokens: whoever runs one carries it, and what they show to a publish was found by Baton."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.adapters.signing import Forged, Signer
from shared.domain.moments import Moment
from shared.domain.refusals import Invalid
from shared.domain.simulation import GOOD_FOR, MOST_SEGMENTS, Simulated, Stretch, united

if TYPE_CHECKING:
    from shared.ports.clock import Clock
    from shared.ports.secrets import Secrets

_SALT: Final = b"baton.simulation"


class SignedSimulations:
    """Makes and reads the tokens, signed with the secret stored under a name."""

    def __init__(self, secrets: Secrets, name: str, clock: Clock) -> None:
        self._signer = Signer(secrets, name, _SALT)
        self._clock = clock

    def sign(self, stretch: Stretch) -> str:
        """A token that says how far a segment was simulated and what was found."""
        return self._signer.sign(
            [
                stretch.sha256,
                stretch.against,
                stretch.at,
                stretch.since,
                stretch.segment,
                stretch.of,
                stretch.after,
                stretch.done,
                stretch.leads,
                stretch.handoffs_before,
                stretch.handoffs_after,
                stretch.notify,
            ]
        )

    def stretch(self, token: str) -> Stretch:
        """What one token says."""
        try:
            sha256, against, at, since, *rest = self._signer.read(token)
        except Forged:
            msg = "this is no simulation of Baton's: take the token as the simulation told it"
            raise Invalid(msg, "simulation") from None
        if self._clock.now() >= at + GOOD_FOR:
            msg = "the simulation is older than 24 hours, and what leads did since may change it: run it again"
            raise Invalid(msg, "simulation")
        return Stretch(sha256, against, Moment(at), Moment(since), *rest)

    def read(self, token: str) -> Simulated:
        """What a whole simulation found."""
        tokens = token.split()
        if len(tokens) > MOST_SEGMENTS:
            msg = f"a simulation has at most {MOST_SEGMENTS} segments"
            raise Invalid(msg, "simulation")
        return united([self.stretch(each) for each in tokens])
