"""Follow-ups: what happens to a handoff while nobody answers it, each once.

They are planned when the handoff is committed, so that new rules change nothing about leads that were handed over
under the old ones.
"""

from __future__ import annotations

from shared.domain.handoff import FollowUp, HandoffRecord
from shared.domain.moments import Moment
from shared.domain.rulefile import HandoffRule


def planned(rule: HandoffRule, to: str, requested_at: Moment) -> tuple[FollowUp, ...]:
    """The follow-ups of a handoff to a team, in order of time; none without a deadline."""
    if rule.respond_within is None:
        return ()
    deadline = requested_at + rule.respond_within
    found = []
    if rule.remind is not None:
        found.append(FollowUp("reminder", Moment(deadline - rule.remind), to))
    if rule.escalate:
        found.append(FollowUp("escalation", Moment(deadline + rule.escalate.after), rule.escalate.to))
    if rule.reassign:
        found.append(FollowUp("reassignment", Moment(deadline + rule.reassign.after), rule.reassign.to or to))
    return tuple(found)


def waiting(record: HandoffRecord) -> tuple[FollowUp, ...]:
    """The follow-ups that have not been done, in order of time; none once somebody answered."""
    if record.answer:
        return ()
    return tuple(each for each in record.handoff.follow_ups if each not in record.done)


def next_due(record: HandoffRecord) -> Moment | None:
    """When the next follow-up is to be done."""
    return next((each.at for each in waiting(record)), None)


def come(record: HandoffRecord, now: Moment) -> tuple[FollowUp, ...]:
    """The follow-ups whose moment has come, oldest first."""
    return tuple(each for each in waiting(record) if each.at <= now)
