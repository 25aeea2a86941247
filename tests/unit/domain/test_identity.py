import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import identity
from shared.domain.activity import Rank
from shared.domain.identity import (
    Attachment,
    Ties,
    attachments,
    earliest_attached,
    first_leads,
    owner,
    people,
    ties_of,
    who_is_who,
    with_attachment,
)
from shared.domain.moments import Moment, parse_moment
from tests.people import activity, browser, email, merged, unmerged, user

ADA, BOB = email("ada@engines.example"), email("bob@engines.example")
ADA_S_ID, BOB_S_ID = user("u-ada"), user("u-bob")
KIOSK = browser("b-1")


def at(hour):
    return parse_moment(f"2026-03-01T{hour:02d}:00:00Z")


def attached(*named):
    return attachments(
        [activity(f"a{hour}", who, KIOSK, at=f"2026-03-01T{hour:02d}:00:00Z") for hour, who in named], KIOSK
    )


def test_nobody_owns_what_a_browser_did_while_nobody_is_attached():
    assert owner([], at(9)) is None


def test_what_was_done_before_the_first_attachment_belongs_to_the_first():
    assert owner(attached((10, ADA), (12, BOB)), at(9)) == ADA


def test_two_people_at_one_computer_stay_two():
    timeline = attached((12, BOB), (10, ADA), (14, ADA))

    assert [owner(timeline, at(hour)) for hour in (11, 13, 15)] == [ADA, BOB, ADA]


def test_an_attachment_counts_from_its_own_moment_on():
    assert owner(attached((10, ADA), (12, BOB)), at(12)) == BOB


def test_activities_of_other_browsers_attach_nothing():
    assert attachments([activity("a1", ADA, browser("b-2")), activity("a2", ADA), activity("a3", KIOSK)], KIOSK) == []


@given(
    st.lists(st.tuples(st.integers(0, 23), st.sampled_from([ADA, BOB])), unique_by=lambda each: each[0], max_size=8),
    st.integers(0, 23),
    st.randoms(),
)
def test_the_owner_does_not_depend_on_the_order_of_arrival(named, hour, random):
    shuffled = list(named)
    random.shuffle(shuffled)

    expected = owner(attached(*named), at(hour))

    assert owner(attached(*shuffled), at(hour)) == expected
    before = [each for each in sorted(named, key=lambda each: each[0]) if each[0] <= hour]
    after = [each for each in sorted(named, key=lambda each: each[0]) if each[0] > hour]
    assert expected == (before[-1][1] if before else after[0][1] if after else None)


def named(number, *who, hour=9, minute=0, **rest):
    return activity(f"a{number}", *who, at=f"2026-03-01T{hour:02d}:{minute:02d}:00Z", **rest)


def groups(*activities):
    return set(who_is_who(activities).people.groups)


def refusals(*activities):
    return [(set(each.link.pair), each.why) for each in who_is_who(activities).people.refused]


def test_known_identities_that_a_trusted_source_names_together_are_one_lead():
    assert groups(named(1, ADA, ADA_S_ID), named(2, ADA_S_ID, BOB_S_ID)) == {frozenset({ADA, ADA_S_ID, BOB_S_ID})}


def test_a_public_source_makes_one_lead_of_nobody():
    assert groups(named(1, ADA, ADA_S_ID, rank=Rank.PUBLIC), named(2, ADA_S_ID)) == {
        frozenset({ADA}),
        frozenset({ADA_S_ID}),
    }


def test_the_first_twenty_names_of_a_shared_mailbox_are_one_lead_and_the_others_are_refused():
    employees = [user(f"u-{number:02d}") for number in range(30)]
    activities = [named(number, ADA, each, minute=number) for number, each in enumerate(employees)]

    found = groups(*reversed(activities))

    assert frozenset({ADA, *employees[:19]}) in found
    assert {frozenset({each}) for each in employees[19:]} < found
    assert refusals(*activities) == [({ADA, each}, "too_many_identities") for each in employees[19:]]


