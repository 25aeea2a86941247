from dataclasses import replace
from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.activity import CONSENT_RECORDED, NOISE_MARKED, NOISE_UNMARKED, Claims, Rank
from shared.domain.engine import compile_rules
from shared.domain.facts import Claim, Facts, known
from shared.domain.handoff import LeadId
from shared.domain.identity import who_is_who
from shared.domain.moments import DAY, parse_moment
from shared.domain.noise import BOT, Noise, is_noise, silenced
from shared.domain.points import POINT
from shared.domain.reading import parse_rule_file
from shared.domain.state import ScoreState, known_facts
from shared.ports.errors import Conflict, Unavailable
from shared.ports.rules import RuleVersion
from shared.usecases.lead_writer import LinkRefused
from shared.usecases.redirect import live_record
from shared.usecases.rulebook import Rulebook
from shared.usecases.score import OutOfTime, Score
from tests.fakes import FixedClock, InMemoryActivities, InMemoryLeads, InMemoryRuleVersions
from tests.people import activity, browser, email, merged, unmerged, user

ADA, BOB = email("ada@engines.example"), email("bob@engines.example")
ADA_S_ID = user("u-ada")
LAPTOP = browser("laptop")

RULES = {
    "name": "test",
    "behaviour": [
        {"id": "view", "on": "page_viewed", "points": 1},
        {"id": "demo", "on": "demo_requested", "points": 25, "decay": {"half_life": "30d"}},
    ],
    "temperature": [{"name": "cold"}, {"name": "hot", "above": 20}],
}


class House:
    """The use case with its ports in memory."""

    def __init__(self, rules=RULES):
        self.log = InMemoryActivities()
        self.leads = InMemoryLeads()
        self.versions = InMemoryRuleVersions()
        self.clock = FixedClock("2026-03-02T09:00:00Z")
        self.rulebook = Rulebook(self.versions, self.clock)
        numbers = count(1)
        self.refused = []
        self.score = Score(
            self.log,
            self.leads,
            self.rulebook,
            self.clock,
            lambda: LeadId(f"lead-{next(numbers)}"),
            report=self.refused.append,
        )
        if rules:
            self.publish(rules)

    def publish(self, document, *, notify=False):
        number = self.versions.active_number() + 1
        self.versions.publish(
            RuleVersion(number, "test", "somebody", self.clock.now(), "", "0" * 64, document, "", notify)
        )

    def reaches_leads_by(self, leads):
        """Every part of scoring reaches the leads so from now on."""
        for part in (self.score, self.score._writer, self.score._settling):
            part._leads = leads

    def take(self, *activities):
        """Log the activities and deliver them in one batch; the failures."""
        self.log.append(activities)
        return self.score.apply(activities)

    def lead(self, identity):
        """The lead of an identity, or the one into which it went."""
        lead = self.leads.whose([identity]).get(identity)
        record = self.leads.load(lead) if lead else None
        while record and record.merged_into:
            record = self.leads.load(record.merged_into)
        return record

    def points(self, identity):
        record = self.lead(identity)
        return self.rulebook.version(record.rules_version).rules.score(record.state, self.clock.now()).total / POINT


@pytest.fixture
def house():
    return House()


def test_a_visitor_without_a_name_is_no_lead(house):
    house.take(activity("a1", LAPTOP))

    assert house.leads.records == {}


def test_what_a_visitor_did_before_giving_a_name_counts(house):
    house.take(activity("a1", LAPTOP))
    house.take(activity("a2", ADA, LAPTOP, type="demo_requested", at="2026-03-02T09:00:00Z"))

    assert house.points(ADA) == 26


def test_what_a_named_visitor_does_without_saying_so_counts(house):
    house.take(activity("a1", ADA, LAPTOP))
    house.take(activity("a2", LAPTOP))

    assert house.points(ADA) == 2


def test_an_activity_that_comes_twice_counts_once_and_writes_once(house):
    one = activity("a1", ADA)
    house.take(one)
    house.take(one, one)

    assert house.points(ADA) == 1
    assert house.leads.writes == 1


