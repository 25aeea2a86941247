"""Notifying: a handoff, what follows it and its answer go out on each channel, as long as the lead may be handed over.

Each message goes out once on each channel, by its own mark. A channel that fails again and again is not tried any more:
what it misses is put by, and goes out in order once it is back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from shared.domain.activity import IdentityKind
from shared.domain.answering import labels_of, reason_in_words
from shared.domain.events import HandoffAnswered, HandoffFollowedUp, HandoffRequested
from shared.domain.introduction import Introduction, introduce
from shared.domain.moments import SECOND, Moment
from shared.domain.notice import MessageKind, Notice, compose
from shared.domain.state import known_facts
from shared.ports.channels import Unacceptable
from shared.ports.errors import PortError, SecretMissing, Unavailable
from shared.ports.missed import ChannelKey, MissedMessage
from shared.usecases.redirect import live_record

if TYPE_CHECKING:
    from shared.domain.breaker import Breaker
    from shared.domain.brief import Brief
    from shared.domain.handoff import HandoffKey, HandoffRecord
    from shared.ports.channels import Channel
    from shared.ports.clock import Clock
    from shared.ports.handoffs import Handoffs
    from shared.ports.leads import LeadRecord, Leads
    from shared.ports.missed import Missed
    from shared.ports.queue import Queue
    from shared.usecases.rulebook import Rulebook

Announced = HandoffRequested | HandoffFollowedUp | HandoffAnswered
SideBySide = Callable[[Callable[[ChannelKey], int], Sequence[ChannelKey]], Iterable[int]]
"""Does some work for each channel and answers what came of it, in the same order."""
ANNOUNCED: Mapping[str, type[Announced]] = {
    each.NAME: each for each in (HandoffRequested, HandoffFollowedUp, HandoffAnswered)
}
"""The events of the bus of which people are told."""

DEFAULT_TEAM = "default"
"""The team that receives what names a team that is not configured."""

ELSEWHERE = "another delivery is sending it"
"""Why a channel counts as failed while somebody else's claim on it lasts: this delivery comes back and looks again."""

TELLS_EVERYTHING = "webhook"
"""The channel of other systems: it is told of everything in order, also of what people need not be told any more."""
TOLD_OF_ANSWERS = ("slack", TELLS_EVERYTHING)
"""A mail about an answer would tell the one who gave it."""

_WITH_BRIEF: Collection[MessageKind] = {"requested", "escalation", "reassignment"}
_PAGE = 25
_REACH = 100
"""Among so many of the messages behind one that fails, another is looked for that may arrive."""
_SPARE = 20 * SECOND
"""A missed message is begun only while this much time is left: a channel takes up to fourteen seconds to fail."""


class NotCommitted(Exception):
    """A handoff was announced that nobody committed: nothing is sent."""


class NobodyToTell(Exception):
    """A handoff is for a team that has none of the handoff's channels: it would be dropped in silence."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message this time. `sent` holds the microseconds from the last activity to each sending.

    All three mappings are by mark, which for the handoff itself is the channel's name. `put_by` holds the channels that
    are down, with the last error of each: the message goes out there once they are back. `refused` are those of the
    failed that will not take this message, whatever becomes of others. `unbriefed` tells that it went out without the
    whole story, and why that could not be made.
    """

    key: HandoffKey
    sent: Mapping[str, int | None] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    withheld: str | None = None
    put_by: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    unbriefed: str | None = None


class NotDelivered(Exception):
    """At least one channel did not take it; the others have it, and only the failed ones are tried again."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(
            f"{delivery.key.text}: {', '.join(f'{name} ({why})' for name, why in delivery.failed.items())}"
        )
        self.delivery = delivery


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a look at the channels that are down found: how many messages each was sent, and which are down still."""

    sent: Mapping[ChannelKey, int]
    down: Mapping[ChannelKey, str]
    waiting: int


@dataclass(frozen=True, slots=True)
class _Sending:
    """One message on one channel of one team."""

    mark: str
    to: str
    place: ChannelKey
    channel: Channel
    kind: MessageKind
    before: str | None = None


