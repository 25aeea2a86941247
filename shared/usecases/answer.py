"""Answer a handoff: sales keeps the lead, refuses it, or gives it back to be nurtured. Once, whoever is faster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.activity import (
    HANDOFF_ACCEPTED,
    HANDOFF_RECYCLED,
    HANDOFF_REJECTED,
    Identity,
    IdentityKind,
    strongest_first,
)
from shared.domain.events import HandoffAnswered
from shared.domain.handoff import Answer, AnswerKind, HandoffKey, HandoffRecord, LeadId
from shared.domain.moments import DAY, Moment, format_moment
from shared.domain.people import Person
from shared.domain.refusals import Invalid, NotFound
from shared.domain.rulefile import Answers as Reasons
from shared.domain.rulefile import RuleFile
from shared.ports.bus import Event
from shared.ports.clock import Clock
from shared.ports.handoffs import Answers, Handoffs
from shared.ports.leads import LeadRecord, Leads
from shared.usecases.redirect import find_live, live_record
from shared.usecases.rulebook import Rulebook
from shared.usecases.sayings import request_digest, said_by

LONGEST_NOTE = 2000
"""Characters of a note."""

LATEST_LOOK = 730 * DAY
"""How far ahead a recycled lead may be looked at again: two years."""

_TYPES: Mapping[AnswerKind, str] = {
    "accepted": HANDOFF_ACCEPTED,
    "rejected": HANDOFF_REJECTED,
    "recycled": HANDOFF_RECYCLED,
}


@dataclass(frozen=True, slots=True)
class AnswerTold:
    """What sales says. `look_again` is the moment from which a recycled lead may be handed over again.

    The same again, under the same `id` of the same person, is the same answer; anything else is a second one.
    """

    id: str
    kind: AnswerKind
    reason: str | None = None
    note: str = ""
    look_again: Moment | None = None


class AnswerHandoff:
    """Writes answers, each with its activity and its event."""

    def __init__(self, *, handoffs: Handoffs, answers: Answers, leads: Leads, rulebook: Rulebook, clock: Clock) -> None:
        self._handoffs = handoffs
        self._answers = answers
        self._leads = leads
        self._rulebook = rulebook
        self._clock = clock

    def rule_file(self) -> RuleFile:
        """The active rules, which list the reasons to choose from."""
        return self._rulebook.active().rule_file

    def answer(self, key: HandoffKey, told: AnswerTold, person: Person) -> HandoffRecord:
        """Answer a handoff, under its own key or that of the lead of which it is part now; answers how it stands then.

        Raises:
            NotFound: there is no such handoff.
            Invalid: the reason is none of those that the active rules list, or something does not belong together.
            AlreadyAnswered: somebody else was faster; the error tells who.
        """
        record = find_handoff(self._handoffs, self._leads, key)
        now = self._clock.now()
        if record.answer is None:
            # Of an answered one only its repetition is taken, whatever the rules list by now.
            check_answer(told, self.rule_file().answers, now)
        lead = find_live(self._leads, record.key.lead)
        answer = Answer(
            kind=told.kind,
            at=now,
            who=person.name,
            reason=told.reason,
            note=told.note.strip(),
            look_again=told.look_again,
            rules=fired_rules(record),
        )
        look_again = format_moment(told.look_again) if told.look_again is not None else ""
        # A page's forms share an id: whoever goes back and answers otherwise is told of the first answer.
        said = (told.kind, told.reason or "", look_again, answer.note)
        activity = said_by(
            person,
            now,
            id=f"answer-{request_digest(record.key.text, person.id, told.id, *said)}",
            type=_TYPES[told.kind],
            identities=self._names(record.key.lead, lead)[:1],
            why=answer.note,
            properties={
                "stage": record.key.stage,
                "epoch": record.key.epoch,
                **({"reason": told.reason} if told.reason else {}),
                **({"note": answer.note} if answer.note else {}),
                **({"look_again": look_again} if look_again else {}),
                "rules": list(answer.rules),
            },
        )
        self._answers.answer(record.key, answer, activity, _event(record.key, answer))
        return self._handoffs.record(record.key) or record

    def _names(self, handed_over: LeadId, lead: LeadRecord) -> tuple[Identity, ...]:
        """The names of whom an answer is about, the strongest first: should the leads be parted, it goes with them."""
        known = {each for each in lead.identities if each.kind is not IdentityKind.ANONYMOUS_ID}
        if handed_over == lead.lead:
            own = known.difference(*map(self._identities, lead.absorbed))
        else:
            own = known & self._identities(handed_over)
        return strongest_first(tuple(own or lead.identities))

    def _identities(self, lead: LeadId) -> frozenset[Identity]:
        """By which a lead is known, or was before it was joined to another."""
        record = self._leads.load(lead)
        return record.identities if record else frozenset()


def find_handoff(handoffs: Handoffs, leads: Leads, key: HandoffKey) -> HandoffRecord:
    """The handoff of a key. Of a lead that others were joined to, theirs are found under its id too.

    Raises:
        NotFound: there is no such handoff.
    """
    record = handoffs.record(key)
    if record is None:
        lead = live_record(leads, key.lead)
        theirs = handoffs.of([lead.lead, *lead.absorbed]) if lead else []
        fitting = [each for each in theirs if (each.key.stage, each.key.epoch) == (key.stage, key.epoch)]
        record = fitting[-1] if fitting else None
    if record is None:
        msg = "there is no such handoff"
        raise NotFound(msg)
    return record


def fired_rules(record: HandoffRecord) -> tuple[str, ...]:
    """The ids of the rules that counted when the lead was handed over, the greatest first."""
    return tuple(dict.fromkeys(str(reason["rule"]) for reason in record.handoff.snapshot.get("reasons", ())))


def check_answer(told: AnswerTold, reasons: Reasons, now: Moment) -> None:
    """Check an answer at a moment against the reasons that the rules list.

    Raises:
        Invalid: the reason is missing or unknown, the note too long, or the moment to look again out of reach.
    """
    listed = {"accepted": (), "rejected": reasons.reject, "recycled": reasons.recycle}[told.kind]
    names = [each.name for each in listed]
    if not listed and told.reason is not None:
        msg = "a lead is accepted without a reason; write what there is to say in the note"
        raise Invalid(msg, "reason")
    if listed and told.reason not in names:
        given = f"there is no reason {told.reason!r}; a" if told.reason else "a"
        msg = f"{given} lead is {told.kind} for one of {', '.join(names)}"
        raise Invalid(msg, "reason", reasons=names)
    if len(told.note) > LONGEST_NOTE:
        msg = f"a note has at most {LONGEST_NOTE} characters"
        raise Invalid(msg, "note")
    if told.look_again is None:
        return
    if told.kind != "recycled":
        msg = "only a recycled lead is looked at again"
        raise Invalid(msg, "look_again")
    if not now <= told.look_again <= now + LATEST_LOOK:
        msg = "a lead is looked at again at a moment to come, within two years"
        raise Invalid(msg, "look_again")


def _event(key: HandoffKey, answer: Answer) -> Event:
    said = HandoffAnswered(
        id=f"{key.text}.answered",
        lead=key.lead,
        stage=key.stage,
        epoch=key.epoch,
        answer=answer.kind,
        reason=answer.reason,
        look_again=answer.look_again,
        at=answer.at,
    )
    return Event(id=said.id, name=said.NAME, detail=said.as_detail())
