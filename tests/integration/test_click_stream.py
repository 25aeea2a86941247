"""A shop's click stream comes by an unmodified client, and again as a list: each click once, each score its replay."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from segment.analytics.client import Client  # type: ignore[import-untyped]
from typer.testing import CliRunner

from functions.ingest.handler import lambda_handler
from infra.cli import import_list
from infra.cli.main import app
from infra.list_sender import ListSender
from infra.settings import read_settings
from shared.adapters.clock import SystemClock
from shared.domain.activity import Activity, IdentityKind
from shared.domain.explanation import Explanation
from shared.domain.moments import Moment, from_datetime
from tests.fakes import InMemoryActivities
from tests.gateway import Gateway
from tests.people import email, user
from tests.unit.test_import import intake_of
from tests.unit.test_score import House

VISITORS = [f"visitor-{number}" for number in range(60)]
NAMED = VISITORS[::3]
"""Who tells an address after a while, as one visitor in three does."""
CLICKS = 3000
EVENTS = {
    "home": 40,
    "catalog": 25,
    "search": 12,
    "product_view": 12,
    "add_to_cart": 3,
    "payment_details": 2,
    "payment_error": 3,
    "purchase": 1,
}
"""How often each happens among the others."""
HEADINGS = ("user_id", "event", "date", "session")
RULES = {
    "name": "shop",
    "behaviour": [
        {"id": "views", "on": "product_view", "points": 2, "cap": 40, "decay": {"half_life": "90d"}},
        {"id": "browsing", "on": ["catalog", "search"], "points": 1, "group": "looks"},
        {"id": "cart", "on": "add_to_cart", "points": 8, "decay": {"half_life": "60d"}, "cap": 80},
        {"id": "intent", "on": "payment_details", "points": 20, "at_least": {"times": 2, "within": "7d"}},
        {"id": "bought", "on": "purchase", "points": 30, "repeat": {"once_per_value": "properties.session"}},
        {"id": "trouble", "on": "payment_error", "points": -3, "expires_after": "100d"},
        {"id": "silent", "idle": {"for": "20d", "of": "any"}, "points": -10, "cap": 30},
    ],
    "groups": {"looks": {"cap": 12}},
    "fit": [{"id": "desktop", "where": {"lead.platform": {"is": "desktop"}}, "points": 5, "otherwise": -1}],
    "temperature": [{"name": "cold"}, {"name": "warm", "above": 20}, {"name": "hot", "above": 60}],
}


class Click(NamedTuple):
    visitor: str
    event: str
    at: datetime
    session: str


class Shop(Gateway):
    """What a shop's server, or its list, tells comes to `ingest`."""

    def __init__(self) -> None:
        self.log = InMemoryActivities()
        intake = intake_of(self.log)
        super().__init__(lambda event: lambda_handler(event, None, intake))

    def activities(self) -> list[Activity]:
        names = [*map(user, VISITORS), *(email(address(visitor)) for visitor in NAMED)]
        return [activity for name in names for activity in self.log.under(name)]


def address(visitor: str) -> str:
    return f"{visitor}@shop.example"


def click_stream() -> list[Click]:
    """What sixty visitors did in 250 days, some of it twice in one second."""
    chance = Random(11)
    begun = datetime.now(tz=UTC).replace(microsecond=0) - timedelta(days=300)
    events = chance.choices(list(EVENTS), list(EVENTS.values()), k=CLICKS - 30)
    moments = [begun + timedelta(seconds=chance.randrange(250 * 86_400)) for _ in events]
    clicks = [Click(chance.choice(VISITORS), event, at, "") for event, at in zip(events, moments, strict=True)]
    clicks += chance.sample(clicks, 30)
    return [click._replace(session=f"s-{click.at:%j}") for click in chance.sample(clicks, CLICKS)]


def told_by_a_client(shop: Shop, clicks: list[Click]) -> None:
    errors: list[Any] = []
    segment = Client("sk_crm", host=shop.url, on_error=lambda error, _batch: errors.append(error))
    for number, click in enumerate(clicks):
        told = {"session": click.session}
        segment.track(click.visitor, click.event, told, timestamp=click.at, message_id=f"click-{number}")
    for visitor in NAMED:
        segment.identify(visitor, {"email": address(visitor), "platform": "desktop"}, timestamp=clicks[0].at)
    segment.shutdown()
    assert errors == []


def told_by_a_list(shop: Shop, clicks: list[Click], folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("BATON_HOME", str(folder / "home"))
    patch.setattr(import_list, "_settings", lambda _: read_settings("local"))
    patch.setattr(import_list, "list_sender", lambda *_: ListSender(shop.url, "sk_crm"))
    rows = [(each.visitor, each.event, f"{each.at:%Y-%m-%d %H:%M:%S}", each.session) for each in clicks]
    people = [(visitor, address(visitor), "desktop") for visitor in NAMED]
    at = ("--as", "identified", "--at", clicks[0].at.isoformat(), "--map", "platform=lead.platform")
    for name, headings, lines, options in (
        ("clicks", HEADINGS, rows, ("--map", "event=type")),
        ("people", ("user_id", "email", "platform"), people, at),
        ("clicks", HEADINGS, rows, ("--map", "event=type")),
    ):
        path = folder / f"{name}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([headings, *lines])
        done = CliRunner().invoke(app, ["import", str(path), "--yes", *options])
        assert done.exit_code == 0, done.output


def scored(activities: Iterable[Activity], now: Moment) -> tuple[dict[str, Explanation], dict[str, Explanation]]:
    """What is stored of each visitor's score when the log came in batches in any order, and what its replay says."""
    house = House(RULES)
    house.clock.moment = now
    rest = list(activities)
    chance = Random(7)
    chance.shuffle(rest)
    stored, replayed = {}, {}
    everything = list(rest)
    while rest:
        many = chance.randint(1, 400)
        assert house.take(*rest[:many]) == []
        rest = rest[many:]
    for visitor in VISITORS:
        record = house.lead(user(visitor))
        rules = house.rulebook.version(record.rules_version).rules
        own = [each for each in everything if user(visitor) in each.identities]
        own.sort(key=lambda each: (each.occurred_at, each.id))
        stored[visitor], replayed[visitor] = rules.explain(record.state, now), rules.explain(own, now)
    return stored, replayed


def plain(activity: Activity) -> tuple[str, str, Moment, Any]:
    who = next(each.value for each in activity.identities if each.kind is IdentityKind.USER_ID)
    return who, activity.type, activity.occurred_at, activity.properties.get("session")


@pytest.mark.parametrize("way", ["client", "list"])
def test_a_click_stream_is_in_the_log_once_and_every_score_is_its_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    clicks, shop = click_stream(), Shop()

    with shop.listening():
        if way == "client":
            told_by_a_client(shop, clicks)
        else:
            told_by_a_list(shop, clicks, tmp_path, monkeypatch)

    log = shop.activities()
    expected: list[Any] = [(each.visitor, each.event, from_datetime(each.at), each.session) for each in clicks]
    expected += [(visitor, "identified", from_datetime(clicks[0].at), None) for visitor in NAMED]
    assert len(shop.log) == len(log) == CLICKS + len(NAMED)
    assert Counter(map(plain, log)) == Counter(expected)
    stored, replayed = scored(log, SystemClock().now())
    assert stored == replayed
    assert {each.temperature for each in stored.values()} == {"cold", "warm", "hot"}
