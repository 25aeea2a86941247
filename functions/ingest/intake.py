"""What `ingest` works with, made from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from functions.ingest.settings import Form, PublicWriteKey, SecretWriteKey, Settings
from shared.adapters.catalogue import Catalogue
from shared.adapters.clock import SystemClock
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.environment import load
from shared.adapters.forms import FormConsent, FormShape
from shared.adapters.ssm import SSMSecrets
from shared.adapters.write_keys import WriteKeys
from shared.domain.admission import public_source, trusted_source
from shared.ports.activities import Activities
from shared.ports.secrets import Secrets
from shared.usecases.ingest import Ingest

_PATIENCE = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
)
"""A table that hangs is given up within the function's own time, so that the client is told to come again. As many
connections as the log puts activities side by side."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Where activities go, whose keys open the way, and what the forms and events of this deployment mean."""

    ingest: Ingest
    keys: WriteKeys
    forms: Mapping[str, FormShape] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    catalogue: Catalogue = field(default_factory=lambda: Catalogue({}))


def configured(settings: Settings, activities: Activities, secrets: Callable[[], Secrets]) -> Intake:
    """The intake that the settings describe. `secrets` is asked for once a key may be a secret one."""
    public = [key for key in settings.write_keys if isinstance(key, PublicWriteKey)]
    secret = [key for key in settings.write_keys if isinstance(key, SecretWriteKey)]
    return Intake(
        ingest=Ingest(activities, retention_days=settings.retention_days),
        keys=WriteKeys(
            public={key.key: public_source(key.name, frozenset(key.activities)) for key in public},
            secret={key.secret: trusted_source(key.name) for key in secret},
            secrets=secrets,
        ),
        forms={form.name: _shape(form) for form in settings.forms},
        origins=settings.origins,
        catalogue=Catalogue(settings.catalogue),
    )


@cache
def from_environment() -> Intake:
    """The intake of this function's environment, made once and kept while the function is warm."""
    settings = load(Settings)
    log = DynamoDBActivities(
        _client("dynamodb"),
        settings.activities_table,
        retention_days=settings.retention_days,
        anonymous_retention_days=settings.anonymous_retention_days,
    )
    return configured(settings, log, cache(lambda: SSMSecrets(_client("ssm"), SystemClock())))


def _client(service: str) -> Any:
    """A client without boto3 around it: a third of the CPU time of a cold start went into importing what S3 needs."""
    return get_session().create_client(service, config=_PATIENCE)


def _shape(form: Form) -> FormShape:
    asked = form.consent
    consent = FormConsent(asked.field, asked.wording, asked.version) if asked else None
    return FormShape(form.name, form.activity, form.email_field, form.fields, consent)
