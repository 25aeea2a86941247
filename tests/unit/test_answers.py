"""What is written for yes, for no and as a rating, wherever a qualification fact is told in words."""

from typing import Any

import pytest

from shared.adapters.answers import read_fact
from shared.domain.stages import confirmed


@pytest.mark.parametrize(
    ("told", "said"),
    [
        *((word, True) for word in ("yes", " Yes ", "JA", "oui", "sí", "true", "x", "on", "Yes!")),
        *((word, False) for word in ("no", "No.", "NEIN", "non", "false", "off", "none", "keine", "0", "0.00", "0,0")),
        ("1", 1),
        (" 5 ", 5),
        ("6", "6"),
        ("12", "12"),
        ("no later than May", "no later than May"),
        (" 50,000 ", "50,000"),
        (4, 4),
        (True, True),
        (None, None),
        ("", ""),
        (["no", "yes"], True),
        (["no", "no"], False),
        (["", " "], ""),
        (["", "crm", "no", "erp"], ["crm", "erp"]),
    ],
)
def test_a_fact_told_in_words_is_a_yes_a_no_or_a_rating_where_it_says_one(told: Any, said: Any) -> None:
    assert repr(read_fact(told)) == repr(said)


@pytest.mark.parametrize("told", ["no", "0", "Nein", "", ["no"], [""], 0, 0.0, -1, False, None])
def test_what_says_no_confirms_no_fact(told: Any) -> None:
    assert not confirmed(read_fact(told))


@pytest.mark.parametrize("told", ["yes", "1", "20k", 0.5, 1, True, ["crm"]])
def test_what_says_something_confirms_a_fact_that_asks_no_rating(told: Any) -> None:
    assert confirmed(read_fact(told))


def test_a_rating_in_words_confirms_only_from_the_agreed_one_on() -> None:
    assert [confirmed(read_fact(text), 3) for text in ("1", "2", "3", "5")] == [False, False, True, True]