def test_an_activity_whose_link_is_refused_belongs_to_its_strongest_identity():
    employees = [user(f"u-{number:02d}") for number in range(20)]
    activities = [named(number, ADA, each, minute=number) for number, each in enumerate(employees)]

    who = who_is_who(activities)
    assert who.lead_of(activities[-1]) == who.lead_of(activities[0])


def test_what_a_person_unmerged_no_later_activity_joins_again():
    together = named(1, ADA, BOB)
    apart = unmerged("v1", [ADA], [BOB], at="2026-03-01T10:00:00Z")

    assert groups(together, apart, named(2, ADA, BOB, hour=11)) == {frozenset({ADA}), frozenset({BOB})}
    assert refusals(together, apart) == [({ADA, BOB}, "not_same")]


def test_a_merge_by_hand_undoes_an_unmerge_and_an_unmerge_a_merge():
    apart, again = unmerged("v1", [ADA], [BOB], at="2026-03-01T10:00:00Z"), merged("v2", ADA, BOB)
    later = merged("v2", ADA, BOB, at="2026-03-01T11:00:00Z")

    assert groups(named(1, ADA), named(2, BOB), apart, later) == {frozenset({ADA, BOB})}
    assert groups(named(1, ADA), named(2, BOB), apart, again) == {frozenset({ADA}), frozenset({BOB})}


def test_a_third_identity_stays_with_the_side_to_which_it_was_linked_first():
    apart = unmerged("v1", [ADA], [BOB], at="2026-03-01T12:00:00Z")
    first, second = named(1, ADA, ADA_S_ID, hour=10), named(2, BOB, ADA_S_ID, hour=11)

    assert groups(second, first, apart) == {frozenset({ADA, ADA_S_ID}), frozenset({BOB})}
    assert refusals(second, first, apart) == [({BOB, ADA_S_ID}, "not_same")]


def test_an_unmerge_leaves_exactly_its_two_parts_whatever_had_held_them_together():
    star = [named(number, ADA, each) for number, each in enumerate([BOB, ADA_S_ID, BOB_S_ID])]

    assert groups(*star, unmerged("v1", [ADA, ADA_S_ID], [BOB, BOB_S_ID])) == {
        frozenset({ADA, ADA_S_ID}),
        frozenset({BOB, BOB_S_ID}),
    }


def test_only_a_signed_in_person_decides_who_is_who():
    assert groups(unmerged("v1", [ADA], [BOB], rank=Rank.TRUSTED)) == {frozenset({ADA, BOB})}


def test_a_lead_that_comes_late_to_a_kiosk_gets_nothing_of_what_it_does_alone(monkeypatch):
    monkeypatch.setattr(identity, "MOST_LEADS_OF_A_BROWSER", 1)
    first, late, alone = named(1, ADA, KIOSK), named(2, BOB, KIOSK, hour=10), named(3, KIOSK, hour=11)

    who = who_is_who([alone, late, first])

    assert who.lead_of(alone) == frozenset({ADA})
    assert who.kiosks == {KIOSK}


def test_a_lead_takes_one_place_at_a_kiosk_however_many_names_it_has(monkeypatch):
    monkeypatch.setattr(identity, "MOST_LEADS_OF_A_BROWSER", 2)
    activities = [named(1, ADA, KIOSK), named(2, ADA_S_ID, KIOSK, hour=10), named(3, ADA, ADA_S_ID)]
    late, alone = named(4, BOB, KIOSK, hour=11), named(5, KIOSK, hour=12)

    assert who_is_who([*activities, late, alone]).lead_of(alone) == frozenset({BOB})


def test_a_place_at_a_kiosk_goes_to_the_next_when_the_browser_is_not_among_the_first_of_a_lead(monkeypatch):
    monkeypatch.setattr(identity, "MOST_LEADS_OF_A_BROWSER", 1)
    monkeypatch.setattr(identity, "MOST_BROWSERS_OF_A_LEAD", 1)
    activities = [named(1, ADA, KIOSK, hour=9), named(2, BOB, KIOSK, hour=10), named(3, ADA, browser("own"), hour=8)]
    alone = named(4, KIOSK, hour=9, minute=30)

    assert who_is_who([*activities, alone]).lead_of(alone) == frozenset({BOB})