@dataclass(frozen=True, slots=True)
class _Turn:
    """How a message goes out this time, which has ended `until` then; a handoff itself was `asked_at` to.

    One that was missed goes `only` to the channel that missed it, and is `back` where others have just arrived. One
    that was `given_back` by a channel, `inside-sales/slack`, is at fault itself if it fails there.
    """

    until: Moment
    asked_at: Moment | None = None
    only: ChannelKey | None = None
    back: bool = False
    given_back: str | None = None


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
    teams: Mapping[str, Mapping[str, Channel]]
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
        return self._tell(announced, _Turn(until, _asked_at(announced), given_back=given_back))

    def recover(self, until: Moment, side_by_side: SideBySide = map) -> Recovery:
        """Try each channel that is down and whose wait is over with one message, and send it the rest if that arrives.

        Where that fails as it did before, one of another handoff is tried: if it arrives, the first one is at fault
        itself, and goes back to the queue. `side_by_side` works on the channels, at best so that none waits for
        another.

        Raises:
            Unavailable: a store cannot answer now.
        """
        waiting = self.missed.waiting()
        counts = side_by_side(lambda place: self._recovered(place, until), waiting)
        sent = {place: count for place, count in zip(waiting, counts, strict=True) if count}
        # A breaker without anything that waits was opened by somebody who died before he put his message by.
        now, still = self.clock.now(), set(self.missed.waiting())
        down = {}
        for place, breaker in self.missed.breakers().items():
            if breaker.is_open and place not in still and breaker.may_try(now):
                self.missed.close(place)
            elif breaker.is_open:
                down[place] = breaker.error
        return Recovery(sent, down, len(still))

    def _recovered(self, place: ChannelKey, until: Moment) -> int:
        """Send a channel what it missed, oldest first; answers how many messages arrived."""
        breaker = self.missed.breaker(place)
        if not breaker.may_try(self.clock.now()):
            return 0
        sent, last = 0, None
        while page := self.missed.next(place, _PAGE, last):
            for message in page:
                if until - self.clock.now() < _SPARE:
                    return sent
                outcome = self._resend(place, message, until, back=sent > 0)
                if outcome == "down":
                    if not (breaker.has_tried and self._takes_another(place, message, breaker, until)):
                        return sent
                    self._give_back(place, message)
                sent += outcome in {"sent", "down"}
                last = message
        if breaker.is_open and not self.missed.next(place, 1):
            self.missed.close(place)
        return sent

    def _takes_another(self, place: ChannelKey, failed: MissedMessage, breaker: Breaker, until: Moment) -> bool:
        """Whether a channel on which a message has just failed takes one of another handoff, each time another one.

        Then it is up, and what failed is at fault itself.
        """
        behind = self.missed.next(place, _REACH, failed)
        firsts = {_handoff_of(each): each for each in reversed(behind)}
        others = [each for each in behind if firsts[_handoff_of(each)] == each]
        others = [each for each in others if _handoff_of(each) != _handoff_of(failed)]
        if not others or until - self.clock.now() < _SPARE:
            return False
        if self._resend(place, others[breaker.failures % len(others)], until, back=False) != "sent":
            return False
        # What there is no time for now waits no longer than at first.
        self.missed.failed(place, self.clock.now(), breaker.error, again=True)
        return True

    def _resend(
        self, place: ChannelKey, message: MissedMessage, until: Moment, *, back: bool
    ) -> Literal["sent", "down", "left", "moot"]:
        """Send one message that was missed; what is done with it does not wait any more."""
        try:
            told = ANNOUNCED[message.name].model_validate(message.detail)
            delivery = self._tell(told, _Turn(until, _asked_at(told), only=place, back=back))
        except NotDelivered as error:
            if error.delivery.refused:
                return self._give_back(place, message)
            return "left" if ELSEWHERE in error.delivery.failed.values() else "down"
        except Unavailable:
            return "left"
        except Exception:  # noqa: BLE001 (whatever is wrong with one message holds up no other)
            return self._give_back(place, message)
        if delivery.put_by:
            return "down"
        self.missed.done(place, message)
        return "sent" if delivery.sent else "moot"

    def _give_back(self, place: ChannelKey, message: MissedMessage) -> Literal["left"]:
        """Let the queue have what does not go out here: it tries a few times more, and keeps it among its dead letters.

        That is what the channel refuses for what it says, what fails where others arrive, and what is for a team that
        has left the settings.
        """
        self.queue.send([{"detail-type": message.name, "detail": dict(message.detail), "given_back": place.text}])
        self.missed.done(place, message)
        return "left"

    def _tell(self, announced: Announced, turn: _Turn) -> Delivery:
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
        sendings, missing = self._sendings(record, event)
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

    # --- to whom ------------------------------------------------------------------------------------------------------

    def _sendings(
        self, record: HandoffRecord, event: HandoffFollowedUp | HandoffAnswered | None
    ) -> tuple[list[_Sending], tuple[str, ...]]:
        """Every message on every channel that an event means, and the handoff's channels that nobody configured."""
        handoff = record.handoff
        match event:
            case None:
                return self._to(record, handoff.to, handoff.notify, "requested", "")
            case HandoffAnswered():
                heard = {self._team(to): to for to in (handoff.to, *(each.to for each in record.done), record.to)}
                return [
                    sending
                    for to in heard.values()
                    for sending in self._to(record, to, self._names(record, to), "answered", "answered", needed=False)[
                        0
                    ]
                    if sending.place.channel in TOLD_OF_ANSWERS
                ], ()
            case HandoffFollowedUp(kind="reassignment"):
                name = _name(event)
                had, had_by = _had_before(record)
                same = self._team(event.to) == self._team(had)
                names = self._names(record, event.to)
                if (had, had_by) == (record.to, record.assignee):  # there is nobody else who could have it
                    return self._to(record, event.to, names, "reminder", name)
                before = had_by if same else None
                new, missing = self._to(record, event.to, names, "reassignment", name, before=before)
                if same:
                    return new, missing
                names = self._names(record, had)
                old, _ = self._to(record, had, names, "released", f"{name}.released", needed=False)
                # Whoever had it is told first, so that two people do not call at once.
                return [*old, *new], missing
            case _:
                return self._to(record, event.to, self._names(record, event.to), event.kind, _name(event))

    def _names(self, record: HandoffRecord, to: str) -> tuple[str, ...]:
        """The channels on which a team is told of what follows a handoff: the handoff's.

        Another team than the one for which it was made is told on all that it has, if it has none of them.
        """
        team, names = self._team(to), record.handoff.notify
        its = self.teams.get(team, {})
        named = not names or team == self._team(record.handoff.to) or any(name in its for name in names)
        return names if named else tuple(its)

    def _to(
        self,
        record: HandoffRecord,
        to: str,
        names: tuple[str, ...],
        kind: MessageKind,
        name: str,
        *,
        before: str | None = None,
        needed: bool = True,
    ) -> tuple[list[_Sending], tuple[str, ...]]:
        """A message on those channels of a team that are configured, and the others."""
        team = self._team(to)
        channels = self.teams.get(team, {})
        found = [each for each in names if each in channels]
        if needed and names and not found:
            msg = f"{record.key.text}: the team {to!r} has none of {', '.join(names)}"
            raise NobodyToTell(msg)
        marks = {each: f"{each}/{name}/{team}" if name else each for each in found}
        sendings = [
            _Sending(mark, to, ChannelKey(team, each), channels[each], kind, before) for each, mark in marks.items()
        ]
        return sendings, tuple(each for each in names if each not in channels)

    def _team(self, to: str) -> str:
        return to if self.teams.get(to) else DEFAULT_TEAM

    # --- whether ------------------------------------------------------------------------------------------------------

    def _allowed(self, record: HandoffRecord, event: HandoffFollowedUp | HandoffAnswered | None) -> LeadRecord | str:
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

    def _objection(
        self, key: HandoffKey, event: HandoffFollowedUp | HandoffAnswered | None, sending: _Sending
    ) -> str | None:
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

    def _notice(
        self, record: HandoffRecord, lead: LeadRecord, event: HandoffFollowedUp | HandoffAnswered | None
    ) -> Notice:
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
            name=_name(event),
        )

    def _linked(self, key: HandoffKey, notice: Notice, sending: _Sending) -> Notice:
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
        event: HandoffFollowedUp | HandoffAnswered | None,
        lead: LeadRecord,
        waiting: list[_Sending],
        turn: _Turn,
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
        event: HandoffFollowedUp | HandoffAnswered | None,
        sending: _Sending,
        notice: Notice,
        turn: _Turn,
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

    def _error(self, sending: _Sending, notice: Notice) -> Exception | None:
        """Send it; the answer is what went wrong."""
        try:
            sending.channel.send(replace(notice, kind=sending.kind, before=sending.before))
        except Exception as error:  # noqa: BLE001 (one channel failing never stops the others)
            return error
        return None

    def _put_by(
        self,
        record: HandoffRecord,
        event: HandoffFollowedUp | HandoffAnswered | None,
        sending: _Sending,
        breaker: Breaker,
        turn: _Turn,
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


def _name(event: HandoffFollowedUp | HandoffAnswered | None) -> str:
    """What tells the messages of one handoff apart: `escalation`, `answered`; empty for the handoff itself.

    It is the same when it is announced once more.
    """
    match event:
        case None:
            return ""
        case HandoffFollowedUp():
            return event.kind
        case _:
            return "answered"


def _asked_at(announced: Announced) -> Moment | None:
    return announced.requested_at if isinstance(announced, HandoffRequested) else None


def _handoff_of(message: MissedMessage) -> tuple[object, ...]:
    return tuple(message.detail.get(name) for name in ("lead", "stage", "epoch"))


def _past(record: HandoffRecord, event: HandoffFollowedUp | HandoffAnswered | None) -> str | None:
    """Why nobody needs to act on it any more: it is answered, or somebody else has it."""
    if isinstance(event, HandoffAnswered):
        return None
    if record.answer is not None:
        return "answered"
    moved = any(each.kind == "reassignment" for each in record.done)
    return "reassigned" if moved and (event is None or event.kind == "reminder") else None


def _had_before(record: HandoffRecord) -> tuple[str, str | None]:
    """The team, and of it the member, who had the handoff before it was reassigned last."""
    moves = [each for each in record.done if each.kind == "reassignment"]
    if len(moves) > 1:
        return moves[-2].to, None
    return record.handoff.to, record.handoff.assignee
