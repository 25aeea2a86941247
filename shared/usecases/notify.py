"""Notifying: a handoff, what follows it and its answer go out on each channel, as long as the lead may be handed over.

Each message goes out once on each channel, by its own mark. A channel that fails again and again is not tried any more:
what it misses is put by, and goes out in order once it is back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from shared.domain.activity import IdentityKind
from shared.domain.answering import labels_of, reason_in_words
from shared.domain.events import HandoffAnswered, HandoffFollowedUp, HandoffRequested
from shared.domain.introduction import Introduction, introduce
from shared.domain.moments import Moment
from shared.domain.notice import MessageKind, Notice, compose
from shared.domain.state import known_facts
from shared.ports.channels import Unacceptable
from shared.ports.errors import PortError, SecretMissing, Unavailable
from shared.ports.missed import MissedMessage
from shared.usecases.delivery import ELSEWHERE, Delivery, NobodyToTell, NotCommitted, NotDelivered, Turn, asked_at
from shared.usecases.recover import Recover
from shared.usecases.redirect import live_record
from shared.usecases.sendings import TELLS_EVERYTHING, name_of, sendings_of

if TYPE_CHECKING:
    from shared.domain.breaker import Breaker
    from shared.domain.brief import Brief
    from shared.domain.handoff import HandoffKey, HandoffRecord
    from shared.ports.clock import Clock
    from shared.ports.handoffs import Handoffs
    from shared.ports.leads import LeadRecord, Leads
    from shared.ports.missed import Missed
    from shared.ports.queue import Queue
    from shared.usecases.delivery import Announced, Following
    from shared.usecases.recover import Recovery, SideBySide
    from shared.usecases.rulebook import Rulebook
    from shared.usecases.sendings import Sending, Teams

_WITH_BRIEF: Collection[MessageKind] = {"requested", "escalation", "reassignment"}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one message on one channel, and when it was sent or why it was not."""

    kind: Literal["sent", "failed", "refused", "put by"]
    why: str = ""
    at: Moment | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Tells teams of committed handoffs. `teams` holds, for each team, its channels by name.

    `missed` keeps what a channel that is down has missed, and `queue` takes back what a channel refuses for what it
    says. `link` is where a lead can be looked at, `{lead}` standing for its id; without it `page` tells the address of
    a handoff's page, from a moment on, for the team and the member of it to whom it is sent. `brief` makes the whole
    story of a handoff.
    """

    handoffs: Handoffs
    leads: Leads
    rulebook: Rulebook
    clock: Clock
    teams: Teams
    missed: Missed
    queue: Queue
    consent_required: bool = True
    link: str | None = None
    page: Callable[[HandoffKey, Moment, str, str | None], str] | None = None
    brief: Callable[[HandoffRecord, LeadRecord], Brief] | None = None

    def deliver(self, announced: Announced, until: Moment, given_back: str | None = None) -> Delivery:
        """Tell of what an event announces: a handoff, that nobody has answered it, or its answer.

        It is sent on each channel that has not had it; by `until` this call has ended or is dead. `given_back` names
        the channel, `inside-sales/slack`, that took others when it did not take this message.

        Raises:
            NotCommitted: there is no such handoff.
            NobodyToTell: none of the handoff's channels is configured for the team.
            NotDelivered: some channels failed; the rest have it.
            Unavailable: a store cannot answer now.
        """
        return self._tell(announced, Turn(until, asked_at(announced), given_back=given_back))

    def recover(self, until: Moment, side_by_side: SideBySide = map) -> Recovery:
        """Send to the channels that are down what they missed, as far as they take it; as `Recover.recover`."""
        return Recover(self.missed, self.queue, self.clock, self._tell).recover(until, side_by_side)

    def _tell(self, announced: Announced, turn: Turn) -> Delivery:
        """Tell of an event on each channel that has not had it."""
        key, only = announced.key, turn.only
        event = None if isinstance(announced, HandoffRequested) else announced
        record = self.handoffs.record(key)
        if record is None and self.leads.load(key.lead) is None:
            # The person was erased, and the handoff with them.
            return Delivery(key, withheld="gone")
        if record is None:
            msg = f"no handoff {key.text} is committed"
            raise NotCommitted(msg)
        sendings, missing = sendings_of(self.teams, record, event)
        if only and only not in {each.place for each in sendings}:
            msg = f"{key.text}: the settings have no {only.text} any more"
            raise NobodyToTell(msg)
        already = self.handoffs.sent(key)
        waiting = [each for each in sendings if each.mark not in already and only in {None, each.place}]
        past = _past(record, event)
        waiting = [each for each in waiting if past is None or each.place.channel == TELLS_EVERYTHING]
        if not waiting:
            return Delivery(key, missing=missing, withheld=past)
        lead = self._allowed(record, event)
        if isinstance(lead, str):
            return Delivery(key, missing=missing, withheld=lead)
        delivery = replace(self._send(record, event, lead, waiting, turn), missing=missing)
        if delivery.failed:
            raise NotDelivered(delivery)
        return delivery

    # --- whether ------------------------------------------------------------------------------------------------------

    def _allowed(self, record: HandoffRecord, event: Following | None) -> LeadRecord | str:
        """The lead, or why nothing is to be sent about it any more, whatever was decided before."""
        lead = live_record(self.leads, record.key.lead)
        if lead is None:
            return "gone"
        if isinstance(event, HandoffAnswered):
            return lead
        objection = self._forbidden(lead)
        if not objection:
            return lead
        self.handoffs.withhold(record.key, objection, self.clock.now())
        # Whoever looked at the lead when permission came may not have seen that this was withheld: it goes out then.
        lead = live_record(self.leads, record.key.lead)
        return "gone" if lead is None else self._forbidden(lead) or lead

    def _objection(self, key: HandoffKey, event: Following | None, sending: Sending) -> str | None:
        """Why one more channel is not to be told, after what has happened while the one before it was slow."""
        record = self.handoffs.record(key)
        if record is None:
            return "gone"
        past = _past(record, event)
        if past and sending.place.channel != TELLS_EVERYTHING:
            return past
        allowed = self._allowed(record, event)
        return allowed if isinstance(allowed, str) else None

    def _forbidden(self, lead: LeadRecord) -> str | None:
        """Why the lead may not be handed over now."""
        if lead.rules_version < 0:
            msg = f"the state of lead {lead.lead} is being rebuilt"
            raise Unavailable(msg)
        if self.consent_required and known_facts(lead.state).consent != "granted":
            return "consent"
        rules = self.rulebook.version(lead.rules_version).rules
        return "veto" if rules.score(lead.state, self.clock.now()).vetoed_by else None

    # --- what ---------------------------------------------------------------------------------------------------------

    def _notice(self, record: HandoffRecord, lead: LeadRecord, event: Following | None) -> Notice:
        """What is told. An answer is told without a name where the lead may not be spoken of any more."""
        nameless = isinstance(event, HandoffAnswered) and self._forbidden(lead) is not None
        facts = known_facts(lead.state)
        emails = sorted(each.value for each in lead.identities if each.kind is IdentityKind.EMAIL)
        who = Introduction() if nameless else introduce(tuple(emails), facts.lead, facts.company)
        follow_up = event.at if isinstance(event, HandoffFollowedUp) else None
        notice = compose(record.handoff, who, self.link)
        assignee = record.handoff.assignee if event is None else record.assignee
        answer = record.answer if isinstance(event, HandoffAnswered) else None
        if answer and nameless:
            answer = replace(answer, note="")
        labels = labels_of(self.rulebook.active().rule_file.answers) if answer and answer.reason else {}
        return replace(
            notice,
            to=record.handoff.to if event is None else record.to,
            assignee=assignee,
            answer=answer,
            because=reason_in_words(answer.reason, labels) if answer and answer.reason else None,
            followed_up_at=follow_up,
            name=name_of(event),
        )

    def _linked(self, key: HandoffKey, notice: Notice, sending: Sending) -> Notice:
        """The notice with the address of the page, for those to whom it is sent."""
        if self.link or self.page is None:
            return notice
        at = notice.followed_up_at or notice.asked_at or notice.requested_at
        assignee = notice.assignee if sending.to == notice.to else None
        try:
            return replace(notice, link=self.page(key, at, sending.to, assignee))
        except SecretMissing:
            # A handoff without a link is better than none.
            return notice

    def _briefed(self, notice: Notice, record: HandoffRecord, lead: LeadRecord) -> tuple[Notice, str | None]:
        """The notice with the whole story, or what was wrong with it: a handoff without it is better than none."""
        if self.brief is None:
            return notice, None
        try:
            return replace(notice, brief=self.brief(record, lead)), None
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 (whatever is wrong with a story stops no handoff)
            return notice, type(error).__name__

    def _send(
        self,
        record: HandoffRecord,
        event: Following | None,
        lead: LeadRecord,
        waiting: list[Sending],
        turn: Turn,
    ) -> Delivery:
        """Send on one channel after the other."""
        notice = replace(self._notice(record, lead, event), asked_at=turn.asked_at, told_at=self.clock.now())
        unbriefed = None
        if any(each.kind in _WITH_BRIEF for each in waiting):
            notice, unbriefed = self._briefed(notice, record, lead)
        done: dict[str, _Outcome] = {}
        withheld = None
        for number, each in enumerate(waiting):
            # Somebody may have withdrawn, or answered, while the channel before this one was slow.
            if number and (objection := self._objection(record.key, event, each)):
                withheld = objection
                continue
            try:
                done[each.mark] = self._outcome(record, event, each, notice, turn)
            except PortError as error:
                done[each.mark] = _Outcome("failed", str(error))
        last = None if event else record.handoff.last_activity_at
        return Delivery(
            record.key,
            {
                mark: None if outcome.at is None or last is None else outcome.at - last
                for mark, outcome in done.items()
                if outcome.kind == "sent"
            },
            {mark: outcome.why for mark, outcome in done.items() if outcome.kind in {"failed", "refused"}},
            withheld=withheld,
            put_by={mark: outcome.why for mark, outcome in done.items() if outcome.kind == "put by"},
            refused=tuple(mark for mark, outcome in done.items() if outcome.kind == "refused"),
            unbriefed=unbriefed,
        )

    def _outcome(
        self,
        record: HandoffRecord,
        event: Following | None,
        sending: Sending,
        notice: Notice,
        turn: Turn,
    ) -> _Outcome:
        """Send on one channel, unless it is down or somebody else is sending.

        What it missed and what it gave back is sent although it is down.
        """
        breaker, at_fault = self.missed.breaker(sending.place), turn.given_back == sending.place.text
        if breaker.is_open and not (turn.only or at_fault):
            return self._put_by(record, event, sending, breaker, turn)
        notice = self._linked(record.key, notice, sending)
        if not self.handoffs.claim(record.key, sending.mark, self.clock.now(), turn.until):
            return _Outcome("failed", ELSEWHERE)
        error = self._error(sending, notice)
        now = self.clock.now()
        if error is None:
            self.handoffs.mark_sent(record.key, sending.mark, now)
            # A success ends a row of failures. What was missed goes out before an open breaker closes.
            if breaker.failures and not (turn.only or breaker.is_open):
                self.missed.close(sending.place)
            return _Outcome("sent", at=now)
        if not isinstance(error, PortError):
            return _Outcome("refused", type(error).__name__)
        if at_fault or isinstance(error, Unacceptable):
            return _Outcome("refused", str(error))
        after = self.missed.failed(sending.place, now, str(error), again=turn.back)
        return self._put_by(record, event, sending, after, turn) if after.is_open else _Outcome("failed", str(error))

    def _error(self, sending: Sending, notice: Notice) -> Exception | None:
        """Send it; the answer is what went wrong."""
        try:
            sending.channel.send(replace(notice, kind=sending.kind, before=sending.before))
        except Exception as error:  # noqa: BLE001 (one channel failing never stops the others)
            return error
        return None

    def _put_by(
        self,
        record: HandoffRecord,
        event: Following | None,
        sending: Sending,
        breaker: Breaker,
        turn: Turn,
    ) -> _Outcome:
        """Keep the event until the channel is back."""
        told = event or HandoffRequested(
            id=f"{record.key.text}.requested",
            lead=record.key.lead,
            stage=record.key.stage,
            epoch=record.key.epoch,
            to=record.handoff.to,
            requested_at=turn.asked_at or record.handoff.requested_at,
        )
        at = told.requested_at if isinstance(told, HandoffRequested) else told.at
        self.missed.put_by(sending.place, MissedMessage(told.id, at, told.NAME, told.as_detail()))
        return _Outcome("put by", breaker.error)


def _past(record: HandoffRecord, event: Following | None) -> str | None:
    """Why nobody needs to act on it any more: it is answered, or somebody else has it."""
    if isinstance(event, HandoffAnswered):
        return None
    if record.answer is not None:
        return "answered"
    if event is None:
        # One that found nobody else left the lead where it was: whoever has it still needs to hear of it.
        first = record.handoff
        return None if (record.to, record.assignee) == (first.to, first.assignee) else "reassigned"
    moved = any(each.kind == "reassignment" for each in record.done)
    return "reassigned" if moved and event.kind == "reminder" else None