def test_a_batch_of_a_lead_is_one_write(house):
    house.take(*(activity(f"a{number}", ADA) for number in range(50)))

    assert house.points(ADA) == 50
    assert house.leads.writes == 1


def test_two_people_at_one_computer_stay_two(house):
    house.take(activity("a1", ADA, LAPTOP, at="2026-03-01T10:00:00Z"))
    house.take(activity("a2", LAPTOP, at="2026-03-01T11:00:00Z"))
    house.take(activity("a3", BOB, LAPTOP, at="2026-03-01T12:00:00Z"))
    house.take(activity("a4", LAPTOP, at="2026-03-01T13:00:00Z"))
    house.take(activity("a5", LAPTOP, at="2026-03-01T10:30:00Z"))

    assert house.lead(ADA).lead != house.lead(BOB).lead
    assert (house.points(ADA), house.points(BOB)) == (3, 2)


def test_an_attachment_that_arrives_late_takes_back_what_was_given_to_another(house):
    house.take(activity("a1", ADA, LAPTOP, at="2026-03-01T08:00:00Z"))
    house.take(activity("a2", LAPTOP, at="2026-03-01T11:00:00Z"))
    assert house.points(ADA) == 2

    house.take(activity("a3", BOB, LAPTOP, at="2026-03-01T10:00:00Z"))

    assert (house.points(ADA), house.points(BOB)) == (1, 2)


def test_a_trusted_source_that_names_two_known_identities_joins_their_leads(house):
    house.take(activity("a1", ADA))
    house.take(activity("a2", ADA_S_ID))
    gone = {house.lead(ADA).lead, house.lead(ADA_S_ID).lead}

    house.take(activity("a3", ADA, ADA_S_ID))

    assert house.lead(ADA).lead == house.lead(ADA_S_ID).lead
    assert house.points(ADA) == 3
    (redirect,) = gone - {house.lead(ADA).lead}
    assert house.leads.load(redirect).merged_into == house.lead(ADA).lead
    assert house.lead(ADA).absorbed == (redirect,)


def test_a_public_source_joins_nobody(house):
    house.take(activity("a1", ADA), activity("a2", ADA_S_ID))

    house.take(activity("a3", ADA, ADA_S_ID, rank=Rank.PUBLIC))

    assert house.lead(ADA).lead != house.lead(ADA_S_ID).lead
    assert (house.points(ADA), house.points(ADA_S_ID)) == (2, 1)


def test_an_activity_of_a_joined_lead_goes_where_the_lead_went(house):
    house.take(activity("a1", ADA), activity("a2", ADA_S_ID))
    before = house.lead(ADA_S_ID).lead
    house.take(activity("a3", ADA, ADA_S_ID))

    house.score.touch(before)
    house.take(activity("a4", ADA_S_ID))

    assert house.points(ADA) == 4


def test_leads_of_too_many_identities_are_not_melted_together(house):
    for number in range(2):
        many = [user(f"u-{number}-{each}") for each in range(11)]
        house.take(activity(f"a{number}", *many))

    house.take(activity("a2", user("u-0-0"), user("u-1-0")))

    assert house.lead(user("u-0-0")).lead != house.lead(user("u-1-0")).lead


def test_a_lead_of_twenty_identities_is_given_no_further_one_and_that_is_reported_once(house):
    names = [user(f"u-{number:02d}") for number in range(30)]
    house.take(activity("mail", ADA))
    for number, name in enumerate(names):
        house.take(activity(f"a{number:02d}", ADA, name, at=f"2026-03-01T10:{number:02d}:00Z"))
    house.take(activity("again", ADA, names[29], at="2026-03-01T11:00:00Z"))

    assert house.lead(ADA).identities == {ADA, *names[:19]}
    assert house.points(ADA) == 32
    assert [house.lead(name).identities for name in names[19:]] == [frozenset({name}) for name in names[19:]]
    assert house.refused == [LinkRefused(house.lead(ADA).lead, "too_many_identities")] * 11


def test_who_was_named_first_is_of_the_lead_though_it_arrives_last(house):
    names = [user(f"u-{number:02d}") for number in range(21)]
    for number, name in reversed(list(enumerate(names))):
        house.take(activity(f"a{number:02d}", ADA, name, at=f"2026-03-01T10:{number:02d}:00Z"))

    assert house.lead(ADA).identities == {ADA, *names[:19]}
    assert house.lead(names[20]).identities == {names[20]}


