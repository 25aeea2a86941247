from hypothesis import given
from hypothesis import strategies as st

from shared.domain.identity import attachments, owner
from shared.domain.moments import parse_moment
from tests.people import activity, browser, email

ADA, BOB = email("ada@engines.example"), email("bob@engines.example")
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
