"""A channel that is down delays nobody else, and what it misses is sent when it is back: once, in order, if it may."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.breaker import TOLERATED
from shared.domain.events import HandoffRequested
from shared.domain.moments import MINUTE, Moment
from shared.ports.channels import Unacceptable, Undeliverable
from shared.ports.errors import PortError, SecretMissing, Unavailable
from shared.ports.missed import ChannelKey
from shared.usecases.delivery import NotDelivered
from tests.handed_over import KEY
from tests.notified import SLACK, RecordingChannel, World, kinds, requested

MAIL = ChannelKey("inside-sales", "email")


@pytest.fixture
def world() -> World:
    return World()


def down(world: World, error: Exception | None = None) -> None:
    """Let Slack fail until its breaker opens, each time with another handoff."""
    world.slack.error = error or Unavailable("the receiver answered 503")
    for announced in world.more(*range(101, 101 + TOLERATED - 1)):
        with pytest.raises(NotDelivered):
            world.tell(announced)
    [last] = world.more(100 + TOLERATED)
    assert world.tell(last).put_by == {"slack": str(world.slack.error)}
    world.more(101, 102)


@pytest.mark.parametrize(
    "error",
    [Unavailable("no answer"), Undeliverable("refused with 410"), SecretMissing("/baton/prod/slack")],
)
def test_after_three_failures_in_a_row_a_channel_is_not_tried_and_nothing_waits_in_the_queue(
    world: World, error: PortError
) -> None:
    down(world, error)
    for announced in world.more(*range(1, 51)):
        delivery = world.tell(announced)
        assert (list(delivery.sent), delivery.put_by, delivery.failed) == (
            ["email", "webhook"],
            {"slack": str(error)},
            {},
        )
    assert world.slack.tries == TOLERATED
    assert [len(channel.notices) for channel in (world.email, world.webhook)] == [TOLERATED + 50] * 2


def test_failures_that_a_success_parts_are_no_row(world: World) -> None:
    for announced in world.more(*range(1, 20)):
        world.slack.error = None if announced.epoch % TOLERATED == 0 else Unavailable("no answer")
        if world.slack.error:
            with pytest.raises(NotDelivered):
                world.tell(announced)
        else:
            world.tell(announced)
    assert world.slack.tries == 19


@pytest.mark.parametrize("error", [Unacceptable("the receiver refused with 400"), ValueError("sam@acme.example")])
def test_what_one_message_says_is_no_failure_of_the_channel(world: World, error: Exception) -> None:
    world.slack.error = error
    for announced in world.more(*range(1, 10)):
        with pytest.raises(NotDelivered):
            world.tell(announced)
    assert world.slack.tries == 9
    assert world.missed.breakers() == {}


def test_what_was_missed_is_sent_once_and_in_order_when_the_channel_is_back(world: World) -> None:
    down(world)
    for announced in world.more(3, 1, 2):
        world.tell(announced)
    world.slack.error = None
    world.clock.advance(MINUTE)
    recovery = world.recover()
    assert recovery.sent == {SLACK: 4}
    assert (recovery.down, recovery.waiting) == ({}, 0)
    assert [notice.epoch for notice in world.slack.notices] == [1, 2, 3, 103]
    assert world.recover().sent == {}
    for announced in world.more(1, 2, 3, 103):
        assert not world.tell(announced).sent
    assert len(world.slack.notices) == 4


def test_until_its_wait_is_over_nothing_is_tried_and_then_no_more_than_two_messages(world: World) -> None:
    down(world)
    for announced in world.more(1, 2, 3):
        world.tell(announced)
    tries = []
    for _ in range(16):
        world.clock.advance(MINUTE)
        world.recover()
        tries.append(world.slack.tries - TOLERATED)
    # After one minute, two more, four more, eight more; once a try has failed, with another message beside it.
    assert tries == [1, 1, 3, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5, 7, 7]
    assert world.recover().down == {SLACK: "the receiver answered 503"}


def test_one_that_fails_again_while_it_is_sent_what_it_missed_is_left_alone_again(world: World) -> None:
    down(world)
    for announced in world.more(1, 2, 3):
        world.tell(announced)

    class Frail(RecordingChannel):
        def send(self, notice: Any) -> None:
            if len(self.notices) == 2:
                self.error = Unavailable("gone again")
            super().send(notice)

    frail = Frail()
    world.teams["inside-sales"]["slack"] = frail
    world.clock.advance(MINUTE)
    assert world.recover().sent == {SLACK: 2}
    assert frail.tries == 3
    frail.send = RecordingChannel.send.__get__(frail)  # type: ignore[method-assign]
    frail.error = None
    world.clock.advance(MINUTE)
    assert world.recover().sent == {SLACK: 2}
    assert [notice.epoch for notice in frail.notices] == [1, 2, 3, 103]


def test_while_it_is_down_later_messages_wait_behind_the_earlier_ones(world: World) -> None:
    down(world)
    world.slack.error = None
    [announced] = world.more(200)
    assert world.tell(announced).put_by
    world.clock.advance(MINUTE)
    world.recover()
    assert [notice.epoch for notice in world.slack.notices] == [103, 200]
    [announced] = world.more(201)
    assert "slack" in world.tell(announced).sent


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (lambda world: world.knows(consent="denied"), []),
        (lambda world: world.knows(consent="granted", company={"domain": "rival.example"}), []),
        (lambda world: world.leads.records.clear(), []),
        (lambda world: (world.leads.records.clear(), world.handoffs.forget(KEY.lead)), []),
        (lambda world: world.answered(), []),
        (lambda world: None, ["requested"]),
    ],
    ids=["consent withdrawn", "vetoed", "erased", "erased with its handoff", "answered", "nothing"],
)
def test_what_was_missed_is_sent_only_if_it_still_may_be(
    world: World, happens: Callable[[World], object], told: list[str]
) -> None:
    for number in range(TOLERATED):
        world.missed.failed(SLACK, world.clock.now(), f"no answer {number}")
    world.deliver()
    happens(world)
    world.clock.advance(MINUTE)
    recovery = world.recover()
    assert kinds(world.slack) == told
    assert (recovery.waiting, recovery.down) == (0, {})


@pytest.mark.parametrize(("assignee", "hears"), [(None, ["requested", "reminder"]), ("bob", ["reassignment"])])
def test_whoever_has_the_lead_hears_its_story_though_the_channel_was_down_until_it_was_reassigned(
    world: World, assignee: str | None, hears: list[str]
) -> None:
    down(world)
    world.tell(requested())
    world.tell(world.followed_up("reminder"))
    world.tell(world.followed_up("reassignment", "inside-sales", assignee))
    world.slack.error = None
    world.clock.advance(MINUTE)
    world.recover()
    assert [notice.kind for notice in world.slack.notices if notice.epoch == KEY.epoch] == hears


def test_of_an_answered_handoff_other_systems_are_told_everything_in_order(world: World) -> None:
    place = ChannelKey("inside-sales", "webhook")
    for _ in range(TOLERATED):
        world.missed.failed(place, world.clock.now(), "no answer")
        world.missed.failed(SLACK, world.clock.now(), "no answer")
    world.deliver()
    world.tell(world.followed_up("reminder"))
    world.tell(world.answered())
    world.clock.advance(MINUTE)
    world.recover()
    assert kinds(world.webhook) == ["requested", "reminder", "answered"]
    assert kinds(world.slack) == ["answered"]


def test_a_message_that_the_channel_refuses_for_what_it_says_goes_back_to_the_queue_and_holds_up_no_other(
    world: World,
) -> None:
    down(world)
    for announced in world.more(1, 2):
        world.tell(announced)

    class Picky(RecordingChannel):
        def send(self, notice: Any) -> None:
            if notice.epoch == 1:
                raise Unacceptable("the receiver refused with 400")
            super().send(notice)

    world.teams["inside-sales"]["slack"] = picky = Picky()
    world.clock.advance(MINUTE)
    assert world.recover().waiting == 0
    assert [notice.epoch for notice in picky.notices] == [2, 103]
    [back] = world.queue.messages
    assert (back["detail-type"], back["detail"]["epoch"]) == ("HandoffRequested", 1)  # type: ignore[index]


class Poisoned(RecordingChannel):
    """Answers 500 to some handoffs, whenever they come, and takes all others."""

    def __init__(self, *epochs: int) -> None:
        super().__init__()
        self.poison = epochs

    def send(self, notice: Any) -> None:
        self.error = Unavailable("the receiver answered 500") if notice.epoch in self.poison else None
        super().send(notice)


def test_messages_that_always_fail_hold_up_no_other_and_end_where_the_queue_gives_up(world: World) -> None:
    world.slack = world.teams["inside-sales"]["slack"] = Poisoned(1, 2, 5)
    announced = world.more(*range(1, 10))
    for _ in range(TOLERATED):
        with contextlib.suppress(NotDelivered):
            world.tell(announced[0])
        world.clock.advance(MINUTE)
    for each in announced:
        world.tell(each)

    for _ in range(30):
        world.clock.advance(MINUTE)
        world.recover()

    assert sorted(notice.epoch for notice in world.slack.notices) == [3, 4, 6, 7, 8, 9]
    assert (world.missed.waiting(), world.missed.breakers()) == ([], {})
    back = list(world.queue.messages)
    assert sorted(each["detail"]["epoch"] for each in back) == [1, 2, 5]  # type: ignore[index]
    for _ in range(2 * TOLERATED):
        for body in back:
            told = HandoffRequested.model_validate(body["detail"])
            with pytest.raises(NotDelivered) as error:
                world.notify().deliver(told, Moment(world.clock.now() + MINUTE), str(body["given_back"]))
            assert error.value.delivery.refused == ("slack",)
        world.clock.advance(MINUTE)
    assert (world.missed.waiting(), world.missed.breakers()) == ([], {})


def test_what_was_given_back_is_tried_although_the_channel_is_down_and_is_put_by_on_others(world: World) -> None:
    down(world)
    for _ in range(TOLERATED):
        world.missed.failed(MAIL, world.clock.now(), "SES did not answer")
    world.slack.error = None
    [announced] = world.more(1)
    delivery = world.notify().deliver(announced, Moment(world.clock.now() + MINUTE), SLACK.text)

    assert (list(delivery.sent), list(delivery.put_by)) == (["slack", "webhook"], ["email"])
    assert world.missed.breaker(SLACK).is_open


def test_of_one_handoff_nothing_overtakes_what_came_before_it(world: World) -> None:
    place = ChannelKey("inside-sales", "webhook")
    for _ in range(TOLERATED):
        world.missed.failed(place, world.clock.now(), "no answer")
    world.deliver()
    world.tell(world.followed_up("reminder"))
    [other] = world.more(2)
    world.tell(other)
    world.tell(world.answered())

    class Failing(RecordingChannel):
        def send(self, notice: Any) -> None:
            failing = (notice.epoch, notice.kind) == (KEY.epoch, "requested")
            self.error = Unavailable("the receiver answered 500") if failing else None
            super().send(notice)

    world.teams["inside-sales"]["webhook"] = failing = Failing()
    for _ in range(5):
        world.clock.advance(MINUTE)
        world.recover()

    assert [(notice.epoch, notice.kind) for notice in failing.notices] == [
        (2, "requested"),
        (KEY.epoch, "reminder"),
        (KEY.epoch, "answered"),
    ]


def test_what_waits_for_a_team_that_has_left_the_settings_goes_back_to_the_queue(world: World) -> None:
    down(world)
    world.teams = {"default": {"slack": RecordingChannel()}}
    world.clock.advance(MINUTE)
    assert world.recover().waiting == 0
    assert [each["detail"]["epoch"] for each in world.queue.messages] == [103]  # type: ignore[index]
    world.recover()
    assert world.missed.breakers() == {}


def test_what_another_delivery_is_sending_waits_for_the_next_tick(world: World) -> None:
    down(world)
    key = world.more(103)[0].key
    world.slack.error = None
    world.clock.advance(MINUTE)
    world.handoffs.claim(key, "slack", world.clock.now(), world.clock.now() + MINUTE)  # type: ignore[arg-type]
    assert world.recover().waiting == 1
    assert not world.slack.notices
    world.clock.advance(MINUTE)
    assert world.recover().sent == {SLACK: 1}


def test_a_tick_that_has_no_time_left_begins_nothing(world: World) -> None:
    down(world)
    world.slack.error = None
    world.clock.advance(MINUTE)
    assert world.recover(seconds=10).waiting == 1
    assert not world.slack.notices


def test_a_channel_that_is_down_does_not_hold_up_what_another_missed(world: World) -> None:
    down(world)
    for _ in range(TOLERATED):
        world.missed.failed(MAIL, world.clock.now(), "SES did not answer")
    world.deliver()
    world.clock.advance(MINUTE)
    recovery = world.recover()
    assert (recovery.sent, list(recovery.down)) == ({MAIL: 1}, [SLACK])


def test_what_was_put_by_when_the_breaker_had_just_closed_is_sent_by_the_next_tick(world: World) -> None:
    down(world)
    world.missed.close(SLACK)
    world.slack.error = None
    world.clock.advance(MINUTE)
    assert world.recover().sent == {SLACK: 1}


def test_a_channel_that_fails_is_not_tried_again_in_the_same_tick_although_its_breaker_is_closed(world: World) -> None:
    down(world)
    for announced in world.more(1, 2):
        world.tell(announced)
    world.missed.close(SLACK)
    world.clock.advance(MINUTE)
    world.recover()
    assert world.slack.tries == TOLERATED + 1


def test_what_was_put_by_names_nobody(world: World) -> None:
    down(world)
    world.deliver()
    held = repr([world.missed.next(place, 100) for place in world.missed.waiting()])
    assert KEY.text in held
    assert not [word for word in ("sam", "Sam", "Jones", "Acme", "acme") if word in held]
