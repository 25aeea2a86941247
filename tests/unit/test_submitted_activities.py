"""Activities that other systems put on the bus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.http_api import SINGLE_LIMIT
from shared.adapters.submitted_activities import read_submitted
from shared.domain.activity import Activity, Claims, Rank
from shared.domain.moments import parse_moment
from shared.domain.refusals import Refused
from tests.people import browser, email, user

EVENT = {
    "version": "0",
    "id": "event-1",
    "detail-type": "ActivitySubmitted",
    "source": "acme.billing",
    "time": "2026-03-02T08:59:00Z",
}


def message(event: Any) -> dict[str, Any]:
    sent = parse_moment("2026-03-02T09:00:00Z") // 1000
    return {"messageId": "m", "body": json.dumps(event), "attributes": {"SentTimestamp": str(sent)}}


def read(**detail: Any) -> Activity:
    return read_submitted(message(EVENT | {"detail": detail}))


def test_an_event_is_an_activity_of_a_trusted_source() -> None:
    found = read(
        id="invoice-7",
        type="invoice_paid",
        occurred_at="2026-03-01T12:00:00+01:00",
        email="Ada@Example.com",
        user_id="u-1",
        anonymous_id="b-1",
        channel="billing",
        properties={"amount": 12.5},
        context={"campaign": {"source": "x"}},
        lead={"title": "CTO"},
        company={"employees": 9},
        consent="granted",
        qualification={"budget": True},
        own=False,
    )

    assert found == Activity(
        id="acme.billing:invoice-7",
        type="invoice_paid",
        occurred_at=parse_moment("2026-03-01T11:00:00Z"),
        received_at=parse_moment("2026-03-02T09:00:00Z"),
        identities=(email("ada@example.com"), user("u-1"), browser("b-1")),
        rank=Rank.TRUSTED,
        channel="billing",
        source="acme.billing",
        properties={"amount": 12.5},
        context={"campaign": {"source": "x"}},
        claims=Claims({"title": "CTO"}, {"employees": 9}, "granted", {"budget": True}),
        own=False,
    )


def test_the_events_own_id_and_time_stand_in_for_those_of_the_detail() -> None:
    found = read(type="invoice_paid", user_id="u-1")

    assert (found.id, found.occurred_at) == ("acme.billing:event-1", parse_moment("2026-03-02T08:59:00Z"))


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"type": "Invoice Paid", "user_id": "u"},
        {"type": "x", "user_id": ""},
        {"type": "x", "user_id": 7},
        {"type": "x", "email": "nobody"},
        {"type": "x", "user_id": "u", "occurred_at": "yesterday"},
        {"type": "x", "user_id": "u", "consent": "yes"},
        {"type": "x", "user_id": "u", "qualification": {"mood": 1}},
        {"type": "x", "user_id": "u", "score": 100},
        {"type": "x", "user_id": "u", "id": "i" * 201},
        {"type": "x", "user_id": "u", "source": "people"},
    ],
)
def test_a_detail_of_another_shape_is_refused(detail: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read(**detail)


@pytest.mark.parametrize(
    "event", [[], "x", {"detail-type": "Other", "detail": {}}, {"detail-type": "ActivitySubmitted"}]
)
def test_what_is_no_such_event_is_refused(event: Any) -> None:
    with pytest.raises(Refused):
        read_submitted(message(event))


def test_two_systems_may_each_have_an_invoice_2041() -> None:
    shop = EVENT | {"source": "acme.shop", "detail": {"id": "2041", "type": "order_placed", "user_id": "u"}}

    assert read_submitted(message(shop)).id == "acme.shop:2041"
    assert read(id="2041", type="invoice_paid", user_id="u", source="acme.shop").id == "acme.billing:2041"


def test_no_id_is_longer_than_the_logs_key() -> None:
    said = {"type": "x", "user_id": "u"}
    ids = {
        read_submitted(message(EVENT | {"source": source * 256, "detail": said | {"id": id_ * 200}})).id
        for source, id_ in (("\U0001f600", "\U0001f601"), ("\U0001f600", "\U0001f602"), ("a", "\U0001f602"))
    }

    assert len(ids) == 3
    assert max(len(id_.encode()) for id_ in ids) <= 1000


def test_a_name_of_blanks_is_nobodys() -> None:
    assert read(type="x", email=" ", user_id="  ", anonymous_id=" b-1 ").identities == (browser("b-1"),)
    assert read(type="x", user_id=" ").identities == ()


def test_a_user_id_that_is_an_address_names_its_mailbox() -> None:
    assert read(type="x", user_id=" Ada@Example.com ").identities == (email("ada@example.com"),)
    assert read(type="x", user_id=" ada@ ").identities == (user("ada@"),)


def test_an_event_without_id_is_refused() -> None:
    event = {name: value for name, value in EVENT.items() if name != "id"}

    with pytest.raises(Refused):
        read_submitted(message(event | {"detail": {"type": "x", "user_id": "u"}}))


def test_a_detail_is_measured_in_its_shortest_writing() -> None:
    numbers = {f"n{number}": number for number in range(2400)}
    written = len(json.dumps({"type": "x", "user_id": "u", "properties": numbers}))

    assert written > SINGLE_LIMIT
    assert len(read(type="x", user_id="u", properties=numbers).properties) == len(numbers)
    with pytest.raises(Refused, match="larger than"):
        read(type="x", user_id="u", properties=numbers | {"more": "y" * 9000})
