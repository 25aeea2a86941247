"""What `notify` is told by the stack."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from shared.adapters.environment import FunctionSettings


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookTarget(_Part):
    """A receiver of Standard Webhooks; `secret` names the stored signing secret."""

    url: str
    secret: str


class Team(_Part):
    """Whom a handoff's `to` means. `slack` names the secret that holds the incoming webhook's URL."""

    email: tuple[str, ...] = ()
    slack: str | None = None
    webhook: WebhookTarget | None = None


class Settings(FunctionSettings):
    """The environment of `notify`. The team `default` receives what names a team that is not configured.

    `lead_link` is where a lead can be looked at, `{lead}` standing for its id; without it messages carry the id alone.
    """

    leads_table: str
    teams: dict[str, Team]
    email_from: str | None = None
    consent_required: bool = True
    allow_local_receivers: bool = False
    lead_link: str | None = None