def test_a_lead_that_is_known_by_a_refused_link_alone_is_nothing_to_look_at(house, monkeypatch):
    monkeypatch.setattr("shared.domain.identity.MOST_IDENTITIES", 1)
    house.take(activity("a1", ADA, BOB))

    assert not house.lead(BOB).look
    house.take(activity("a2", BOB, type="mouse_moved"))
    assert house.lead(BOB).look


def test_a_mailbox_that_is_shared_by_very_many_remembers_the_first_of_them_alone(house, monkeypatch):
    monkeypatch.setattr("shared.domain.identity.MOST_REFUSED_LINKS", 5)
    for number in range(60):
        house.take(activity(f"a{number:02d}", ADA, user(f"u-{number:02d}"), at=f"2026-03-01T10:{number:02d}:00Z"))

    assert len(house.lead(ADA).ties.links) == 19 + 5


def test_a_lead_that_comes_late_to_a_kiosk_is_reported(house, monkeypatch):
    monkeypatch.setattr("shared.domain.identity.MOST_LEADS_OF_A_BROWSER", 1)
    house.take(activity("a1", ADA, LAPTOP))
    house.take(activity("a2", BOB, LAPTOP, at="2026-03-01T10:00:00Z"))

    assert house.refused == [LinkRefused(house.lead(BOB).lead, "too_many_leads_at_a_browser")]


def test_the_touch_after_a_publish_makes_the_state_again_from_the_log(house):
    house.take(activity("a1", ADA))
    house.publish({**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 7}]})
    house.clock.advance(DAY)

    house.score.touch(house.lead(ADA).lead)

    assert house.points(ADA) == 7
    assert house.lead(ADA).rules_version == 2


def test_whoever_touches_a_lead_first_after_a_publish_makes_its_state_again(house):
    house.take(activity("a1", ADA))
    house.publish({**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 7}]})
    house.clock.advance(DAY)

    house.take(activity("a2", ADA))

    assert house.points(ADA) == 14


def test_a_function_that_remembers_old_rules_does_not_write_under_them(house):
    house.take(activity("a1", ADA))
    late = House(rules=None)
    late.log, late.leads, late.versions, late.clock = house.log, house.leads, house.versions, house.clock
    late.rulebook = Rulebook(house.versions, house.clock)
    late.score = Score(house.log, house.leads, late.rulebook, house.clock, lambda: LeadId("other"))
    late.rulebook.active()
    house.publish({**RULES, "behaviour": [{"id": "view", "on": "page_viewed", "points": 7}]})
    house.rulebook.refresh()
    house.score.touch(house.lead(ADA).lead)

    late.take(activity("a2", ADA))

    assert house.lead(ADA).rules_version == 2
    assert house.points(ADA) == 14


def test_an_activity_of_no_account_gives_evaluate_nothing_to_look_at(house):
    house.take(activity("a1", ADA))
    marked = house.lead(ADA).mark

    house.take(activity("a2", ADA, type="mouse_moved", at="2026-03-02T08:00:00Z"))

    assert house.lead(ADA).state.last_activity_at == parse_moment("2026-03-02T08:00:00Z")
    assert house.lead(ADA).mark == marked
    assert not house.lead(ADA).look


@pytest.mark.parametrize(
    "claims", [Claims(lead={"role": "cto"}), Claims(consent="granted"), Claims(qualification={"need": "yes"})]
)
def test_a_new_fact_gives_evaluate_something_to_look_at(house, claims):
    house.take(activity("a1", ADA))
    marked = house.lead(ADA).mark

    house.take(activity("a2", ADA, type="identified", claims=claims, own=False))

    assert house.lead(ADA).look
    assert house.lead(ADA).mark == marked + 1


def test_the_moment_at_which_time_alone_changes_something_is_booked(house):
    house.take(activity("a1", ADA, type="demo_requested", at="2026-03-02T09:00:00Z"))

    record = house.lead(ADA)
    assert record.due > house.clock.now()
    change = house.rulebook.active().rules.next_change(record.state, house.clock.now())
    assert record.due == change.at


