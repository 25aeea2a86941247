"""Everything that is held of a person, to hand it to them: what was told, what was decided and why, and what was sent.

It comes in pages, because it may be more than one answer can carry. Each page goes on exactly where the one before it
ended, whatever was taken in meanwhile: what was received after the first page is no part of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.activity import Activity, Identity, Rank
from shared.domain.consent import ConsentHistory, ConsentWord, consent_history
from shared.domain.engine import Score
from shared.domain.facts import FACT_GROUPS
from shared.domain.handoff import Answer, HandoffRecord, LeadId
from shared.domain.moments import Moment, format_moment
from shared.domain.noise import Noise, is_noise, silenced
from shared.domain.points import as_number
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.handoffs import Handoffs
from shared.ports.leads import LeadRecord, Leads
from shared.ports.rules import RuleVersions
from shared.ports.stages import Stages, StoredTransition
from shared.ports.traces import Traces
from shared.usecases.history import History, gather
from shared.usecases.noise import no_noise
from shared.usecases.redirect import find_live
from shared.usecases.rulebook import Rulebook

PAGE_BYTES = 3 * 1024 * 1024
"""A page ends with the item that reaches this size as JSON. An activity has at most 32 kB, a Lambda answers 6 MB."""

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExportPlace:
    """Where a page begins: of what was received until `as_of`, the item number `item` of the section `section`."""

    as_of: Moment
    section: int = 0
    item: int = 0


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Some of what is held of a lead: items by their section. `following` is None on the last page."""

    lead: LeadId
    as_of: Moment
    sections: Mapping[str, Sequence[Item]]
    following: ExportPlace | None


