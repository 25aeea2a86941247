"""Numbers of spreadsheets are read when they can mean one number only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.local_numbers import AmbiguousNumber, DecimalSign, read_local_number


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("250", None, 250),
        ("-3.5", None, -3.5),
        ("7.0", None, 7),
        ("0.125", None, 0.125),
        ("1234.567", None, 1234.567),
        ("1.2000", None, 1.2),
        ("1.200", "point", 1.2),
        ("1.200", "comma", 1200),
        ("-12.500", "comma", -12500),
        ("1,200", "point", 1200),
        ("1,200", "comma", 1.2),
        ("1.200.000", "comma", 1_200_000),
        ("1.234,5", "comma", 1234.5),
        ("1,234.5", "point", 1234.5),
        ("1234,5", "comma", 1234.5),
        ("12,0", "comma", 12),
        ("250", "comma", 250),
    ],
)
def test_a_number_is_read_by_the_sign_of_its_decimals(text: str, decimal: DecimalSign | None, number: float) -> None:
    assert repr(read_local_number(text, decimal)) == repr(number)


@pytest.mark.parametrize("text", ["1.200", "1,200", "12.500", "-999.999", "1.200.000", "1,200,000"])
def test_a_number_that_could_have_thousands_parted_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(AmbiguousNumber, match=r"ambiguous: write it without .*`decimal`: point or comma"):
        read_local_number(text, None)


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("1.234,5", None),
        ("1,234.5", None),
        ("12,5", None),
        ("0,125", None),
        ("51-200", None),
        ("007", None),
        ("1e3", None),
        ("1.2.3", None),
        ("001.200", None),
        ("1.200.000", "point"),
        ("1,234.5", "comma"),
        ("12.50", "comma"),
        ("1.20.000", "comma"),
        ("007", "comma"),
        ("", "point"),
    ],
)
def test_what_no_number_can_be_stays_the_text_that_it_is(text: str, decimal: DecimalSign | None) -> None:
    assert read_local_number(text, decimal) == text


@given(st.integers(-(10**12), 10**12), st.sampled_from(["point", "comma"]))
def test_thousands_that_are_parted_by_the_other_sign_are_the_same_number(number: int, decimal: DecimalSign) -> None:
    written = f"{number:,}" if decimal == "point" else f"{number:,}".replace(",", ".")

    assert read_local_number(written, decimal) == read_local_number(str(number), None) == number
