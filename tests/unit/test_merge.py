"""Saying who is who by hand, and what becomes of the leads."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.activity import Claims
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR
from shared.domain.people import Person, Role
from shared.domain.points import POINT
from shared.domain.refusals import Invalid, NotFound
from shared.domain.state import known_facts
from shared.ports.activities import ActivityKey
from shared.usecases.merge import ForeseeWhoIsWho, RuleWhoIsWho, Ruling
from shared.usecases.redirect import live_record
from shared.usecases.sayings import SaidOtherwise
from tests.people import activity, browser, email, user
from tests.unit.test_score import ADA, ADA_S_ID, BOB, LAPTOP, House, stored

MIA = Person("id-mia", "Mia", frozenset({Role.ADMIN}))
BOB_S_ID = user("u-bob")


class Office(House):
    """A house where people decide who is who, an hour after what was before."""

    def __init__(self):
        super().__init__()
        self.rulings = RuleWhoIsWho(self.log, self.leads, self.clock)
        self.foreseen = ForeseeWhoIsWho(self.log, self.leads, self.rulebook, self.clock)

    def merge(self, one, two, name="1"):
        self.clock.advance(HOUR)
        ruled = self.rulings.merge(self.lead(one).lead, self.lead(two).lead, Ruling(name, MIA, "the same person"))
        self.apply(ruled.activity)

    def unmerge(self, *leaving, name="2"):
        self.clock.advance(HOUR)
        ruled = self.rulings.unmerge(self.lead(leaving[0]).lead, leaving, Ruling(name, MIA, "a shared mailbox"))
        self.apply(ruled.activity)

    def apply(self, ruled):
        """Apply what the log has, as its stream does."""
        logged = self.log.at(ActivityKey(ruled.identity, ruled.id))
        assert logged
        assert self.score.apply([logged]) == []


@pytest.fixture
def office():
    return Office()


def consent(office, identity):
    return known_facts(office.lead(identity).state).consent


TWO_PEOPLE = [
    activity("a1", ADA, ADA_S_ID, LAPTOP, at="2026-03-01T09:00:00Z", claims=Claims(consent="granted")),
    activity("a2", BOB, BOB_S_ID, LAPTOP, at="2026-03-01T10:00:00Z", claims=Claims(consent="denied")),
    activity("a3", LAPTOP, at="2026-03-01T09:30:00Z"),
    activity("a4", BOB_S_ID, browser("phone")),
]


def test_two_leads_that_a_person_merges_are_one(office):
    office.take(*TWO_PEOPLE)

    office.merge(ADA, BOB)

    assert office.lead(ADA).lead == office.lead(BOB_S_ID).lead
    assert office.points(ADA) == 4
    assert consent(office, ADA) == "denied"


def test_what_is_foreseen_is_what_becomes_of_them(office):
    office.take(*TWO_PEOPLE)
    one, two = office.lead(ADA).lead, office.lead(BOB).lead
    foreseen = office.foreseen.merge(one, two)

    office.merge(ADA, BOB)

    assert (foreseen.score.total, foreseen.consent) == (office.points(ADA) * POINT, "denied")
    assert set(foreseen.identities) == office.lead(ADA).identities

    left, gone = office.foreseen.unmerge(office.lead(ADA).lead, [BOB, BOB_S_ID])
    office.unmerge(BOB, BOB_S_ID)

    for part, whose in ((left, ADA), (gone, BOB)):
        assert (part.score.total, part.consent) == (office.points(whose) * POINT, consent(office, whose))
        assert set(part.identities) == office.lead(whose).identities


def test_looking_ahead_changes_nothing_and_refuses_what_a_ruling_refuses(office):
    office.take(*TWO_PEOPLE)
    lead = office.lead(ADA).lead

    office.foreseen.merge(lead, office.lead(BOB).lead)
    for leaving in ([], [BOB], [ADA, ADA_S_ID]):
        with pytest.raises(Invalid):
            office.foreseen.unmerge(lead, leaving)
    with pytest.raises(NotFound):
        office.foreseen.merge(lead, LeadId("x"))

    assert len(office.log) == len(TWO_PEOPLE)


def test_an_unmerge_gives_each_its_scores_facts_and_consent_back_and_its_old_lead(office):
    office.take(*TWO_PEOPLE)
    before = {each: office.lead(each) for each in (ADA, BOB)}

    office.merge(ADA, BOB)
    office.unmerge(BOB, BOB_S_ID)

    for each, record in before.items():
        now = office.lead(each)
        assert (now.lead, now.identities, now.state) == (record.lead, record.identities, record.state)
    assert (consent(office, ADA), consent(office, BOB)) == ("granted", "denied")


def test_leads_that_an_activity_joined_wrongly_are_parted_for_good(office):
    office.take(*TWO_PEOPLE)
    apart = {each: office.lead(each).state for each in (ADA, BOB)}
    office.take(activity("wrong", ADA, BOB, at="2026-03-01T11:00:00Z", type="mouse_moved"))
    assert office.lead(ADA).lead == office.lead(BOB).lead

    office.unmerge(BOB, BOB_S_ID)
    office.take(activity("again", ADA, BOB, at="2026-03-02T11:00:00Z", type="mouse_moved"))

    assert office.lead(ADA).lead != office.lead(BOB).lead
    assert {each: office.lead(each).state.entries for each in (ADA, BOB)} == {
        each: state.entries for each, state in apart.items()
    }


def test_what_was_parted_can_be_merged_again(office):
    office.take(*TWO_PEOPLE)
    office.merge(ADA, BOB)
    office.unmerge(BOB, BOB_S_ID)

    office.merge(ADA, BOB, name="3")

    assert office.points(BOB) == 4


def test_identities_that_were_never_a_lead_of_their_own_become_a_new_one(office):
    office.take(activity("a1", ADA, ADA_S_ID), activity("a2", ADA_S_ID))
    before = office.lead(ADA).lead

    office.unmerge(ADA_S_ID)

    assert office.lead(ADA).lead == before
    assert office.lead(ADA_S_ID).lead != before
    assert (office.points(ADA), office.points(ADA_S_ID)) == (1, 1)


LETTERS = "abcdef"
NAMES = {letter: email(f"{letter}@engines.example") for letter in LETTERS}
RULINGS = st.lists(
    st.tuples(st.sampled_from(["merge", "unmerge"]), st.sets(st.sampled_from(LETTERS), min_size=2, max_size=4)),
    max_size=10,
)


@example([("merge", {"a", "b"}), ("merge", {"a", "c"}), ("unmerge", {"b", "c"})])
@example([("merge", {"b", "c"}), ("merge", {"a", "b"}), ("unmerge", {"b"})])
@example([("merge", {"b", "c"}), ("merge", {"a", "b"}), ("unmerge", {"c"})])
@given(RULINGS)
def test_whatever_is_merged_and_parted_the_id_of_each_leads_to_where_it_is(rulings):
    office = Office()
    for letter, name in NAMES.items():
        claims = Claims(consent="granted") if letter in "ace" else Claims(lead={"name": letter})
        office.take(
            activity(f"x-{letter}", name, browser(letter), claims=claims), activity(f"y-{letter}", LAPTOP, name)
        )
    ids = {name: office.lead(name).lead for name in NAMES.values()}
    alone = {name: (office.lead(name).state, office.lead(name).browsers) for name in NAMES.values()}

    for number, (kind, letters) in enumerate(rulings):
        names = [NAMES[letter] for letter in sorted(letters)]
        one, two = names[0], names[-1]
        if kind == "merge":
            office.merge(one, two, name=str(number))
        elif (leaving := office.lead(one).identities.intersection(names)) != office.lead(one).identities:
            office.unmerge(*leaving, name=str(number))
        for name, lead in ids.items():
            assert live_record(office.leads, lead) == office.lead(name)

    assert stored(office).keys() == {office.lead(name).identities for name in ids}
    for name, as_ever in alone.items():
        record = office.lead(name)
        if record.identities == {name}:
            assert (record.lead, record.state, record.browsers) == (ids[name], *as_ever)


def test_leads_that_were_joined_by_another_release_are_parted_each_to_its_own_id(office):
    one, two, three = (NAMES[letter] for letter in "abc")
    office.take(*(activity(f"x-{name.key}", name) for name in (one, two, three)))
    ids = {name: office.lead(name).lead for name in (one, two, three)}
    office.merge(two, three, name="1")
    office.merge(one, two, name="2")
    office.leads.foreign.update((ids[two], ids[three]))

    office.unmerge(two, name="3")
    office.unmerge(three, name="4")

    assert {name: office.lead(name).lead for name in ids} == ids


def test_a_ruling_that_comes_twice_is_one(office):
    office.take(*TWO_PEOPLE)
    one, two = office.lead(ADA).lead, office.lead(BOB).lead
    office.merge(ADA, BOB)
    before = office.lead(ADA)

    office.clock.advance(HOUR)
    again = office.rulings.merge(one, two, Ruling("1", MIA, "the same person"))

    assert again.activity == office.log.at(ActivityKey(again.activity.identity, again.activity.id))
    office.apply(again.activity)
    assert office.lead(ADA) == before


def test_who_was_parted_is_parted_again_under_the_same_id_and_nobody_else_is(office):
    office.take(*TWO_PEOPLE, activity("a5", ADA, user("u-third")))
    office.merge(ADA, BOB)
    lead = office.lead(ADA).lead
    office.unmerge(BOB, BOB_S_ID)
    before, logged = office.lead(BOB), len(office.log)

    again = office.rulings.unmerge(lead, [BOB, BOB_S_ID], Ruling("2", MIA, "a shared mailbox"))
    assert office.log.at(ActivityKey(again.activity.identity, again.activity.id)) == again.activity
    with pytest.raises(SaidOtherwise):
        office.rulings.unmerge(lead, [ADA_S_ID], Ruling("2", MIA, "a shared mailbox"))
    assert (len(office.log), office.lead(BOB)) == (logged, before)


def test_whom_nobody_knows_is_not_merged(office):
    with pytest.raises(NotFound):
        office.rulings.merge(LeadId("x"), LeadId("y"), Ruling("1", MIA, ""))


@pytest.mark.parametrize("leaving", [[], [BOB], [ADA, BOB], [ADA, ADA_S_ID]])
def test_only_some_identities_of_a_lead_leave_it(office, leaving):
    office.take(activity("a1", ADA, ADA_S_ID))

    with pytest.raises(Invalid):
        office.rulings.unmerge(office.lead(ADA).lead, leaving, Ruling("1", MIA, ""))
    assert len(office.log) == 1


def test_leads_of_too_many_identities_are_not_merged(office):
    office.take(activity("a1", *(user(f"u-{number}") for number in range(11))))
    office.take(activity("a2", *(user(f"v-{number}") for number in range(10))))

    with pytest.raises(Invalid, match="21"):
        office.rulings.merge(office.lead(user("u-1")).lead, office.lead(user("v-1")).lead, Ruling("1", MIA, ""))
