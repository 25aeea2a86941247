"""What people are told while nobody answers, and when somebody has: each once, and to whom it concerns."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from shared.adapters.webhook import body_of
from shared.domain.breaker import TOLERATED
from shared.domain.brief import Brief
from shared.domain.handoff import FollowUpKind, HandoffKey
from shared.domain.messages import facts, opening
from shared.domain.moments import DAY, HOUR, MINUTE, Moment
from shared.ports.errors import SecretMissing, Unavailable
from shared.usecases.delivery import NobodyToTell
from tests.fakes import InMemoryHandoffs
from tests.handed_over import HANDOFF, KEY
from tests.notified import SLACK, RecordingChannel, World, kinds, requested


@pytest.fixture
def world() -> World:
    world = World()
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, assignee="ada"))
    world.teams["emea"] = {name: RecordingChannel() for name in ("email", "slack", "webhook")}
    world.deliver()
    for channel in (world.email, world.slack, world.webhook):
        channel.notices.clear()
    return world


def address(key: HandoffKey, at: Moment | None, to: str, assignee: str | None = None) -> str:
    """A page's address that tells what went into it."""
    return f"https://api.example/handoffs/{key.text}/{at} for {to} {assignee}"


def told(world: World, team: str) -> list[list[str]]:
    """What a team's channels were told."""
    return [list(kinds(channel)) for channel in world.teams[team].values()]


def test_a_reminder_goes_to_the_assignee_and_the_team_once(world: World) -> None:
    event = world.followed_up("reminder")
    assert world.tell(event).sent == dict.fromkeys(
        [f"{name}/reminder/inside-sales" for name in ("email", "slack", "webhook")]
    )
    assert not world.tell(event).sent
    assert not world.tell(event.model_copy(update={"id": f"{event.id}.again"})).sent
    assert told(world, "inside-sales") == [["reminder"]] * 3
    assert world.email.notices[0].assignee == "ada"


def test_an_escalation_goes_to_the_other_team_with_the_whole_story(world: World) -> None:
    story = object.__new__(Brief)
    world.tell(world.followed_up("escalation", "emea"), brief=lambda *_: story)
    assert told(world, "emea") == [["escalation"]] * 3
    assert told(world, "inside-sales") == [[], [], []]
    notice = world.teams["emea"]["email"].notices[0]
    assert (notice.brief, notice.to, notice.assignee) == (story, "inside-sales", "ada")


def test_a_reassignment_to_another_team_is_told_to_both(world: World) -> None:
    world.tell(world.followed_up("reassignment", "emea", "eve"))
    assert told(world, "emea") == [["reassignment"]] * 3
    assert told(world, "inside-sales") == [["released"]] * 3
    new, old = world.teams["emea"]["email"].notices[0], world.email.notices[0]
    assert (new.to, new.assignee) == (old.to, old.assignee) == ("emea", "eve")


def test_a_reassignment_within_the_team_is_one_message_for_both(world: World) -> None:
    world.tell(world.followed_up("reassignment", "inside-sales", "bob"))
    assert told(world, "inside-sales") == [["reassignment"]] * 3
    assert (world.email.notices[0].assignee, world.email.notices[0].before) == ("bob", "ada")


@pytest.mark.parametrize("assignee", ["ada", None])
def test_a_reassignment_that_finds_nobody_else_is_a_second_reminder(world: World, assignee: str | None) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, assignee=assignee))
    event = world.followed_up("reassignment", "inside-sales", assignee)
    world.tell(event)
    world.tell(event)
    assert told(world, "inside-sales") == [["reminder"]] * 3
    assert (world.email.notices[0].assignee, world.email.notices[0].before) == (assignee, None)


def test_a_reminder_that_goes_out_after_the_deadline_says_that_it_has_passed(world: World) -> None:
    event = world.followed_up("reminder")
    world.clock.advance(DAY)
    world.tell(event)
    words = opening(world.email.notices[0])
    assert "The deadline passed at " in words
    assert "within" not in words


def test_each_follow_up_is_told_by_its_own_mark(world: World) -> None:
    happens: list[tuple[FollowUpKind, str]] = [
        ("reminder", "inside-sales"),
        ("escalation", "emea"),
        ("reassignment", "emea"),
    ]
    for kind, to in happens:
        event = world.followed_up(kind, to)
        world.tell(event)
        world.tell(event)
    assert told(world, "emea") == [["escalation", "reassignment"]] * 3
    assert len(world.handoffs.sent(KEY)) == 3 + 3 + 3 + 6