def test_the_booked_moment_moves_only_earlier_until_the_sweep_comes(house):
    house.take(activity("a1", ADA, type="demo_requested", at="2026-03-02T09:00:00Z"))
    booked = house.lead(ADA).due

    house.take(activity("a2", ADA, type="demo_requested", at="2026-03-02T09:00:00Z"))
    assert house.lead(ADA).due == booked

    house.clock.advance(booked - house.clock.now())
    house.score.touch(house.lead(ADA).lead)
    assert house.lead(ADA).due > booked


def test_a_lead_that_cannot_be_saved_holds_up_no_other(house):
    save = house.leads.save

    def refuse(record):
        if ADA in record.identities:
            raise Unavailable("no answer")
        save(record)

    house.leads.save = refuse

    failed = house.take(activity("a1", ADA), activity("a2", BOB))

    assert [(each.activity.id, type(each.error)) for each in failed] == [("a1", Unavailable)]
    assert house.points(BOB) == 1


def test_a_write_that_somebody_else_was_faster_with_is_decided_again(house):
    house.take(activity("a1", ADA))
    save, meanwhile = house.leads.save, iter([activity("a9", ADA)])

    def interleaved(record):
        for other in meanwhile:
            house.leads.save = save
            house.take(other)
        save(record)

    house.leads.save = interleaved
    house.take(activity("a2", ADA))

    assert house.points(ADA) == 3


def test_a_lead_that_others_keep_writing_is_given_back(house):
    def always(record):
        raise Conflict("again")

    house.leads.save = always

    (failed,) = house.take(activity("a1", ADA))
    assert isinstance(failed.error, Conflict)


def crowd(count):
    """People who use one browser, one after the other, and one who does not."""
    return [
        *(activity(f"a{number}", email(f"person-{number:03d}@x.example"), LAPTOP) for number in range(count)),
        activity("other", BOB),
    ]


def reads(house):
    """Counts what is read of the log and of the leads from now on."""
    seen = []
    for port, name in ((house.log, "under"), (house.leads, "load"), (house.leads, "attached")):
        setattr(port, name, counted(getattr(port, name), seen))
    return seen


def counted(call, seen):
    def count_and_call(*args):
        seen.append(call)
        return call(*args)

    return count_and_call


def test_a_crowd_at_one_browser_takes_no_more_than_its_first_ten(house):
    seen = reads(house)

    assert house.take(*crowd(80)) == []

    assert len(seen) < 80 * 12
    assert house.points(BOB) == 1
    assert {house.points(email(f"person-{number:03d}@x.example")) for number in range(80)} == {1}


def test_what_a_kiosk_does_alone_belongs_to_one_of_its_first_ten(house):
    house.take(*crowd(12))
    house.take(activity("alone", LAPTOP, at="2026-03-01T10:00:00Z"))

    points = [house.points(email(f"person-{number:03d}@x.example")) for number in range(12)]
    assert points == [1] * 9 + [2, 1, 1]


def test_a_lead_with_very_many_browsers_has_the_first_fifty(house):
    browsers = [browser(f"b-{number:03d}") for number in range(200)]
    seen = reads(house)

    house.take(*(activity(f"a{number}", ADA, each) for number, each in enumerate(browsers)))
    assert len(seen) < 500
    seen.clear()
    house.take(activity("one-more", ADA, browser("b-999"), at="2026-03-01T11:00:00Z"))
    assert len(seen) < 10

    house.take(activity("b0", browsers[0]), activity("b1", browsers[199]))
    assert house.points(ADA) == 202
    assert len(house.lead(ADA).browsers) == 50


def test_whose_a_browser_is_is_asked_once_in_a_batch(house):
    seen = reads(house)

    house.take(*(activity(f"a{number}", LAPTOP) for number in range(100)))

    assert len(seen) == 1


