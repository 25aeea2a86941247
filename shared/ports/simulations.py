"""Simulations that were run: each tells what it found by a token that nobody else can make, and nothing is stored."""

from typing import Protocol

from shared.domain.simulation import Simulated, Stretch


class Simulations(Protocol):
    """Signs what a simulation found, page by page, and believes nothing else."""

    def sign(self, stretch: Stretch) -> str:
        """A token that says how far a segment was simulated and what was found.

        Raises:
            SecretMissing: no secret to sign with is stored.
            Unavailable: the store of secrets cannot answer now.
        """
        ...

    def stretch(self, token: str) -> Stretch:
        """What one token says.

        Raises:
            Invalid: nobody signed it, or not for this, or more than 24 hours ago.
        """
        ...

    def read(self, token: str) -> Simulated:
        """What a whole simulation found, from the tokens of its segments, parted by spaces.

        Raises:
            Invalid: as `stretch`, or a segment is not done, stands there twice, or is of another simulation.
        """
        ...