class ExportLead:
    """Reads; writes nothing."""

    def __init__(
        self,
        *,
        activities: Activities,
        leads: Leads,
        stages: Stages,
        handoffs: Handoffs,
        traces: Traces,
        versions: RuleVersions,
        rulebook: Rulebook,
        clock: Clock,
        noise: Callable[[], Noise] = no_noise,
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._stages = stages
        self._handoffs = handoffs
        self._traces = traces
        self._versions = versions
        self._rulebook = rulebook
        self._clock = clock
        self._noise = noise
        self._page_bytes = page_bytes

    def page(self, lead: LeadId, place: ExportPlace | None = None) -> ExportPage:
        """A page of what is held of a lead, or of the lead that it is part of now; the first one without a place.

        Raises:
            NotFound: there is no such lead.
        """
        record = find_live(self._leads, lead)
        place = place or ExportPlace(self._clock.now())
        sections: dict[str, list[Item]] = {}
        size = 0
        for number, (name, items) in enumerate(self._sections(record, place.as_of)):
            if number < place.section:
                continue
            page = sections.setdefault(name, [])
            start = place.item if number == place.section else 0
            for index, item in enumerate(items[start:], start=start):
                if size >= self._page_bytes:
                    return ExportPage(record.lead, place.as_of, sections, ExportPlace(place.as_of, number, index))
                page.append(item)
                size += len(json.dumps(item, default=str))
        return ExportPage(record.lead, place.as_of, sections, None)

    def _sections(self, record: LeadRecord, as_of: Moment) -> Iterator[tuple[str, list[Item]]]:
        noise = self._noise()
        history = gather(self._activities, self._leads, record.lead, record.identities, noise=noise)
        known = [each for each in history.activities if each.received_at <= as_of]
        heard = [silenced(each) if is_noise(each) else each for each in noise.marked(known)]
        active = self._rulebook.active()
        state = active.rules.replayed(heard)
        explanation = active.rules.explain(state, as_of).as_json()
        leads = (record.lead, *record.absorbed)
        consents = consent_history(heard)
        yield "person", [self._person(record, as_of, active.rules.score(state, as_of), explanation, consents)]
        yield "identities", [_identity(each) for each in sorted(record.identities, key=lambda each: each.key)]
        yield "browsers", _browsers(history)
        yield "facts", _facts(known, heard)
        yield "consents", [_consent(each, consents.holds) for each in consents.words]
        yield "points", explanation["contributions"]
        yield "decisions", [self._decision(lead, each) for lead in leads for each in self._stages.transitions(lead)]
        yield "handoffs", [self._handoff(each) for each in self._handoffs.of(leads)]
        yield "said_by_people", [_activity(each) for each in known if each.rank >= Rank.SALES]
        yield (
            "stored",
            [{"lead": lead, "item": each.name, **each.content} for lead in leads for each in self._traces.of(lead)],
        )
        yield "activities", [_activity(each) for each in known]

    def _person(
        self, record: LeadRecord, as_of: Moment, score: Score, explanation: Mapping[str, Any], consents: ConsentHistory
    ) -> Item:
        stage = self._stages.load(record.lead)
        journey = stage.journey if stage else None
        told = {name: value for name, value in explanation.items() if name != "contributions"}
        return {
            "lead": record.lead,
            "as_of": format_moment(as_of),
            "was_also": list(record.absorbed),
            "total": as_number(score.total),
            "temperature": score.temperature,
            "explanation": told,
            "stage": journey.stage if journey else None,
            "in_stage_since": _stamp(journey.entered_at) if journey else None,
            "consent": consents.holds.status if consents.holds else None,
            "consent_since": _stamp(consents.since),
        }

    def _decision(self, lead: LeadId, each: StoredTransition) -> Item:
        """A change of stage with the text of the rules by which it was decided."""
        return {
            "lead": lead,
            "number": each.number,
            "from_stage": each.from_stage,
            "to_stage": each.to_stage,
            "epoch": each.epoch,
            "at": format_moment(each.at),
            "cause": each.cause,
            "activity": each.activity_id,
            "by_rules": each.by_rules,
            "known_then": dict(each.snapshot),
            "rules": self._rules(each.rules_version, each.snapshot, (each.from_stage, each.to_stage)),
        }

    def _handoff(self, record: HandoffRecord) -> Item:
        each, answer = record.handoff, record.answer
        sent = self._handoffs.sent(each.key)
        version = each.snapshot.get("rules_version", 0)
        return {
            "lead": each.key.lead,
            "stage": each.key.stage,
            "epoch": each.key.epoch,
            "to": each.to,
            "channels": list(each.notify),
            "requested_at": format_moment(each.requested_at),
            "respond_by": _stamp(each.respond_by),
            "state": record.state,
            "now_with": record.to,
            "assignee": record.assignee,
            "followed_up": [
                {"kind": done.kind, "to": done.to, "at": format_moment(done.done_at or done.at)} for done in record.done
            ],
            "answer": answer and _answer(answer),
            "cause": each.caused_by,
            "last_activity_at": _stamp(each.last_activity_at),
            "known_then": dict(each.snapshot),
            "rules": self._rules(version, each.snapshot, (each.key.stage,)),
            "messages_sent": {channel: format_moment(at) for channel, at in sorted(sent.items())},
        }

    def _rules(self, number: int, snapshot: Mapping[str, Any], stages: Iterable[str | None]) -> Item:
        """Of a version of the rules what a decision went by: its stages, and the rules that had earned."""
        version = self._versions.get(number)
        document: Mapping[str, Any] = version.document if version else {}
        earned = {reason["rule"] for reason in snapshot.get("reasons", ())}
        names = {stage for stage in stages if stage}
        return {
            "version": number,
            "name": document.get("name"),
            "stages": [each for each in document.get("stages") or () if each.get("name") in names],
            "handoff": {name: rule for name, rule in (document.get("handoff") or {}).items() if name in names},
            "earned": [
                each for group in ("behaviour", "fit") for each in document.get(group) or () if each.get("id") in earned
            ],
        }


def _answer(answer: Answer) -> Item:
    return {
        "answer": answer.kind,
        "at": format_moment(answer.at),
        "who": answer.who,
        "reason": answer.reason,
        "note": answer.note,
        "look_again": _stamp(answer.look_again),
        "rules": list(answer.rules),
    }


def _facts(known: Iterable[Activity], heard: Iterable[Activity]) -> list[Item]:
    """Every fact that was ever told, with who told it; those that hold are marked."""
    holds: dict[tuple[str, str], tuple[int, int, str]] = {}
    for each in heard:
        for place in _told(each):
            weight = (int(each.rank), each.occurred_at, each.id)
            holds[place] = max(weight, holds.get(place, weight))
    return [
        {
            "about": about,
            "fact": name,
            "value": value,
            "holds": holds.get((about, name)) == (int(each.rank), each.occurred_at, each.id),
            "rank": each.rank.name.lower(),
            "source": each.source,
            "at": format_moment(each.occurred_at),
            "activity": each.id,
        }
        for each in known
        for (about, name), value in _told(each).items()
    ]


def _told(activity: Activity) -> dict[tuple[str, str], Any]:
    return {(about, name): value for about in FACT_GROUPS for name, value in getattr(activity.claims, about).items()}


def _consent(word: ConsentWord, holds: ConsentWord | None) -> Item:
    return {
        "consent": word.status,
        "holds": word == holds,
        "at": format_moment(word.at),
        "rank": word.rank.name.lower(),
        "source": word.source,
        "who": word.who,
        "why": word.why,
        "told_by": word.told_by,
        "wording": word.wording,
        "version": word.version,
        "activity": word.activity,
    }


def _identity(identity: Identity) -> Item:
    return {"kind": identity.kind.value, "value": identity.value}


def _browsers(history: History) -> list[Item]:
    return [
        {"anonymous_id": name, "since": format_moment(each.since), "shared": each.shared}
        for name, each in sorted(history.browsers.items())
    ]


def _activity(each: Activity) -> Item:
    """An activity whole, as the log keeps it."""
    claims = each.claims
    return {
        "id": each.id,
        "type": each.type,
        "occurred_at": format_moment(each.occurred_at),
        "received_at": format_moment(each.received_at),
        "identities": [_identity(identity) for identity in each.identities],
        "rank": each.rank.name.lower(),
        "channel": each.channel,
        "source": each.source,
        "properties": dict(each.properties),
        "context": dict(each.context),
        "says": {
            "lead": dict(claims.lead),
            "company": dict(claims.company),
            "qualification": dict(claims.qualification),
            "consent": claims.consent,
        },
        "own": each.own,
        "marks": list(each.marks),
    }


def _stamp(moment: Moment | None) -> str | None:
    return None if moment is None else format_moment(moment)