def test_nobody_is_reminded_of_what_was_answered_or_is_with_others_by_now(world: World) -> None:
    reminder = world.followed_up("reminder")
    world.followed_up("reassignment", "emea", "eve")
    assert world.tell(reminder).withheld is None
    assert told(world, "inside-sales") == [[], [], ["reminder"]]
    world.answered()
    assert world.tell(reminder).withheld == "answered"


@pytest.mark.parametrize("claims", [{}, {"consent": "denied"}])
def test_without_consent_nothing_follows_and_that_is_remembered_until_there_is_consent_again(
    world: World, claims: dict[str, Any]
) -> None:
    world.knows(**claims)
    assert world.tell(world.followed_up("escalation", "emea")).withheld == "consent"
    assert told(world, "emea") == [[], [], []]
    assert world.handoffs.reasons == {KEY: "consent"}


def test_a_follow_up_that_was_withheld_goes_out_when_it_is_announced_again(world: World) -> None:
    world.knows(consent="denied")
    event = world.followed_up("reassignment", "emea", "eve")
    world.tell(event)
    world.knows(consent="granted")
    again = event.model_copy(update={"id": f"{event.id}.7"})
    for _ in range(2):
        world.tell(again)
    assert told(world, "emea") == [["reassignment"]] * 3
    assert told(world, "inside-sales") == [["released"]] * 3


def test_another_team_that_has_none_of_the_handoffs_channels_is_told_on_all_that_it_has(world: World) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, notify=("email",)))
    world.teams["emea"] = {name: RecordingChannel() for name in ("slack", "webhook")}
    world.tell(world.followed_up("escalation", "emea"))
    world.tell(world.followed_up("reassignment", "emea"))
    world.tell(world.answered())
    assert told(world, "emea") == [["escalation", "reassignment", "answered"]] * 2
    assert told(world, "inside-sales") == [["released"], [], []]


def test_another_team_that_has_one_of_the_handoffs_channels_is_told_there_alone(world: World) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, notify=("email",)))
    world.tell(world.followed_up("escalation", "emea"))
    assert told(world, "emea") == [["escalation"], [], []]


def test_a_handoff_whose_own_team_has_none_of_its_channels_is_an_error(world: World) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, notify=("email",)))
    del world.teams["inside-sales"]["email"]
    for event in (requested(), world.followed_up("reminder")):
        with pytest.raises(NobodyToTell, match="inside-sales"):
            world.tell(event)


def test_of_an_answer_everybody_who_was_told_of_the_lead_hears_on_slack_and_by_webhook(world: World) -> None:
    world.followed_up("escalation", "emea")
    event = world.answered("rejected", note="No budget before June.")
    world.tell(event)
    world.tell(event)
    assert told(world, "inside-sales") == told(world, "emea") == [[], ["answered"], ["answered"]]
    notice = world.slack.notices[0]
    assert notice.answer is not None
    assert (notice.answer.kind, notice.answer.note, notice.who) == (
        "rejected",
        "No budget before June.",
        "Sam Jones (Acme)",
    )


def test_whatever_overtakes_what_a_receiver_of_webhooks_ends_with_what_happened_last() -> None:
    world = World()
    reassigned = world.followed_up("reassignment", "inside-sales", "bob")
    world.clock.moment = Moment(HANDOFF.requested_at + 2 * HOUR)
    world.tell(reassigned)
    answered = world.answered("recycled")
    world.tell(answered)
    world.deliver()
    assert kinds(world.webhook) == ["reassignment", "answered", "requested"]

    for arrived in permutations(body_of(notice).model_dump(mode="json") for notice in world.webhook.notices):
        known: dict[str, Any] = {}
        for body in arrived:
            before = known.get(body["data"]["id"])
            if before is None or before["timestamp"] < body["timestamp"]:
                known[body["data"]["id"]] = body
        assert [each["type"] for each in known.values()] == ["handoff.answered"]


@pytest.mark.parametrize(
    "claims", [{"consent": "denied"}, {"consent": "granted", "company": {"domain": "rival.example"}}]
)
def test_an_answer_names_nobody_who_may_not_be_spoken_of_any_more(world: World, claims: dict[str, Any]) -> None:
    world.knows(**claims)
    world.tell(world.answered("rejected", note="Sam asked to be left alone."))
    notice = world.slack.notices[0]
    assert notice.answer is not None
    assert (notice.who, notice.answer.note, notice.introduction.emails) == (f"lead {KEY.lead}", "", ())


