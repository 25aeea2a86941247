"""What leads do in the crash tests, and what must have come of it whatever went wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.activity import Activity, Claims
from shared.domain.handoff import AnswerKind
from shared.domain.moments import DAY, HOUR, SECOND, Moment, parse_moment
from shared.domain.people import Person, Role
from shared.usecases.answer import AnswerTold
from shared.usecases.publish import PublishingWish
from tests.crash.world import BEGINNING, Answering, Asking, World
from tests.people import activity, email, merged, unmerged

START = parse_moment(BEGINNING)
RULES: Mapping[str, Any] = {
    "name": "acme",
    "behaviour": [
        {"id": "demo", "on": "demo_requested", "points": 60, "decay": {"linear": {"lose": "100%", "every": "30d"}}},
        {"id": "brief", "on": "brief_sent", "points": 70},
        {"id": "view", "on": "page_viewed", "points": 40, "repeat": "once"},
    ],
    "vetoes": [{"id": "rival", "where": {"company.domain": {"is": "rival.example"}}}],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 50}],
    "stages": [
        {"name": "suspect", "enter": {"activity": "form_submitted"}},
        {
            "name": "mql",
            "from": ["suspect", "cold", "recycled"],
            "enter": {"score": {"at_least": 50}},
            "leave": {"when": {"score": {"below": 30}}, "to": "cold"},
        },
        {"name": "sql", "from": ["mql"], "enter": {"activity": "webinar_attended", "since": "stage_entry"}},
        {"name": "cold"},
        {"name": "recycled", "from": ["mql"], "enter": {"activity": "handoff_recycled", "since": "stage_entry"}},
    ],
    "handoff": {
        "mql": {
            "to": "inside-sales",
            "respond_within": "10h",
            "notify": ["email", "slack", "webhook"],
            "remind": "2h",
            "escalate": {"to": "sales-lead", "after": "1h"},
            "reassign": {"after": "5h"},
        },
        "sql": {"to": "account-executives", "respond_within": "5h", "notify": ["webhook"]},
    },
}
LENIENT = {**RULES, "stages": [dict(each) for each in RULES["stages"]]}
LENIENT["stages"][1]["enter"] = {"score": {"at_least": 35}}
"""Under these rules one look at a page is enough for marketing."""

MIA, BO = (Person(name, name, frozenset({role})) for name, role in (("mia", Role.MARKETING), ("bo", Role.SALES)))


@dataclass(frozen=True, slots=True)
class Story:
    """What happens, and what must come of it.

    `handoffs` are all that are to be committed, `told` all messages, by team and channels, that are to arrive, and
    `path` is each lead's way through the stages. `either` are messages that may arrive, because two things happen at
    the same moment. `given_up` is how many messages end in a dead-letter queue, and `answers` how many people answer.
    `versions` is how many rule versions there are in the end, of which those in `applied` hold for all leads, as is
    told once of each.
    """

    happens: Callable[[World], None]
    handoffs: tuple[str, ...]
    told: tuple[tuple[str, str, tuple[str, ...]], ...]
    path: Mapping[str, tuple[str, ...]]
    either: frozenset[str] = frozenset()
    given_up: int = 0
    answers: int = 0
    versions: int = 1
    applied: tuple[int, ...] = ()


def did(kind: str, name: str = "ada", id_: str = "", **claims: Any) -> Activity:
    """Somebody does something."""
    return activity(f"{name}-{id_ or kind}", email(f"{name}@engines.example"), type=kind, claims=Claims(**claims))


def after(world: World, duration: int) -> None:
    """Everything that is to be done before settles, time passes, the schedule ticks, and it settles again.

    `duration` counts from the beginning.
    """
    moment = Moment(START + duration)
    world.work(before=moment)
    world.until(moment)
    world.work()
    world.until(world.clock.now())
    world.work()


def says(person: str, kind: AnswerKind, key: str = "ada.mql.1", *, look_again: int | None = None) -> Answering:
    """Somebody's answer to a handoff; `look_again` counts from the beginning."""
    lead, stage, epoch = key.split(".")
    moment = None if look_again is None else Moment(START + look_again)
    reason = {"accepted": None, "rejected": "no_need", "recycled": "bad_timing"}[kind]
    told = AnswerTold(f"{person}-{key}", kind, reason, look_again=moment)
    return Answering(Person(person, person, frozenset({Role.SALES})), lead, stage, int(epoch), told)


def becomes_mql(world: World) -> None:
    """Ada is handed over, for something that does not age."""
    world.publish(RULES)
    world.did(did("form_submitted", consent="granted"), did("brief_sent"))