KNOWN = [email(f"{letter}@x.example") for letter in "abc"] + [user(f"u-{letter}") for letter in "defg"]
BROWSERS = [browser("b-1"), browser("b-2"), browser("b-3")]


@st.composite
def sets_of_activities(draw):
    """Activities of few people at few browsers, at few moments, and what persons decided of them."""
    found = []
    for number in range(draw(st.integers(0, 14))):
        moment = f"2026-03-01T09:{draw(st.integers(0, 9)):02d}:00Z"
        name = f"a{draw(st.integers(0, 99)):02d}-{number}"
        kind = draw(st.sampled_from(["named", "named", "named", "alone", "merged", "unmerged"]))
        who = draw(st.lists(st.sampled_from(KNOWN), min_size=2, max_size=4, unique=True))
        where = draw(st.sampled_from(BROWSERS))
        if kind == "alone":
            found.append(activity(name, where, at=moment))
        elif kind == "merged":
            found.append(merged(name, *who, at=moment))
        elif kind == "unmerged":
            cut = draw(st.integers(1, len(who) - 1))
            found.append(unmerged(name, who[:cut], who[cut:], at=moment))
        else:
            rank = draw(st.sampled_from([Rank.TRUSTED, Rank.TRUSTED, Rank.PUBLIC]))
            some = who[: draw(st.integers(1, 3))] + draw(st.sampled_from([[], [where]]))
            found.append(activity(name, *some, at=moment, rank=rank))
    return found