def test_of_an_erased_person_not_even_the_answer_is_told(world: World) -> None:
    event = world.answered()
    world.leads.records.clear()
    assert world.tell(event).withheld == "gone"
    assert not world.slack.notices


def test_a_team_that_is_told_by_mail_alone_is_not_written_to_about_an_answer(world: World) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, notify=("email",)))
    delivery = world.tell(world.answered())
    assert (delivery.sent, delivery.failed, delivery.missing) == ({}, {}, ())


def test_the_link_leads_to_the_page_of_the_handoff_unless_the_settings_name_another(world: World) -> None:
    world.tell(world.followed_up("reminder"), page=address)
    at = world.email.notices[0].followed_up_at
    assert world.email.notices[0].link == address(KEY, at, "inside-sales", "ada")
    world.handoffs = InMemoryHandoffs(HANDOFF)
    world.deliver(page=address, link="https://crm.example/{lead}")
    assert world.email.notices[1].link == f"https://crm.example/{KEY.lead}"


def test_each_link_names_the_team_and_the_member_to_whom_it_is_sent(world: World) -> None:
    world.handoffs = InMemoryHandoffs(replace(HANDOFF, assignee="bo"))
    world.deliver(page=address)
    world.tell(world.followed_up("escalation", "emea"), page=address)
    world.tell(world.followed_up("reassignment", "emea", "eve"), page=address)

    links = [notice.link for notice in (*world.slack.notices, *world.teams["emea"]["slack"].notices)]
    assert [(link or "").partition(" for ")[2] for link in links] == [
        "inside-sales bo",
        "inside-sales None",
        "emea None",
        "emea eve",
    ]


def test_a_handoff_that_waited_long_for_consent_has_a_fresh_link_and_says_that_its_deadline_has_passed(
    world: World,
) -> None:
    world.handoffs = InMemoryHandoffs(HANDOFF)
    later = Moment(HANDOFF.requested_at + 31 * DAY)
    world.clock.advance(31 * DAY)
    world.tell(requested().model_copy(update={"id": f"{KEY.text}.requested.2", "requested_at": later}), page=address)
    notice = world.email.notices[0]
    assert (notice.link, notice.requested_at) == (address(KEY, later, "inside-sales"), HANDOFF.requested_at)
    assert (notice.deadline or "").startswith("the deadline passed at ")
    assert ("Answer", notice.deadline) in facts(notice)


def test_one_that_waited_long_for_its_channel_has_the_link_of_when_it_was_asked_for(world: World) -> None:
    world.handoffs = InMemoryHandoffs(HANDOFF)
    later = Moment(HANDOFF.requested_at + 31 * DAY)
    again = requested().model_copy(update={"id": f"{KEY.text}.requested.2", "requested_at": later})
    for _ in range(TOLERATED):
        world.missed.failed(SLACK, world.clock.now(), "no answer")
    world.tell(again, page=address)
    world.clock.advance(MINUTE)
    world.notify(page=address).recover(Moment(world.clock.now() + MINUTE))
    assert [notice.link for notice in world.slack.notices] == [address(KEY, later, "inside-sales")]


def test_a_handoff_told_in_time_gives_its_deadline(world: World) -> None:
    world.handoffs = InMemoryHandoffs(HANDOFF)
    world.deliver()
    assert ("Answer", world.email.notices[0].deadline) in facts(world.email.notices[0])


def test_a_link_that_cannot_be_signed_stops_no_handoff(world: World) -> None:
    def unsigned(*_: object) -> str:
        raise SecretMissing("/baton/prod/lead-page")

    world.handoffs = InMemoryHandoffs(HANDOFF)
    world.deliver(page=unsigned)
    assert world.email.notices[0].link is None


def test_a_story_that_cannot_be_made_stops_no_handoff_and_is_told_of(world: World) -> None:
    def broken(*_: object) -> Brief:
        raise ValueError("sam@acme.example")

    world.handoffs = InMemoryHandoffs(HANDOFF)
    delivery = world.deliver(brief=broken)
    assert (list(delivery.sent), delivery.unbriefed) == (["email", "slack", "webhook"], "ValueError")


def test_a_store_that_does_not_answer_about_the_story_is_asked_again(world: World) -> None:
    def later(*_: object) -> Brief:
        raise Unavailable("throttled")

    world.handoffs = InMemoryHandoffs(HANDOFF)
    with pytest.raises(Unavailable):
        world.tell(requested(), brief=later)
    assert not world.email.notices
