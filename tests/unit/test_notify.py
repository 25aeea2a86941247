"""Notifying: committed handoffs go out once on each channel, while the lead may be handed over."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.notify.handler import lambda_handler
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR, MINUTE, SECOND, Moment
from shared.domain.notice import Notice
from shared.domain.state import ScoreState
from shared.ports.channels import Undeliverable
from shared.ports.errors import SecretMissing, Unavailable
from shared.ports.leads import LeadRecord
from shared.usecases.delivery import ELSEWHERE, NobodyToTell, NotCommitted, NotDelivered
from tests.fakes import InMemoryHandoffs, InMemoryLeads
from tests.handed_over import HANDOFF, KEY, LEAD
from tests.notified import RecordingChannel, World

GOLDEN = Path(__file__).parents[2] / "events"


@pytest.fixture
def world() -> World:
    return World()


def test_a_committed_handoff_goes_out_on_every_channel_with_who_and_why(world: World) -> None:
    delivery = world.deliver()
    assert world.told == [1, 1, 1]
    notice = world.slack.notices[0]
    assert notice.who == "Sam Jones (Acme)"
    assert notice.introduction.emails == ("sam@acme.example",)
    assert [reason.label for reason in notice.reasons] == ["Visited the pricing page"]
    assert delivery.sent == {"email": 4 * SECOND, "slack": 4 * SECOND, "webhook": 4 * SECOND}
    assert set(world.handoffs.sent(KEY)) == {"email", "slack", "webhook"}


def test_the_same_handoff_announced_again_is_not_sent_again(world: World) -> None:
    world.deliver()
    delivery = world.deliver()
    assert world.told == [1, 1, 1]
    assert not delivery.sent


def test_a_handoff_that_nobody_committed_is_not_sent(world: World) -> None:
    world.handoffs = InMemoryHandoffs()
    with pytest.raises(NotCommitted, match=KEY.text):
        world.deliver()
    assert world.told == [0, 0, 0]


@pytest.mark.parametrize(
    "error",
    [Unavailable("no answer"), Undeliverable("refused with 410"), SecretMissing("/baton/prod/slack"), ValueError("x")],
)
def test_one_channel_failing_does_not_stop_the_others_and_alone_is_tried_again(world: World, error: Exception) -> None:
    world.slack.error = error
    with pytest.raises(NotDelivered, match=r"01JNB3V7Q9\.mql\.1: slack") as raised:
        world.deliver()
    assert list(raised.value.delivery.sent) == ["email", "webhook"]
    assert world.told == [1, 0, 1]
    world.slack.error = None
    world.clock.advance(MINUTE)
    assert list(world.deliver().sent) == ["slack"]
    assert world.told == [1, 1, 1]


def test_a_failure_that_is_not_our_own_is_told_by_its_class_alone(world: World) -> None:
    world.slack.error = ValueError("sam@acme.example")
    with pytest.raises(NotDelivered) as raised:
        world.deliver()
    assert raised.value.delivery.failed == {"slack": "ValueError"}


def test_of_two_deliveries_at_once_one_sends_and_the_other_comes_back(world: World) -> None:
    class Simultaneous(RecordingChannel):
        def send(self, notice: Notice) -> None:
            super().send(notice)
            with pytest.raises(NotDelivered) as raised:
                world.deliver()
            assert raised.value.delivery.failed == {"email": ELSEWHERE}

    world.teams = {"inside-sales": {"email": Simultaneous()}}
    world.deliver()
    assert len(world.teams["inside-sales"]["email"].notices) == 1
    assert not world.deliver().failed


def test_a_channel_whose_sender_died_is_sent_once_its_time_is_over(world: World) -> None:
    world.handoffs.claim(KEY, "email", world.clock.now(), Moment(world.clock.now() + 30 * SECOND))
    with pytest.raises(NotDelivered):
        world.deliver()
    assert world.told == [0, 1, 1]
    world.clock.advance(30 * SECOND)
    world.deliver()
    assert world.told == [1, 1, 1]


@pytest.mark.parametrize("claims", [{}, {"consent": "denied"}])
def test_without_consent_nothing_is_sent_and_that_is_recorded(world: World, claims: dict[str, Any]) -> None:
    world.knows(**claims)
    assert world.deliver().withheld == "consent"
    assert world.told == [0, 0, 0]
    assert world.handoffs.reasons == {KEY: "consent"}


def test_where_the_settings_ask_for_no_consent_none_is_needed(world: World) -> None:
    world.knows()
    world.deliver(consent_required=False)
    assert world.told == [1, 1, 1]


def test_consent_that_comes_while_it_is_recorded_that_there_is_none_is_seen(world: World) -> None:
    world.knows(consent="denied")
    withhold = world.handoffs.withhold

    def granted_meanwhile(key: Any, reason: str, at: Moment) -> None:
        world.knows(consent="granted")
        withhold(key, reason, at)

    world.handoffs.withhold = granted_meanwhile  # type: ignore[method-assign]
    assert world.deliver().withheld is None
    assert world.told == [1, 1, 1]


def test_a_lead_that_has_been_vetoed_since_is_not_sent(world: World) -> None:
    world.knows(consent="granted", company={"domain": "rival.example"})
    assert world.deliver().withheld == "veto"
    assert world.told == [0, 0, 0]
    assert world.handoffs.reasons == {KEY: "veto"}


def test_a_lead_that_is_gone_is_not_sent(world: World) -> None:
    world.leads = InMemoryLeads()
    assert world.deliver().withheld == "gone"
    assert world.told == [0, 0, 0]


def test_of_a_person_who_was_erased_nothing_is_sent_nothing_written_and_nothing_fails(world: World) -> None:
    world.leads = InMemoryLeads()
    world.handoffs = InMemoryHandoffs()
    assert world.deliver().withheld == "gone"
    assert world.told == [0, 0, 0]
    assert world.handoffs.reasons == {}


@pytest.mark.parametrize("claims", [{"consent": "denied"}, None])
def test_who_withdraws_or_is_erased_while_one_channel_is_slow_is_sent_on_no_further_one(
    world: World, claims: dict[str, Any] | None
) -> None:
    class Slow(RecordingChannel):
        def send(self, notice: Notice) -> None:
            super().send(notice)
            if claims is None:
                world.leads.records.clear()
            else:
                world.knows(**claims)

    world.teams = {"inside-sales": {"email": Slow(), "slack": RecordingChannel()}}
    delivery = world.deliver()
    assert list(delivery.sent) == ["email"]
    assert delivery.withheld == ("gone" if claims is None else "consent")
    assert not world.teams["inside-sales"]["slack"].notices


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda world: world.answered(), "answered"),
        (lambda world: world.followed_up("reassignment", "emea"), "reassigned"),
        (lambda world: world.handoffs.forget(KEY.lead), "gone"),
    ],
)
def test_what_is_answered_or_moved_while_one_channel_is_slow_is_told_to_other_systems_alone(
    world: World, happens: Callable[[World], object], why: str
) -> None:
    class Slow(RecordingChannel):
        def send(self, notice: Notice) -> None:
            super().send(notice)
            happens(world)

    world.teams["inside-sales"]["email"] = Slow()
    delivery = world.deliver()
    assert delivery.withheld == why
    assert list(delivery.sent) == (["email"] if why == "gone" else ["email", "webhook"])


def test_a_lead_whose_state_has_to_be_rebuilt_first_is_not_taken_for_one_without_consent(world: World) -> None:
    world.leads.records[LEAD] = replace(world.leads.records[LEAD], state=ScoreState.empty(), rules_version=-1)
    with pytest.raises(Unavailable):
        world.deliver()
    assert world.handoffs.reasons == {}


def test_consent_withdrawn_between_two_tries_stops_the_second(world: World) -> None:
    world.slack.error = Unavailable("no answer")
    with pytest.raises(NotDelivered):
        world.deliver()
    world.slack.error = None
    world.knows(consent="denied")
    assert world.deliver().withheld == "consent"
    assert world.told == [1, 0, 1]


def test_a_lead_that_was_joined_to_another_is_told_as_the_one_it_became(world: World) -> None:
    survivor = LeadId("01AAAAAAAA")
    whole = replace(world.leads.records[LEAD], lead=survivor)
    world.leads.records[survivor] = whole
    world.leads.records[LEAD] = LeadRecord(LEAD, frozenset(), ScoreState.empty(), merged_into=survivor)
    world.deliver()
    assert world.email.notices[0].who == "Sam Jones (Acme)"


def test_a_team_that_is_not_configured_is_told_through_the_default_team(world: World) -> None:
    world.teams = {"default": {"email": world.email}}
    delivery = world.deliver()
    assert world.told == [1, 0, 0]
    assert delivery.missing == ("slack", "webhook")


@pytest.mark.parametrize("teams", [{}, {"inside-sales": {}}, {"default": {"pager": RecordingChannel()}}])
def test_a_handoff_that_would_reach_nobody_is_an_error(world: World, teams: dict[str, Any]) -> None:
    world.teams = teams
    with pytest.raises(NobodyToTell, match="inside-sales"):
        world.deliver()


def test_a_handoff_that_names_no_channel_is_for_the_bus_alone(world: World) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, notify=()))
    assert not world.deliver().sent


def test_a_handoff_without_an_activity_behind_it_has_no_seconds_to_tell(world: World) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, last_activity_at=None))
    assert world.deliver().sent == {"email": None, "slack": None, "webhook": None}


def test_the_link_leads_to_the_lead(world: World) -> None:
    world.deliver(link="https://crm.example/{lead}")
    assert world.email.notices[0].link == f"https://crm.example/{LEAD}"


class Context:
    """What Lambda tells of the time that is left."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def handle(world: World, *bodies: str) -> list[str]:
    """Let the handler work on a batch; the answer is the numbers of the messages that come again."""
    golden = json.loads((GOLDEN / "queue_notify.json").read_text())["Records"][0]
    records = [{**golden, "messageId": str(place), "body": body} for place, body in enumerate(bodies)]
    answer = lambda_handler({"Records": records}, Context(), world.notify())  # type: ignore[arg-type]
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def body(**changes: object) -> str:
    event = json.loads((GOLDEN / "bus_handoff_requested.json").read_text())
    event["detail"] |= changes
    return json.dumps(event)


