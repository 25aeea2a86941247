"""Notifying: a committed handoff goes out on each of its channels, as long as the lead may be handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.domain.activity import IdentityKind
from shared.domain.notice import Notice, compose, introduce
from shared.domain.state import known_facts
from shared.ports.errors import PortError, Unavailable
from shared.usecases.redirect import live_record

if TYPE_CHECKING:
    from shared.domain.handoff import Handoff, HandoffKey
    from shared.domain.moments import Moment
    from shared.ports.channels import Channel
    from shared.ports.clock import Clock
    from shared.ports.handoffs import Handoffs
    from shared.ports.leads import LeadRecord, Leads
    from shared.usecases.rulebook import Rulebook

DEFAULT_TEAM = "default"
"""The team that receives what names a team that is not configured."""

ELSEWHERE = "another delivery is sending it"
"""Why a channel counts as failed while somebody else's claim on it lasts: this delivery comes back and looks again."""


class NotCommitted(Exception):
    """A handoff was announced that nobody committed: nothing is sent."""


class NobodyToTell(Exception):
    """A handoff is for a team that has none of the handoff's channels: it would be dropped in silence."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a handoff this time. `sent` holds the microseconds from the last activity to each sending."""

    key: HandoffKey
    sent: Mapping[str, int | None] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    withheld: str | None = None


class NotDelivered(Exception):
    """At least one channel did not take it; the others have it, and only the failed ones are tried again."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(
            f"{delivery.key.text}: {', '.join(f'{name} ({why})' for name, why in delivery.failed.items())}"
        )
        self.delivery = delivery


@dataclass(frozen=True, slots=True)
class Notify:
    """Sends committed handoffs. `teams` holds, for each team, its channels by name."""

    handoffs: Handoffs
    leads: Leads
    rulebook: Rulebook
    clock: Clock
    teams: Mapping[str, Mapping[str, Channel]]
    consent_required: bool = True
    link: str | None = None

    def deliver(self, key: HandoffKey, until: Moment) -> Delivery:
        """Send a handoff on each channel that has not had it; by `until` this call has ended or is dead.

        Raises:
            NotCommitted: there is no such handoff.
            NobodyToTell: none of the handoff's channels is configured for its team.
            NotDelivered: some channels failed; the rest have it.
            Unavailable: a store cannot answer now.
        """
        handoff = self.handoffs.get(key)
        if handoff is None and self.leads.load(key.lead) is None:
            # The person was erased, and the handoff with them.
            return Delivery(key, withheld="gone")
        if handoff is None:
            msg = f"no handoff {key.text} is committed"
            raise NotCommitted(msg)
        channels = self._channels(handoff)
        already = self.handoffs.sent(key)
        waiting = {name: channel for name, channel in channels.items() if name not in already}
        missing = tuple(name for name in handoff.notify if name not in channels)
        if not waiting:
            return Delivery(key, missing=missing)
        record = live_record(self.leads, key.lead)
        if record is None:
            return Delivery(key, missing=missing, withheld="gone")
        if objection := self._objection(record):
            self.handoffs.withhold(key, objection, self.clock.now())
            return Delivery(key, missing=missing, withheld=objection)
        delivery = self._send(handoff, waiting, self._notice(handoff, record), until, missing)
        if delivery.failed:
            raise NotDelivered(delivery)
        return delivery

    def _channels(self, handoff: Handoff) -> dict[str, Channel]:
        team = self.teams.get(handoff.to) or self.teams.get(DEFAULT_TEAM, {})
        channels = {name: team[name] for name in handoff.notify if name in team}
        if handoff.notify and not channels:
            msg = f"{handoff.key.text}: the team {handoff.to!r} has none of {', '.join(handoff.notify)}"
            raise NobodyToTell(msg)
        return channels

    def _objection(self, record: LeadRecord) -> str | None:
        """Why the lead may not be handed over any more, whatever was decided before."""
        if record.rules_version < 0:
            msg = f"the state of lead {record.lead} is being rebuilt"
            raise Unavailable(msg)
        if self.consent_required and known_facts(record.state).consent != "granted":
            return "consent"
        rules = self.rulebook.version(record.rules_version).rules
        return "veto" if rules.score(record.state, self.clock.now()).vetoed_by else None

    def _objection_now(self, key: HandoffKey) -> str | None:
        record = live_record(self.leads, key.lead)
        if record is None:
            return "gone"
        if objection := self._objection(record):
            self.handoffs.withhold(key, objection, self.clock.now())
            return objection
        return None

    def _notice(self, handoff: Handoff, record: LeadRecord) -> Notice:
        facts = known_facts(record.state)
        emails = sorted(each.value for each in record.identities if each.kind is IdentityKind.EMAIL)
        return compose(handoff, introduce(tuple(emails), facts.lead, facts.company), self.link)

    def _send(
        self, handoff: Handoff, waiting: Mapping[str, Channel], notice: Notice, until: Moment, missing: tuple[str, ...]
    ) -> Delivery:
        sent: dict[str, int | None] = {}
        failed: dict[str, str] = {}
        for number, (name, channel) in enumerate(waiting.items()):
            # Somebody may have withdrawn while the channel before this one was slow.
            if number and (objection := self._objection_now(handoff.key)):
                return Delivery(handoff.key, sent, failed, missing, objection)
            if not self.handoffs.claim(handoff.key, name, self.clock.now(), until):
                failed[name] = ELSEWHERE
                continue
            try:
                channel.send(notice)
                now = self.clock.now()
                self.handoffs.mark_sent(handoff.key, name, now)
            except PortError as error:
                failed[name] = str(error)
            except Exception as error:  # noqa: BLE001 (one channel failing never stops the others)
                failed[name] = type(error).__name__
            else:
                sent[name] = None if handoff.last_activity_at is None else now - handoff.last_activity_at
        return Delivery(handoff.key, sent, failed, missing)
