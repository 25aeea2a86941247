"""Which word on consent holds, since when, and who said it."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.activity import Claims, Rank
from shared.domain.consent import consent_history
from shared.domain.engine import compile_rules
from shared.domain.moments import parse_moment
from shared.domain.reading import parse_rule_file
from shared.domain.state import known_facts
from tests.people import activity, email

SAM = email("sam@acme.example")
MORNING, NOON, EVENING = "2026-03-01T09:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T18:00:00Z"


def said(name, consent, at, rank=Rank.PUBLIC, **rest):
    return activity(name, SAM, at=at, rank=rank, claims=Claims(consent=consent), **rest)


def test_who_said_nothing_has_no_consent():
    history = consent_history([activity("a1", SAM)])

    assert (history.words, history.holds, history.since) == ((), None, None)


def test_a_form_tells_its_wording_and_version():
    shown = {"consent": {"wording": "You may call me.", "version": "2026-01"}, "form": "demo"}
    (word,) = consent_history([said("a1", "granted", MORNING, source="demo", properties=shown)]).words

    assert (word.source, word.wording, word.version, word.who) == ("demo", "You may call me.", "2026-01", None)


def test_a_person_is_named_and_a_page_that_claims_to_be_one_is_not():
    told = {"who": "Mia", "why": "She wrote."}
    by_mia = said("a1", "denied", MORNING, Rank.SALES, source="people", properties=told)
    by_page = said("a2", "denied", MORNING, source="website", properties=told)

    assert [(word.who, word.why) for word in consent_history([by_mia, by_page]).words] == [
        ("Mia", "She wrote."),
        (None, None),
    ]


def test_what_is_said_again_holds_since_it_was_said_first():
    history = consent_history([said("a1", "granted", MORNING), said("a2", "granted", NOON)])

    assert history.holds.activity == "a2"
    assert history.since == parse_moment(MORNING)


def test_a_withdrawal_of_equal_rank_holds_from_its_moment_on():
    history = consent_history([said("a1", "granted", MORNING), said("a2", "denied", NOON)])

    assert (history.holds.status, history.since) == ("denied", parse_moment(NOON))


def test_a_word_of_lesser_rank_is_remembered_and_does_not_hold():
    history = consent_history([said("a1", "denied", MORNING, Rank.SALES), said("a2", "granted", NOON)])

    assert (history.holds.status, history.since, len(history.words)) == ("denied", parse_moment(MORNING), 2)


def test_at_one_moment_a_denial_holds():
    for words in (("granted", "denied"), ("denied", "granted")):
        history = consent_history([said(f"a{number}", word, NOON) for number, word in enumerate(words)])
        assert history.holds.status == "denied"


WORDS = st.lists(
    st.tuples(st.sampled_from(["granted", "denied"]), st.sampled_from([MORNING, NOON, EVENING]), st.sampled_from(Rank)),
    max_size=6,
)


@given(WORDS)
def test_what_holds_is_the_fact_that_rules_and_handoffs_ask(words):
    every = [said(f"a{number}", *word) for number, word in enumerate(words)]
    rules = compile_rules(parse_rule_file({"name": "test"}))

    holds = consent_history(every[::-1]).holds

    assert (holds.status if holds else None) == known_facts(rules.replayed(every)).consent
