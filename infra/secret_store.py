"""Secrets of an environment: SecureStrings in Parameter Store, read by functions, never in a template or a file."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from functions.ingest.settings import SecretWriteKey
from infra.deployed import Deployed
from infra.failure import Failure
from infra.settings import ERASURE_SECRET, LEAD_PAGE_SECRET, Settings

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True)
class NeededSecret:
    """A secret, and what for: `write_key`, `form` (its host signs with it), `webhook` (to sign with), `slack` (its
    URL), `erasure` (tombstones) or `lead_page` (links to it).

    The settings name all of them but the last two, which Baton makes.
    """

    name: str
    purpose: str


def needed_secrets(settings: Settings) -> list[NeededSecret]:
    """Every secret that an environment needs, each once."""
    return list(dict.fromkeys(_named(settings)))


@dataclass(frozen=True)
class SecretStore:
    """The stored secrets of an environment."""

    deployed: Deployed

    def put(self, name: str, text: str) -> None:
        """Store a secret, or replace it. Functions see it within minutes.

        Raises:
            Failure: AWS does not take it.
        """
        try:
            self._client.put_parameter(Name=self._parameter(name), Value=text, Type="SecureString", Overwrite=True)
        except (ClientError, BotoCoreError) as error:
            raise _refused(f"The secret {name} could not be stored.", error) from error

    def get(self, name: str) -> str:
        """The text of a secret.

        Raises:
            Failure: it is not stored, or AWS does not tell it.
        """
        client = self._client
        try:
            return client.get_parameter(Name=self._parameter(name), WithDecryption=True)["Parameter"]["Value"]
        except client.exceptions.ParameterNotFound as error:
            remedy = f"Store it with `baton secrets set {name} --env {self.deployed.environment}`."
            raise Failure(f"The secret {name} is not stored.", remedy) from error
        except (ClientError, BotoCoreError) as error:
            raise _refused(f"The secret {name} could not be read.", error) from error

    def make(self, name: str) -> bool:
        """Store a random secret, which nobody is shown, unless there is one; answers whether there was none.

        Raises:
            Failure: AWS does not take it.
        """
        try:
            self._client.put_parameter(
                Name=self._parameter(name), Value=secrets.token_urlsafe(32), Type="SecureString", Overwrite=False
            )
        except self._client.exceptions.ParameterAlreadyExists:
            return False
        except (ClientError, BotoCoreError) as error:
            raise _refused(f"The secret {name} could not be stored.", error) from error
        return True

    def renew(self, name: str) -> None:
        """Put a new random secret before the newest of those that stand there: what that one signed is still read.

        Raises:
            Failure: none is stored yet, or AWS does not take it.
        """
        newest = self.get(name).split()[0]
        self.put(name, f"{secrets.token_urlsafe(32)} {newest}")

    def stored(self) -> dict[str, str]:
        """The names of all stored secrets, each with the moment of its last change.

        Raises:
            Failure: AWS does not list them.
        """
        try:
            pages = self._client.get_paginator("describe_parameters").paginate(
                ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": [self._parameter("")]}]
            )
            return {
                parameter["Name"].removeprefix(self._parameter("")): parameter["LastModifiedDate"]
                .astimezone(UTC)
                .isoformat()
                for page in pages
                for parameter in page["Parameters"]
            }
        except (ClientError, BotoCoreError) as error:
            raise _refused("The secrets could not be listed.", error) from error

    @property
    def _client(self) -> SSMClient:
        client: SSMClient = self.deployed.client("ssm")
        return client

    def _parameter(self, name: str) -> str:
        return f"/baton/{self.deployed.environment}/{name}"


def _named(settings: Settings) -> Iterator[NeededSecret]:
    for key in settings.write_keys:
        if isinstance(key, SecretWriteKey):
            yield NeededSecret(key.secret, "write_key")
    for form in settings.forms:
        if form.signing_secret:
            yield NeededSecret(form.signing_secret, "form")
    for team in settings.teams.values():
        if team.webhook:
            yield NeededSecret(team.webhook.secret, "webhook")
        if team.slack:
            yield NeededSecret(team.slack, "slack")
    yield NeededSecret(ERASURE_SECRET, "erasure")
    yield NeededSecret(LEAD_PAGE_SECRET, "lead_page")


def _refused(what: str, error: Exception) -> Failure:
    return Failure(what, "Check the AWS credentials and their rights in Parameter Store.", str(error))
