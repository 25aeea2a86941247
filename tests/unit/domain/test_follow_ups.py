from dataclasses import replace

from shared.domain import follow_ups
from shared.domain.handoff import Answer, FollowUp, Handoff, HandoffKey, HandoffRecord, LeadId
from tests.unit.domain.leads import moment

STEPS = (FollowUp("reminder", moment(2), "inside"), FollowUp("escalation", moment(3), "heads"))
HANDOFF = Handoff(HandoffKey(LeadId("lead-1"), "mql", 1), "inside", (), moment(1), moment(3), "", None, {}, None, STEPS)
OPEN = HandoffRecord(HANDOFF, "inside")


def test_what_has_come_and_what_comes_next_are_told_in_order_of_time():
    assert follow_ups.come(OPEN, moment(2)) == STEPS[:1]
    assert follow_ups.come(OPEN, moment(9)) == STEPS
    assert follow_ups.next_due(replace(OPEN, done=STEPS[:1])) == moment(3)
    assert follow_ups.next_due(replace(OPEN, done=STEPS)) is None


def test_once_somebody_answered_nothing_waits():
    answered = replace(OPEN, answer=Answer("accepted", moment(1), "ines"))
    assert follow_ups.come(answered, moment(9)) == ()
    assert follow_ups.next_due(answered) is None