@pytest.fixture(params=["usual", "narrow"], scope="module")
def limits(request):
    """The limits as they are, and so narrow that a few people reach them."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "narrow":
            patch.setattr(identity, "MOST_IDENTITIES", 3)
            patch.setattr(identity, "MOST_LEADS_OF_A_BROWSER", 2)
            patch.setattr(identity, "MOST_BROWSERS_OF_A_LEAD", 2)
        yield


def told(who, activities):
    return [who.lead_of(each) for each in activities], who.people, who.kiosks


@given(sets_of_activities(), st.randoms())
def test_who_is_who_depends_on_the_set_alone(limits, activities, random):
    shuffled = [*activities, *random.choices(activities, k=len(activities))] if activities else []
    random.shuffle(shuffled)

    assert told(who_is_who(shuffled), activities) == told(who_is_who(activities), activities)


@given(sets_of_activities(), st.lists(st.integers(1, 5), max_size=6))
def test_what_is_said_of_who_is_who_may_come_in_any_batches(limits, activities, sizes):
    ties, rest = Ties(), list(activities)
    for size in sizes:
        batch, rest = rest[:size], rest[size:]
        ties = ties_of(batch) | ties
    whole = ties_of(activities)

    assert ties | ties_of(rest) == whole


@given(sets_of_activities())
def test_who_is_who_is_what_a_plain_walk_through_all_activities_finds(limits, activities):
    assert [who_is_who(activities).lead_of(each) for each in activities] == by_plain_walk(activities)


@given(sets_of_activities())
def test_no_lead_has_too_many_identities_or_two_that_are_not_the_same(limits, activities):
    ties = ties_of(activities)
    for group in people(ties).groups:
        assert len(group) <= identity.MOST_IDENTITIES
        assert not any(pair <= group for pair in ties.not_same)


@given(sets_of_activities())
def test_a_lead_decides_by_what_it_remembers_alone_whether_one_more_link_is_refused(limits, activities):
    *others, last = activities or [activity("a", ADA)]
    said, names = ties_of(others), set(last.known_identities)
    before = people(said, KNOWN).groups
    near = {each for group in before if group & names for each in group} | names
    local = people((said | ties_of([last])).among(near), near).groups

    if all(any(old <= new for new in local) for old in before if old & near):
        far = {group for group in before if not group & near}
        assert people(said | ties_of([last]), {*KNOWN, *names}).groups == local | far


def by_plain_walk(activities):
    """Whose each activity is, found as slowly and plainly as can be."""
    known = [each for each in activities if each.known_identities]
    leads = plain_leads(known, plain_verdicts(known))
    return [plain_lead_of(plain_owner(each, known, leads), leads) for each in activities]


def plain_verdicts(known):
    standing = {}
    for each in sorted((one for one in known if one.rank is Rank.SALES), key=moment_of):
        side = set(each.properties.get("apart", ()))
        for one in each.known_identities:
            for two in each.known_identities:
                standing[one, two] = (one.key in side) == (two.key in side)
    return standing


def plain_leads(known, standing):
    said = []
    for each in known:
        names = each.known_identities[:1] if each.rank is Rank.PUBLIC else each.known_identities
        side = set(each.properties.get("apart", ())) if each.rank is Rank.SALES else set()
        for part in ([one for one in names if one.key in side], [one for one in names if one.key not in side]):
            said += [(moment_of(each), part[0], one) for one in part]
    leads = []
    for _, one, two in sorted(said, key=lambda link: (link[0], link[1].key, link[2].key)):
        for each in (one, two):
            if not plain_lead_of(each, leads):
                leads.append({each})
        joined = set().union(*(lead for lead in leads if one in lead or two in lead))
        if len(joined) <= identity.MOST_IDENTITIES and all(standing.get((a, b), True) for a in joined for b in joined):
            leads = [*(lead for lead in leads if not lead & joined), joined]
    return leads


def plain_lead_of(one, leads):
    return next((frozenset(lead) for lead in leads if one in lead), None)


def plain_first_browsers(lead, known):
    found = {}
    for each in known:
        if each.anonymous_id and each.identity in lead:
            this = (each.occurred_at, each.identity.key)
            found[each.anonymous_id] = min(found.get(each.anonymous_id, this), this)
    counting = sorted(found, key=lambda one: (found[one][0], one.key))[: identity.MOST_BROWSERS_OF_A_LEAD]
    return {one: found[one] for one in counting}


def plain_owner(activity, known, leads):
    if activity.known_identities:
        return activity.identity
    where = activity.identity
    at_it = [(first[where], lead) for lead in leads if where in (first := plain_first_browsers(lead, known))]
    at_it.sort(key=lambda each: each[0])
    staying = set().union(*(lead for _, lead in at_it[: identity.MOST_LEADS_OF_A_BROWSER]))
    named_it = [each for each in known if each.anonymous_id == where and each.identity in staying]
    named_it.sort(key=lambda each: (*moment_of(each), each.identity.key))
    before = [each for each in named_it if each.occurred_at <= activity.occurred_at]
    return (before[-1] if before else named_it[0]).identity if named_it else None


def moment_of(each):
    return each.occurred_at, each.id


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30), st.randoms())
def test_the_names_kept_with_a_browser_are_enough_to_know_its_first_leads(limits, named_at, random):
    """Each lead has at most as many names as a lead may have."""
    names = [user(f"u-{number:02d}") for number in range(len(named_at))]
    lead_of, counts = {}, {}
    for name, (lead, _) in zip(names, named_at, strict=True):
        if counts.get(lead, 0) < identity.MOST_IDENTITIES:
            counts[lead], lead_of[name] = counts.get(lead, 0) + 1, lead
    attached = {name: Moment(at) for name, (_, at) in zip(names, named_at, strict=True) if name in lead_of}
    kept, order = {}, list(attached)
    random.shuffle(order)
    for name in order:
        kept = earliest_attached({**kept, name: attached[name]})

    def whose(some):
        return {each: lead_of[each] for each in some}

    assert first_leads(kept, whose) == first_leads(attached, whose)


def test_a_name_stays_with_a_browser_since_it_first_was_whichever_attachment_comes_first():
    early, late = (Attachment(at(hour), f"x{hour}", ADA) for hour in (9, 10))
    for order in ((early, late), (late, early)):
        kept = {BOB: at(8)}
        for one in order:
            kept = with_attachment(kept, one)
        assert kept == {BOB: at(8), ADA: at(9)}
