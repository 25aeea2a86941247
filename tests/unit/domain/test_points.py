"""Numbers are the decimals written, and points hold nine of their digits or refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.points import LARGEST, NumberError, exact_number, format_points, read_number, to_billionths
from shared.domain.state import digest


@given(st.integers(-LARGEST * 10**9, LARGEST * 10**9), st.text("0", max_size=40))
def test_points_of_nine_decimals_stay_exact_there_and_back(billionths, zeros):
    written = format_points(billionths)
    more = f"{written}{zeros}" if "." in written else written
    assert to_billionths(read_number(more)) == billionths
    assert format_points(to_billionths(read_number(more))) == written


@pytest.mark.parametrize(
    "numeral",
    [
        "0.0000000001",
        "999999999.9999999999",
        "123456789.1234567891",
        "1.00000000000000000000000000000000001",
        "-1.00000000000000000000000000000000001",
        "1e-999",
    ],
)
def test_points_with_more_digits_than_a_billionth_are_refused(numeral):
    with pytest.raises(NumberError, match="has more than nine decimals"):
        to_billionths(read_number(numeral))


@pytest.mark.parametrize("numeral", ["1000000000.00000000000000000000001", "1000000001", "-1e400"])
def test_points_beyond_the_largest_are_refused(numeral):
    with pytest.raises(NumberError, match="too large"):
        to_billionths(read_number(numeral))


@pytest.mark.parametrize("numeral", ["9" * 1001, "1e1000", "1e-1000", "-1e999999999999999999999", "0." + "3" * 1000])
def test_a_number_that_nobody_writes_is_refused(numeral):
    with pytest.raises(NumberError, match="has more than 1000 digits") as refusal:
        read_number(numeral)
    assert len(str(refusal.value)) < 100


@pytest.mark.parametrize("numeral", ["0e999999", "-0.0", "0", "-0"])
def test_nothing_is_0_however_it_is_written(numeral):
    assert read_number(numeral) == 0
    assert digest(read_number(numeral)) == digest(0)


@pytest.mark.parametrize("same", [("1", 1, 1.0, "1.0", "10e-1"), ("0.1", 0.1, "0.10"), ("1e2", 100, 1e2, "100.00")])
def test_a_number_is_one_value_whichever_way_it_came(same):
    numbers = [read_number(each) if isinstance(each, str) else each for each in same]
    assert len({exact_number(number) for number in numbers}) == 1
    assert len({digest(number) for number in numbers}) == 1
