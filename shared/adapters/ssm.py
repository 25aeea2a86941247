"""Secrets kept as SecureString parameters in SSM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.moments import MINUTE, SECOND, Moment
from shared.ports.errors import SecretMissing, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from shared.ports.clock import Clock

_REMEMBERED = 5 * MINUTE
_ANEW = 10 * SECOND
"""Strangers can make a function look for a newer secret: not more often than this."""


class SSMSecrets:
    """Reads a secret by its full parameter name and remembers it for five minutes."""

    def __init__(self, client: SSMClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._remembered: dict[str, tuple[Moment, str]] = {}

    def __repr__(self) -> str:
        return f"SSMSecrets({sorted(self._remembered)})"

    def get(self, name: str, *, anew: bool = False) -> str:
        """The secret's text; see `shared.ports.secrets.Secrets`."""
        now = self._clock.now()
        if name in self._remembered:
            read_at, text = self._remembered[name]
            if now - read_at < (_ANEW if anew else _REMEMBERED):
                return text
        text = self._read(name)
        self._remembered[name] = (now, text)
        return text

    def _read(self, name: str) -> str:
        try:
            return self._client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except self._client.exceptions.ParameterNotFound as error:
            msg = f"no secret is stored under {name}: put it with `baton secrets set`"
            raise SecretMissing(msg) from error
        except (ClientError, BotoCoreError) as error:
            msg = f"the store of secrets did not answer: {type(error).__name__}"
            raise Unavailable(msg) from error
