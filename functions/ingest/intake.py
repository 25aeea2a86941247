"""What `ingest` works with, made from its settings."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from functions.ingest.settings import Form, HubSpotHost, PublicWriteKey, SecretWriteKey, Settings, WebflowHost
from shared.adapters.catalogue import Catalogue
from shared.adapters.clock import SystemClock
from shared.adapters.crawlers import is_crawler
from shared.adapters.dynamodb.activities import DynamoDBActivities
from shared.adapters.dynamodb.budgets import DynamoDBBudgets
from shared.adapters.dynamodb.erasures import DynamoDBErasures
from shared.adapters.email_kinds import email_kind
from shared.adapters.environment import load
from shared.adapters.form_hosts import SignedForm
from shared.adapters.forms import FormConsent, FormShape
from shared.adapters.ssm import SSMSecrets
from shared.adapters.typeform import TYPEFORM
from shared.adapters.webflow import WEBFLOW
from shared.adapters.write_keys import WriteKeys
from shared.domain.activity import Activity, Rank
from shared.domain.admission import Source, form_source, public_source, trusted_source
from shared.domain.budget import Budget, BudgetKind
from shared.domain.network import one_sender
from shared.ports.activities import Activities
from shared.ports.budgets import Budgets
from shared.ports.secrets import Secrets
from shared.usecases.erased import ErasedPeople
from shared.usecases.ingest import Ingest
from shared.usecases.spending import Spending

_PATIENCE = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
)
"""A table that hangs is given up within the function's own time, so that the client is told to come again. As many
connections as the log puts activities side by side."""

_IMPATIENCE = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
"""The common count of budgets is asked once: no activity waits for it, and what is sent again is counted twice."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Where activities go, whose keys open the way, and what the forms and events of this deployment mean.

    `signed_forms` are those of which their hosts alone tell; `hubspot_forms` names forms by portal and GUID.
    """

    ingest: Ingest
    keys: WriteKeys
    forms: Mapping[str, FormShape] = field(default_factory=dict)
    form_sources: Mapping[str, Source] = field(default_factory=dict)
    signed_forms: Mapping[str, SignedForm] = field(default_factory=dict)
    hubspot_forms: Mapping[tuple[str, str], str] = field(default_factory=dict)
    address_limit: int | None = None
    sender_limit: int | None = None
    origins: tuple[str, ...] = ()
    catalogue: Catalogue = field(default_factory=lambda: Catalogue({}))

    def key_source(self, key: Any, address: str | None) -> Source:
        """Whose write key it is. A public one is drawn on after the budget of the network address that uses it, so that
        nobody uses it up for all visitors of a website; servers send for many from one address.

        Raises:
            Unauthenticated: it is nobody's.
        """
        source = self.keys.source(key)
        if source.rank >= Rank.TRUSTED:
            return source
        return _from(address, source, BudgetKind.SENDER, self.sender_limit)

    def form_source(self, name: str, address: str | None) -> Source:
        """Who speaks by a form from a network address, whose budget is drawn on before the one that all share."""
        return _from(address, self.form_sources[name], BudgetKind.ADDRESS, self.address_limit)

    def take(self, activity: Activity, source: Source) -> None:
        """Append an activity that comes alone.

        Raises:
            Refused: it is not taken.
        """
        for rejection in self.ingest.submit([activity], source):
            raise rejection.reason


def configured(
    settings: Settings,
    activities: Activities,
    secrets: Callable[[], Secrets],
    budgets: Callable[[], Budgets],
    erased: ErasedPeople | None = None,
) -> Intake:
    """The intake that the settings describe.

    `secrets` is asked for once a key may be a secret one, `budgets` once a share of one was taken.
    """
    public = [key for key in settings.write_keys if isinstance(key, PublicWriteKey)]
    secret = [key for key in settings.write_keys if isinstance(key, SecretWriteKey)]
    return Intake(
        ingest=Ingest(
            activities,
            Spending(budgets),
            retention_days=settings.retention_days,
            is_bot=is_crawler,
            email_kind=email_kind,
            erased=erased,
        ),
        keys=WriteKeys(
            public={
                key.key: _limited(settings, public_source(key.name, frozenset(key.activities)), key.budget)
                for key in public
            },
            secret={key.secret: _limited(settings, trusted_source(key.name), key.budget) for key in secret},
            secrets=secrets,
        ),
        forms={form.name: _shape(form) for form in settings.forms},
        form_sources={form.name: _form_source(settings, form) for form in settings.forms},
        signed_forms={form.name: signed for form in settings.forms if (signed := _signed(form, secrets))},
        hubspot_forms={
            form.hosted_by.place: form.name for form in settings.forms if isinstance(form.hosted_by, HubSpotHost)
        },
        address_limit=settings.budgets.address,
        sender_limit=settings.budgets.sender,
        origins=settings.origins,
        catalogue=Catalogue(settings.catalogue),
    )


@cache
def from_environment() -> Intake:
    """The intake of this function's environment, made once and kept while the function is warm."""
    settings = load(Settings)
    dynamodb, clock = _client("dynamodb"), SystemClock()
    secrets = cache(lambda: SSMSecrets(_client("ssm"), clock))
    erasures = DynamoDBErasures(dynamodb, settings.erasures_table, lambda: secrets().get(settings.erasure_secret))
    log = DynamoDBActivities(
        dynamodb,
        settings.activities_table,
        retention_days=settings.retention_days,
        anonymous_retention_days=settings.anonymous_retention_days,
    )
    intake = configured(
        settings,
        log,
        secrets,
        lambda: DynamoDBBudgets(_client("dynamodb", _IMPATIENCE), settings.budgets_table),
        ErasedPeople(erasures, clock),
    )
    # All that was imported and made stays: to look through it for garbage takes 30 ms in the middle of some request.
    gc.freeze()
    return intake


def _client(service: str, config: Config = _PATIENCE) -> Any:
    """A client without boto3 around it: a third of the CPU time of a cold start went into importing what S3 needs."""
    return get_session().create_client(service, config=config)


def _from(address: str | None, source: Source, kind: BudgetKind, limit: int | None) -> Source:
    who = one_sender(address) if address else None
    if who is None or limit is None:
        return source
    return replace(source, budgets=(Budget(kind, who, limit), *source.budgets))


def _limited(settings: Settings, source: Source, own: int | None) -> Source:
    limit = own or settings.budgets.key
    budgets = (Budget(BudgetKind.KEY, source.name, limit),) if limit else ()
    return replace(source, budgets=budgets, per_identity=settings.budgets.identity)


def _form_source(settings: Settings, form: Form) -> Source:
    limit = form.budget or settings.budgets.form
    budgets = (Budget(BudgetKind.FORM, form.name, limit),) if limit else ()
    return replace(form_source(form.name, form.activity), budgets=budgets, per_identity=settings.budgets.identity)


def _signed(form: Form, secrets: Callable[[], Secrets]) -> SignedForm | None:
    if form.signing_secret is None:
        return None
    if isinstance(form.hosted_by, WebflowHost):
        return SignedForm(WEBFLOW, form.signing_secret, secrets, form.hosted_by.form)
    return SignedForm(TYPEFORM, form.signing_secret, secrets)


def _shape(form: Form) -> FormShape:
    asked = form.consent
    consent = FormConsent(asked.field, asked.wording, asked.version, asked.value) if asked else None
    return FormShape(form.name, form.activity, form.email_field, form.fields, consent)