def test_the_handler_sends_what_the_golden_message_announces(world: World) -> None:
    assert handle(world, body()) == []
    assert world.told == [1, 1, 1]


def test_the_handler_gives_back_only_what_failed(world: World) -> None:
    spoilt = ["no JSON", "{}", "[]", body(epoch=0), body(email="sam@acme.example"), body(epoch=9)]
    assert handle(world, *spoilt, body()) == ["0", "1", "2", "3", "4", "5"]
    assert world.told == [1, 1, 1]


def test_the_handler_gives_a_partly_sent_handoff_back_and_sends_the_rest_later(world: World) -> None:
    world.webhook.error = Unavailable("the receiver answered 503")
    assert handle(world, body()) == ["0"]
    world.webhook.error = None
    world.clock.advance(HOUR)
    assert handle(world, body()) == []
    assert world.told == [1, 1, 1]


def test_a_receiver_that_keeps_one_handoff_waiting_delays_no_other(world: World) -> None:
    later = replace(HANDOFF, key=replace(KEY, epoch=2))
    world.handoffs.committed[later.key] = later
    second_is_out = threading.Event()

    class Slow(RecordingChannel):
        def send(self, notice: Notice) -> None:
            if notice.epoch == 1:
                assert second_is_out.wait(5)
            super().send(notice)
            second_is_out.set()

    world.teams = {"inside-sales": {"email": Slow()}}
    assert handle(world, body(), body(epoch=2)) == []
    assert [notice.epoch for notice in world.teams["inside-sales"]["email"].notices] == [2, 1]


def test_the_handler_counts_the_seconds_from_the_last_activity_for_each_channel(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    handle(world, body())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "SecondsToNotify" in line]
    assert {(line["channel"], *line["SecondsToNotify"]) for line in lines} == {
        ("email", 4.0),
        ("slack", 4.0),
        ("webhook", 4.0),
    }
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} == {"Baton"}
