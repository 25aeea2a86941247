"""Sends parts of a list to an environment's API, with a secret write key, as any partner would."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

import urllib3

from functions.ingest.settings import SecretWriteKey
from infra.deployed import of_environment
from infra.failure import Failure
from infra.secret_store import SecretStore
from infra.settings import Settings

_AGAIN = "Run the same command again: it goes on where it was."
_RETRIES = urllib3.Retry(
    total=12,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,
    backoff_factor=0.5,
    backoff_max=30,
    raise_on_status=False,
)
"""A part that is sent again changes nothing, so that whatever may pass is tried again; `Retry-After` is waited for."""


@dataclass(frozen=True)
class ListSender:
    """Posts to `/v1/import` of the API at `address`."""

    address: str
    key: str
    retries: urllib3.Retry = _RETRIES

    def send(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """What the API answers to a part of a list.

        Raises:
            Failure: it does not answer, or does not take the part as a whole.
        """
        try:
            answer = self._pool.request("POST", f"{self.address}/v1/import", body=json.dumps(part).encode())
        except urllib3.exceptions.HTTPError as error:
            raise Failure(f"The API at {self.address} does not answer.", _AGAIN, str(error)) from error
        try:
            told = json.loads(answer.data)
        except ValueError:
            told = {}
        if answer.status == HTTPStatus.OK and isinstance(told, dict):
            return told
        message = told.get("message") if isinstance(told, dict) else None
        place = (told.get("details") or {}).get("at") if isinstance(told, dict) else None
        what = f"The API answers {answer.status}: {message or answer.reason}{f' ({place})' if place else ''}"
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Failure(
                what, "Check the secret write key: `baton secrets list --env ENVIRONMENT`, or BATON_WRITE_KEY."
            )
        raise Failure(what, _AGAIN if answer.status >= HTTPStatus.TOO_MANY_REQUESTS else "")

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        headers = {**urllib3.make_headers(basic_auth=f"{self.key}:"), "content-type": "application/json"}
        return urllib3.PoolManager(
            headers=headers, retries=self.retries, timeout=urllib3.Timeout(connect=5, read=60), maxsize=1
        )


def list_sender(settings: Settings, name: str | None = None) -> ListSender:
    """A sender to the environment of these settings.

    The key is the stored text of the settings' secret write key called `name`; without a name the one in
    BATON_WRITE_KEY, or else the first of the settings.

    Raises:
        Failure: the environment cannot be reached, or has no such key.
    """
    deployed = of_environment(settings.environment)
    if name is None and (key := os.environ.get("BATON_WRITE_KEY")):
        return ListSender(deployed.api, key)
    secret = [key for key in settings.write_keys if isinstance(key, SecretWriteKey)]
    found = [key for key in secret if name in (None, key.name)]
    if not found:
        what = f"The settings of {settings.environment} have no secret write key{f' called {name!r}' if name else ''}."
        names = ", ".join(key.name for key in secret)
        raise Failure(what, f"There is {names}." if names else "Add one under `write_keys`, with `kind: secret`.")
    return ListSender(deployed.api, SecretStore(deployed).get(found[0].secret))