def out_and_back(world: World) -> None:
    """Handed over, cold by the mere passing of time, back, and ready to buy: three handoffs."""
    world.publish(RULES)
    world.did(did("form_submitted", consent="granted"), did("demo_requested", id_="first"))
    after(world, HOUR)
    world.answers(says("ben", "accepted"))
    after(world, 20 * DAY)
    world.did(did("demo_requested", id_="second"))
    after(world, 20 * DAY + HOUR)
    world.did(did("webinar_attended"))
    after(world, 20 * DAY + 2 * HOUR)


def permission_comes_late(world: World) -> None:
    """Above the threshold without permission, and handed over when it is given."""
    world.publish(RULES)
    world.did(did("demo_requested"), did("form_submitted"))
    after(world, HOUR)
    world.did(did("form_submitted", id_="again", consent="granted"))
    after(world, 3 * HOUR)


def permission_goes_and_comes(world: World) -> None:
    """Withdrawn while people are about to be told of the handoff or the reminder: both are told when it is back."""
    becomes_mql(world)
    world.work(before=Moment(START + 6 * SECOND))
    world.did(did("email_unsubscribed", consent="denied"))
    after(world, HOUR)
    world.did(did("form_submitted", id_="again", consent="granted"))
    reminded = Moment(START + 9 * HOUR + HOUR // 2)
    world.work(before=reminded)
    world.until(reminded)
    world.work(before=Moment(reminded + 5 * SECOND))
    world.did(did("email_unsubscribed", id_="again", consent="denied"))
    after(world, 10 * HOUR)
    world.did(did("form_submitted", id_="once more", consent="granted"))
    after(world, 10 * HOUR + HOUR // 2)


def rules_change(world: World) -> None:
    """New rules move a lead into a stage: nobody is called for it. What the lead does afterwards counts."""
    world.publish(RULES)
    world.did(did("form_submitted", consent="granted"), did("page_viewed"))
    after(world, HOUR)
    world.publish(LENIENT)
    under_new_rules(world)


def under_new_rules(world: World) -> None:
    after(world, 2 * HOUR)
    after(world, 3 * HOUR)
    world.did(did("webinar_attended"))
    after(world, DAY)


def a_draft_is_published(world: World) -> None:
    """People draft new rules, give their words and publish: they hold once, as if they had been published at once."""
    world.publish(RULES)
    world.did(did("form_submitted", consent="granted"), did("page_viewed"))
    world.asks(Asking(lambda drafts, _: drafts.draft(LENIENT, json.dumps(LENIENT), "More leads.", MIA)))
    after(world, HOUR // 4)
    world.asks(Asking(lambda drafts, _: drafts.propose(1, MIA)))
    after(world, HOUR // 2)
    world.asks(Asking(lambda drafts, _: drafts.approve(1, MIA)), Asking(lambda drafts, _: drafts.approve(1, BO)))
    after(world, HOUR)
    world.asks(Asking(lambda _, publish: publish.publish_draft(1, MIA, PublishingWish(force="Both have agreed."))))
    under_new_rules(world)


def nobody_answers(world: World) -> None:
    """Reminded, escalated and reassigned, each once; then two people answer at once."""
    becomes_mql(world)
    after(world, 9 * HOUR)
    after(world, 12 * HOUR)
    after(world, 16 * HOUR)
    world.answers(says("ben", "accepted"), says("cleo", "rejected"))
    after(world, 20 * HOUR)


def answered_in_time(world: World) -> None:
    """Nobody is reminded of what is answered."""
    becomes_mql(world)
    after(world, HOUR)
    world.answers(says("ben", "accepted"))
    after(world, 9 * HOUR)
    after(world, 20 * HOUR)


def answered_at_the_last_moment(world: World) -> None:
    """The answer comes at the moment of the reminder: one of the two is first."""
    becomes_mql(world)
    world.answers(says("ben", "accepted"), at=Moment(START + 9 * HOUR))
    after(world, 9 * HOUR)
    after(world, 20 * HOUR)


def given_back(world: World) -> None:
    """Recycled with a day to look again: on that day the lead is handed over anew, for what holds then."""
    becomes_mql(world)
    after(world, HOUR)
    world.answers(says("ben", "recycled", look_again=5 * DAY))
    after(world, 4 * DAY)
    after(world, 5 * DAY + HOUR)


def a_channel_is_down(world: World) -> None:
    """Slack is down for hours: the others are told meanwhile, and it is once it is back."""
    world.down["slack"] = Moment(START + 3 * HOUR)
    becomes_mql(world)
    after(world, 2 * HOUR)
    told = {each.channel for each in world.arrived}
    world.violations += [f"{name} waited for another channel" for name in ("email", "webhook") if name not in told]
    after(world, 4 * HOUR)
    after(world, 5 * HOUR)


def announced_by_nobody(world: World) -> None:
    """Something else announces a handoff that nobody committed: nothing goes out, and somebody looks at it."""
    world.publish(RULES)
    world.did(did("form_submitted", consent="granted"))
    world.work()
    lead = next(iter(world.leads.records))
    forged = {"lead": lead, "stage": "mql", "epoch": 1, "to": "inside-sales", "requested_at": BEGINNING}
    world.put("notify", {"detail-type": "HandoffRequested", "detail": {**forged, "id": "forged"}})
    after(world, HOUR)


def joined_and_parted(world: World) -> None:
    """Two leads with open handoffs turn out to be one, and are two after all: no handoff is lost or made twice."""
    ada, bob = (email(f"{name}@engines.example") for name in ("ada", "bob"))
    world.publish(RULES)
    for name in ("ada", "bob"):
        world.did(did("form_submitted", name, consent="granted"), did("brief_sent", name))
    after(world, HOUR)
    world.did(merged("joined", ada, bob))
    after(world, 9 * HOUR)
    world.answers(says("ben", "accepted"))
    after(world, 12 * HOUR)
    world.did(unmerged("parted", [ada], [bob]))
    after(world, 16 * HOUR)
    world.answers(says("cleo", "rejected", "bob.mql.1"))
    after(world, 20 * HOUR)


ALL, OF_ANSWERS = ("email", "slack", "webhook"), ("slack", "webhook")
FIRST = ("ada.mql.1", "inside-sales", ALL)
ANSWERED = ("ada.mql.1.answered", "inside-sales", OF_ANSWERS)
TO_BUY = ("ada.sql.1", "account-executives", ("webhook",))
STORIES: Mapping[str, Story] = {
    "out and back": Story(
        out_and_back,
        ("ada.mql.1", "ada.mql.2", "ada.sql.1"),
        (FIRST, ANSWERED, ("ada.mql.2", "inside-sales", ALL), TO_BUY),
        {"ada": ("suspect", "mql", "cold", "mql", "sql")},
        answers=1,
    ),
    "permission comes late": Story(permission_comes_late, ("ada.mql.1",), (FIRST,), {"ada": ("suspect", "mql")}),
    "permission goes and comes": Story(
        permission_goes_and_comes,
        ("ada.mql.1",),
        (FIRST, ("ada.mql.1.reminder", "inside-sales", ALL)),
        {"ada": ("suspect", "mql")},
        # What goes wrong may take until then.
        either=frozenset({"ada.mql.1.escalation"}),
    ),
    "rules change": Story(
        rules_change, ("ada.sql.1",), (TO_BUY,), {"ada": ("suspect", "mql", "sql")}, versions=2, applied=(1, 2)
    ),
    "a draft is published": Story(
        a_draft_is_published, ("ada.sql.1",), (TO_BUY,), {"ada": ("suspect", "mql", "sql")}, versions=2, applied=(1, 2)
    ),
    "nobody answers": Story(
        nobody_answers,
        ("ada.mql.1",),
        (
            FIRST,
            ("ada.mql.1.reminder", "inside-sales", ALL),
            ("ada.mql.1.escalation", "sales-lead", ALL),
            ("ada.mql.1.reassignment", "inside-sales", ALL),
            ANSWERED,
            ("ada.mql.1.answered", "sales-lead", OF_ANSWERS),
        ),
        {"ada": ("suspect", "mql")},
        answers=2,
    ),
    "answered in time": Story(
        answered_in_time, ("ada.mql.1",), (FIRST, ANSWERED), {"ada": ("suspect", "mql")}, answers=1
    ),
    "answered at the last moment": Story(
        answered_at_the_last_moment,
        ("ada.mql.1",),
        (FIRST, ANSWERED),
        {"ada": ("suspect", "mql")},
        either=frozenset({"ada.mql.1.reminder"}),
        answers=1,
    ),
    "given back": Story(
        given_back,
        ("ada.mql.1", "ada.mql.2"),
        (FIRST, ANSWERED, ("ada.mql.2", "inside-sales", ALL)),
        {"ada": ("suspect", "mql", "recycled", "mql")},
        answers=1,
    ),
    "a channel is down": Story(a_channel_is_down, ("ada.mql.1",), (FIRST,), {"ada": ("suspect", "mql")}),
    "joined and parted": Story(
        joined_and_parted,
        ("ada.mql.1", "bob.mql.1"),
        (
            FIRST,
            ("bob.mql.1", "inside-sales", ALL),
            ("ada.mql.1.reminder", "inside-sales", ALL),
            ("bob.mql.1.reminder", "inside-sales", ALL),
            ANSWERED,
            ("bob.mql.1.escalation", "sales-lead", ALL),
            ("bob.mql.1.reassignment", "inside-sales", ALL),
            ("bob.mql.1.answered", "inside-sales", OF_ANSWERS),
            ("bob.mql.1.answered", "sales-lead", OF_ANSWERS),
        ),
        {"ada": ("suspect", "mql"), "bob": ("suspect", "mql")},
        answers=2,
    ),
    "announced by nobody": Story(announced_by_nobody, (), (), {"ada": ("suspect",)}, given_up=1),
}