def test_what_there_is_no_time_for_is_given_back_and_done_later(house):
    left = iter([True, True, True, False])
    batch = [activity("a1", ADA), activity("a2", BOB)]
    house.log.append(batch)

    failed = house.score.apply(batch, lambda: next(left))

    assert [type(each.error) for each in failed] == [OutOfTime]
    assert house.take(*(each.activity for each in failed)) == []
    assert (house.points(ADA), house.points(BOB)) == (1, 1)


WHO = [ADA, BOB, ADA_S_ID, user("u-bob"), email("eve@engines.example")]
WHERE = [LAPTOP, browser("phone"), browser("tablet")]
TOLD = st.sampled_from(
    [
        {"type": NOISE_MARKED},
        {"type": NOISE_UNMARKED},
        {"type": CONSENT_RECORDED, "claims": Claims(consent="granted")},
        {"type": CONSENT_RECORDED, "claims": Claims(consent="denied")},
    ]
)
"""What people say of somebody beside who is who."""


@st.composite
def activities_of_few_people(draw, decided=("named",)):
    """What few people did at few browsers and moments, what they claimed, and what persons decided of them."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        moment = f"2026-03-01T09:{draw(st.integers(0, 9)):02d}:00Z"
        name = f"a{draw(st.integers(0, 99)):02d}-{number}"
        who = draw(st.lists(st.sampled_from(WHO), min_size=2, max_size=4, unique=True))
        where = draw(st.sampled_from(WHERE))
        kind = draw(st.sampled_from(["named", "named", "alone", *decided]))
        marks = draw(st.sampled_from([(), (), (), (BOT,)]))
        if kind == "alone":
            what = draw(st.sampled_from(["page_viewed", "mouse_moved"]))
            found.append(activity(name, where, at=moment, type=what, marks=marks))
        elif kind == "merged":
            found.append(merged(name, *who, at=moment))
        elif kind == "unmerged":
            cut = draw(st.integers(1, len(who) - 1))
            found.append(unmerged(name, who[:cut], who[cut:], at=moment))
        elif kind == "told":
            found.append(activity(name, who[0], at=moment, rank=Rank.SALES, own=False, **draw(TOLD)))
        else:
            rank = draw(st.sampled_from([Rank.TRUSTED, Rank.TRUSTED, Rank.PUBLIC]))
            some = who[: draw(st.sampled_from([1, 1, 2, 3]))] + draw(st.sampled_from([[], [where]]))
            claims = draw(
                st.builds(
                    Claims,
                    lead=st.sampled_from([{}, {"role": "cto"}, {"role": "ceo"}]),
                    company=st.sampled_from([{}, {"country": "NO"}, {"country": "US"}]),
                    consent=st.sampled_from([None, "granted", "denied"]),
                )
            )
            kinds = st.sampled_from(["page_viewed", "demo_requested", "mouse_moved"])
            found.append(activity(name, *some, at=moment, rank=rank, type=draw(kinds), claims=claims, marks=marks))
    return found


def arrived(activities, random, batches):
    """A house at which these activities arrived in these batches, in some order and some of them more than once.

    What it holds then is what it holds when all of them have come once more: no delivery mends what another one missed.
    """
    house = House()
    every = [*activities, *random.sample(activities, len(activities) // 4)]
    random.shuffle(every)
    waiting = iter(every)
    for size in batches:
        assert house.take(*islice(waiting, size)) == []
    assert house.take(*waiting) == []
    before = stored(house)
    assert house.take(*activities) == []
    assert stored(house) == before
    return house


def stored(house):
    """Who is one lead with whom, and the state of each."""
    records = [record for record in house.leads.records.values() if not record.merged_into]
    for lead, record in house.leads.records.items():
        # Whoever has the id of a lead that went into another one finds somebody of that lead.
        assert (found := live_record(house.leads, lead)) in records
        assert found.identities & record.identities
    for record in records:
        assert house.leads.whose(record.identities) == dict.fromkeys(record.identities, record.lead)
        assert not record.owed
        assert not record.torn
    return {record.identities: record.state for record in records}


def by_the_set(activities):
    """The same as the domain's function of the set of all activities tells it."""
    rules, who = compile_rules(parse_rule_file(RULES)), who_is_who(activities)
    its = {group: [] for group in who.people.groups}
    for each in activities:
        if lead := who.lead_of(each):
            its[lead].append(each)
    return {lead: rules.absorb(ScoreState.empty(), Noise().marked(some)) for lead, some in its.items()}


