"""Dates of spreadsheets are read when they can mean one day only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.local_dates import AmbiguousDate, DateOrder, read_local_date, time_zone
from shared.domain.moments import MomentError, format_moment, from_datetime

DAYS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001 (local ones)


def read(text: str, order: DateOrder | None = None, zone: str = "UTC") -> str:
    return format_moment(read_local_date(text, order, time_zone(zone)))


@pytest.mark.parametrize(
    ("text", "order", "zone", "moment"),
    [
        ("2026-03-01", None, "UTC", "2026-03-01T00:00:00Z"),
        ("2026-03-01", "month_first", "+01:00", "2026-02-28T23:00:00Z"),
        ("2026/3/1 9:05", None, "UTC", "2026-03-01T09:05:00Z"),
        ("2026-03-01T09:30:00.25Z", None, "+01:00", "2026-03-01T09:30:00.250000Z"),
        ("2026-03-01 09:30 +0130", "iso", "UTC", "2026-03-01T08:00:00Z"),
        ("31/01/2026", None, "UTC", "2026-01-31T00:00:00Z"),
        ("01/31/2026", None, "UTC", "2026-01-31T00:00:00Z"),
        ("2.2.2026", None, "UTC", "2026-02-02T00:00:00Z"),
        ("03/04/2026", "day_first", "UTC", "2026-04-03T00:00:00Z"),
        ("03/04/2026", "month_first", "UTC", "2026-03-04T00:00:00Z"),
        ("3-4-26", "month_first", "UTC", "2026-03-04T00:00:00Z"),
        ("3/4/2026 12:05 am", "month_first", "UTC", "2026-03-04T00:05:00Z"),
        ("3/4/2026, 1:05:09 P.M.", "month_first", "UTC", "2026-03-04T13:05:09Z"),
        ("01.07.2026 12:00", "day_first", "Europe/Berlin", "2026-07-01T10:00:00Z"),
        ("01.01.2026 12:00", "day_first", "Europe/Berlin", "2026-01-01T11:00:00Z"),
    ],
)
def test_a_date_is_the_moment_that_its_writer_meant(text: str, order: DateOrder | None, zone: str, moment: str) -> None:
    assert read(text, order, zone) == moment


@pytest.mark.parametrize("text", ["03/04/2026", "3.4.2026", "03-04-26", "12/11/2026 09:00"])
def test_a_date_that_could_be_two_days_is_refused_without_an_order(text: str) -> None:
    with pytest.raises(AmbiguousDate, match="day_first or month_first"):
        read(text)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("13/04/2026", "month_first"),
        ("04/13/2026", "day_first"),
        ("01.03.2026", "iso"),
        ("2026-02-30", None),
        ("32/01/2026", None),
        ("13/13/2026", None),
        ("2026-03-01 25:00", None),
        ("2026-03-01 13:00 pm", None),
        ("2026-03-01 0:30 am", None),
        ("2026-03-01 09:00 +99:00", None),
        ("2026-03/01", None),
        ("46082", None),
        ("0001-01-01 00:00+10:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_what_is_no_date_is_refused_and_no_other_order_is_tried(text: str, order: DateOrder | None) -> None:
    with pytest.raises(MomentError) as refused:
        read(text, order)
    assert not isinstance(refused.value, AmbiguousDate)


@pytest.mark.parametrize("name", ["Mars", "../../etc/passwd", "+25:00", "+01:60", "", "Europe"])
def test_a_time_zone_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(MomentError):
        time_zone(name)


@given(
    day=DAYS,
    order=st.sampled_from([("%d/%m/%Y %H:%M:%S", "day_first"), ("%m/%d/%Y %I:%M:%S %p", "month_first")]),
    hours=st.integers(-14, 14),
)
def test_a_date_that_is_written_in_an_order_is_read_in_it(
    day: datetime, order: tuple[str, DateOrder], hours: int
) -> None:
    form, told = order
    zone = f"{'-' if hours < 0 else '+'}{abs(hours):02}:00"
    written = day.replace(microsecond=0)

    expected = from_datetime((written - timedelta(hours=hours)).replace(tzinfo=UTC))
    assert read_local_date(written.strftime(form), told, time_zone(zone)) == expected


@given(day=DAYS)
def test_without_an_order_a_date_is_read_only_if_both_orders_agree_or_one_has_no_such_day(day: datetime) -> None:
    text = day.strftime("%d/%m/%Y")
    meant = from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC))
    try:
        assert read_local_date(text, None, UTC) == meant
    except AmbiguousDate:
        assert day.day <= 12
        assert day.day != day.month
