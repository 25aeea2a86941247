"""What `notify` is told by the stack."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.adapters.environment import FunctionSettings


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookTarget(_Part):
    """A receiver of Standard Webhooks; `secret` names the stored signing secret."""

    url: str
    secret: str


class Member(_Part):
    """A person of a team. Handoffs go round by `weight`; one whose routing fact is among `takes` comes here first.

    `slack` is the person's member id in Slack, by which a message mentions them.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    email: str | None = None
    slack: Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")] | None = None
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    takes: tuple[str, ...] = ()


class Team(_Part):
    """Whom a handoff's `to` means. `slack` names the secret that holds the incoming webhook's URL."""

    email: tuple[str, ...] = ()
    slack: str | None = None
    webhook: WebhookTarget | None = None
    members: tuple[Member, ...] = ()

    def recipients(self, assignee: str | None = None, before: str | None = None) -> tuple[list[str], list[str]]:
        """The addresses to which and in copy to which a mail goes.

        A mail is for the `assignee` with the team in copy, and who had the lead `before` too; without an address of an
        assignee it is for the team, and where the team has none, for all its members.
        """
        known = {member.name: member.email for member in self.members if member.email}
        if assignee not in known:
            return list(dict.fromkeys(self.email or known.values())), []
        copies = dict.fromkeys(address for address in (*self.email, known.get(before or "")) if address)
        return [known[assignee]], [address for address in copies if address != known[assignee]]

    @property
    def writes_mail(self) -> bool:
        """Whether there is anybody to whom a mail could go."""
        return bool(self.email or any(member.email for member in self.members))


class Settings(FunctionSettings):
    """The environment of `notify`. The team `default` receives what names a team that is not configured.

    `lead_link` is where a lead can be looked at, `{lead}` standing for its id. Without it messages link to the lead's
    page at `page_address`, signed with the secret `page_secret` and good for `page_days`; without that, to nothing.
    """

    activities_table: str
    leads_table: str
    queue_url: str
    teams: dict[str, Team]
    email_from: str | None = None
    consent_required: bool = True
    allow_local_receivers: bool = False
    lead_link: str | None = None
    page_secret: str = ""
    page_address: str = ""
    page_days: int = 30