def facts_by_the_set(activities):
    """What is known of each lead, from the claims of its activities alone."""
    who, its = who_is_who(activities), {}
    for each in activities:
        if lead := who.lead_of(each):
            its.setdefault(lead, []).append(each)
    heard = {
        lead: [silenced(each) if is_noise(each) else each for each in Noise().marked(some)]
        for lead, some in its.items()
    }
    return {
        lead: known(Claim(each.occurred_at, each.id, each.rank, each.claims) for each in some)
        for lead, some in heard.items()
    }


LIMITS = {
    "usual": {},
    "two names": {"MOST_IDENTITIES": 2},
    "three names": {"MOST_IDENTITIES": 3},
    "kiosk": {"MOST_LEADS_OF_A_BROWSER": 1},
    "kiosk of two": {"MOST_LEADS_OF_A_BROWSER": 2},
    "many browsers": {"MOST_BROWSERS_OF_A_LEAD": 1},
    "everything": {"MOST_BROWSERS_OF_A_LEAD": 1, "MOST_LEADS_OF_A_BROWSER": 1, "MOST_IDENTITIES": 2},
}


@pytest.fixture(params=LIMITS, scope="module")
def limits(request):
    """The limits of what may be linked, as they are, and so narrow that a few people reach them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in LIMITS[request.param].items():
            patch.setattr(f"shared.domain.identity.{name}", limit)
        yield


DECIDED = activities_of_few_people(decided=("merged", "unmerged", "told"))
BATCHES = st.lists(st.integers(1, 5), max_size=6)


@given(activities_of_few_people(), st.randoms(), BATCHES)
def test_leads_are_what_follows_from_the_set_of_activities(limits, activities, random, batches):
    assert stored(arrived(activities, random, batches)) == by_the_set(activities)


@given(DECIDED, st.randoms(), BATCHES)
def test_what_is_known_of_a_lead_follows_from_the_set_too(limits, activities, random, batches):
    found = {who: known_facts(state) for who, state in stored(arrived(activities, random, batches)).items()}

    assert {who: facts for who, facts in found.items() if facts != Facts()} == {
        who: facts for who, facts in facts_by_the_set(activities).items() if facts != Facts()
    }


@given(DECIDED, st.randoms(), BATCHES)
def test_leads_are_what_follows_from_the_set_when_people_decide_who_is_who(limits, activities, random, batches):
    assert stored(arrived(activities, random, batches)) == by_the_set(activities)


@given(DECIDED, st.randoms())
def test_what_is_stored_is_what_the_log_gives_again(limits, activities, random):
    house = arrived(activities, random, [1] * len(activities))
    before = stored(house)

    for lead, record in house.leads.records.items():
        if not record.merged_into:
            house.leads.records[lead] = replace(record, rules_version=-1)
            house.score.touch(lead)

    assert stored(house) == before


class Died(BaseException):
    """The process is gone, wherever it was."""


class Troubled:
    """Leads at which something happens around some of the calls, in turn."""

    def __init__(self, leads, trouble, around):
        self._leads, self._trouble, self._around = leads, iter(trouble), around

    def __getattr__(self, name):
        call = getattr(self._leads, name)

        def troubled(*args, **named):
            return self._around(next(self._trouble, None), lambda: call(*args, **named), name)

        return troubled


WRITES = ("claim", "attach", "detach", "save", "join", "part")


def failing(trouble, call, name):
    """Die, or have no answer, before a write or after it."""
    if not trouble or name not in WRITES:
        return call()
    when, error = trouble
    if when == "after":
        call()
    raise error


FAILURES = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.sampled_from(["before", "after"]), st.sampled_from([Died(), Unavailable("no answer")])),
    ),
    max_size=80,
)


@given(DECIDED, st.randoms(), BATCHES, FAILURES)
def test_whoever_is_interrupted_leaves_nothing_that_delivering_again_does_not_mend(
    limits, activities, random, batches, failures
):
    shuffled, house = list(activities), House()
    random.shuffle(shuffled)
    house.log.append(activities)
    house.reaches_leads_by(Troubled(house.leads, failures, failing))
    waiting = iter(shuffled)
    for batch in [*(list(islice(waiting, size)) for size in batches), list(waiting)]:
        left = batch
        while left:
            try:
                left = [each.activity for each in house.score.apply(left)]
            except Died:
                continue

    assert stored(house) == by_the_set(activities)


def test_what_waits_in_a_batch_is_heard_before_it_is_settled_who_is_who(house):
    said = [
        merged("a7", ADA, ADA_S_ID),
        unmerged("a0", [ADA], [BOB]),
        activity("a4", ADA, ADA_S_ID),
        activity("a6", BOB, ADA_S_ID),
    ]

    assert house.take(*said) == []

    assert stored(house) == by_the_set(said)


def test_a_name_that_leaves_between_its_claim_and_its_write_is_not_taken_back(house):
    mine = [activity("a1", ADA_S_ID), activity("a2", ADA)]
    decided = unmerged("v1", [ADA], [ADA_S_ID])
    claim = house.leads.claim

    def interrupted(identity, lead, **rest):
        owner = claim(identity, lead, **rest)
        house.leads.claim = claim
        house.take(decided)
        return owner

    house.leads.claim = interrupted
    failed = house.take(*mine)
    assert house.take(*(each.activity for each in failed)) == []

    assert stored(house) == by_the_set([*mine, decided])


def test_a_name_that_leaves_before_the_record_of_its_lead_is_read_is_not_taken_back(house):
    eve = email("eve@engines.example")
    mine = [activity("a1", ADA), merged("v3", ADA, eve)]
    decided = [unmerged("v1", [ADA], [eve]), unmerged("v2", [BOB], [eve])]
    claim, waiting = house.leads.claim, iter(decided)

    def interrupted(identity, lead, **rest):
        owner = claim(identity, lead, **rest)
        if identity == eve and (one := next(waiting, None)):
            house.leads.claim = claim
            house.take(one)
            house.leads.claim = interrupted
        return owner

    house.leads.claim = interrupted
    assert house.take(*mine) == []

    assert next(waiting, None) is None
    assert stored(house) == by_the_set([*mine, *decided])


@given(DECIDED, DECIDED, st.lists(st.booleans(), max_size=200))
def test_two_at_once_come_to_what_one_after_the_other_comes_to(limits, mine, others, when):
    others = [replace(each, id=f"b{each.id}") for each in others]
    house, waiting, given_back = House(), iter(others), []
    other = Score(house.log, house.leads, Rulebook(house.versions, house.clock), house.clock, house.score._new_lead_id)

    def interrupted(now, call, name):
        if now and (one := next(waiting, None)):
            given_back.extend(each.activity for each in other.apply([one]))
        return call()

    house.log.append([*mine, *others])
    house.reaches_leads_by(Troubled(house.leads, when, interrupted))
    failed = [each.activity for each in house.score.apply(mine)]
    house.reaches_leads_by(house.leads)
    assert house.take(*failed, *given_back, *waiting) == []

    assert stored(house) == by_the_set([*mine, *others])


def test_who_is_who_is_decided_of_leads_whose_states_are_in_the_format_of_another_release(house):
    house.take(activity("a1", ADA), activity("a2", ADA_S_ID, type="demo_requested"))
    house.leads.foreign = set(house.leads.records)

    assert house.take(unmerged("u", [ADA], [ADA_S_ID], at="2026-03-01T11:00:00Z")) == []

    assert house.leads.foreign == set()
    assert [len(house.lead(each).ties.verdicts) for each in (ADA, ADA_S_ID)] == [1, 1]
    assert (house.points(ADA), house.points(ADA_S_ID) > 24) == (1, True)


def test_no_lead_is_written_under_older_rules_than_hold_when_it_is_made(house):
    """Nobody heard of these names before a person parted them."""
    assert house.take(unmerged("u", [ADA], [BOB, ADA_S_ID])) == []

    assert {lead: record.rules_version for lead, record in house.leads.records.items()} == {"lead-1": 1, "lead-2": 1}
