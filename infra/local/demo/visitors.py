"""Who visits in the demo, and what each of them does; all of it reaches the public API as any client would send it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import groupby
from typing import Any, Literal
from urllib.parse import urlencode

import urllib3
from segment import analytics  # type: ignore[import-untyped]

from infra.failure import Failure

Key = Literal["public", "secret"]

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
"""What the visitors fill in forms with; what a library's own name sends counts as a bot's."""


@dataclass(frozen=True)
class Tracked:
    """A call of Segment's client: `track`, `page` or `identify`, by the website's key or a server's."""

    id: str
    key: Key
    call: Literal["track", "page", "identify"]
    said: Mapping[str, Any]
    days_ago: float = 0


@dataclass(frozen=True)
class Submitted:
    """A form filled in on the website."""

    id: str
    form: str
    fields: Mapping[str, str]


Act = Tracked | Submitted


@dataclass(frozen=True, eq=False)
class Visitor:
    """A visitor of the demo. `then` is done once the first acts have had their effect."""

    name: str
    email: str
    acts: tuple[Act, ...]
    then: tuple[Act, ...] = ()
    score: int = 0
    temperature: str = "cold"
    stages: tuple[str, ...] = ()
    """The stages of which a handoff goes out."""


def _page(visitor: str, number: int, path: str, days_ago: float) -> Tracked:
    said = {"anonymous_id": f"browser-of-{visitor}", "properties": {"path": path}}
    return Tracked(f"demo-{visitor}-page-{number}", "public", "page", said, days_ago)


def _event(visitor: str, number: int, event: str, days_ago: float, key: Key = "public", **properties: str) -> Tracked:
    said = {"user_id": f"{visitor}@{_COMPANIES[visitor]}", "event": event, "properties": properties}
    return Tracked(f"demo-{visitor}-event-{number}", key, "track", said, days_ago)


_COMPANIES = {"sam": "corner-grocer.example", "hana": "harbour-foods.example", "maya": "meadow-wholesale.example"}

SAM = Visitor(
    name="Sam",
    email="sam@corner-grocer.example",
    acts=(
        _page("sam", 1, "/pricing", 5.5),
        _page("sam", 2, "/blog/waste-is-a-forecast", 5.2),
        _page("sam", 3, "/blog/five-questions-for-monday", 5.1),
        _page("sam", 4, "/pricing", 3),
        Tracked(
            "demo-sam-identify",
            "public",
            "identify",
            {"anonymous_id": "browser-of-sam", "traits": {"email": "sam@corner-grocer.example", "firstName": "Sam"}},
            2.9,
        ),
        _event("sam", 1, "Newsletter Subscribed", 2.9, asset="shelf-life-guide"),
        _event("sam", 2, "Webinar Registered", 2, webinar="shelf-life"),
    ),
    score=65,
    temperature="warm",
)

HANA = Visitor(
    name="Hana",
    email="hana@harbour-foods.example",
    acts=(
        *(
            _event("hana", number, "Webinar Registered", 29 - 5 * number, webinar=webinar)
            for number, webinar in enumerate(("shelf-life", "first-order", "lorries", "waste", "year-end"), start=1)
        ),
        _event("hana", 6, "CTA Clicked", 1.5, where="/blog/waste-is-a-forecast"),
        _event("hana", 7, "Rep Contacted", 1, key="secret", by="telephone"),
        Submitted(
            "demo-hana-form",
            "demo-request",
            {
                "email": "hana@harbour-foods.example",
                "first_name": "Hana",
                "last_name": "Okafor",
                "company": "Harbour Foods",
                "title": "Operations",
                "consent": "yes",
            },
        ),
    ),
    score=160,
    temperature="hot",
    stages=("sql",),
)

MAYA = Visitor(
    name="Maya",
    email="maya@meadow-wholesale.example",
    acts=(
        _event("maya", 1, "Newsletter Subscribed", 12, asset="shelf-life-guide"),
        _page("maya", 1, "/pricing", 6),
        Tracked(
            "demo-maya-browser",
            "public",
            "identify",
            {"anonymous_id": "browser-of-maya", "traits": {"email": "maya@meadow-wholesale.example"}},
            5,
        ),
        _page("maya", 2, "/pricing", 2),
        Tracked(
            "demo-maya-identify",
            "secret",
            "identify",
            {
                "user_id": "maya@meadow-wholesale.example",
                "traits": {
                    "firstName": "Maya",
                    "lastName": "Lind",
                    "title": "Head of Purchasing",
                    "company": {"name": "Meadow Wholesale", "employees": 450},
                    "consent": "granted",
                },
            },
            1.2,
        ),
        _event("maya", 2, "Webinar Registered", 1, webinar="shelf-life"),
    ),
    then=(_event("maya", 3, "Webinar Attended", 0, key="secret", webinar="shelf-life"),),
    score=60,
    temperature="warm",
    stages=("mql", "sql"),
)

VISITORS = (SAM, HANA, MAYA)


@dataclass
class Sender:
    """Sends acts through the API: by Segment's own client, unmodified, and forms as a browser posts them."""

    api: str
    keys: Mapping[Key, str]
    now: datetime
    retries: int = 5
    failures: list[str] = field(default_factory=list)

    def send(self, acts: Iterable[Act]) -> datetime:
        """Send acts in their order, and return once the API has taken all of them; answers when the last one was done.

        Raises:
            Failure: it did not take one.
        """
        last = datetime.now(tz=UTC)
        for key, together in groupby(acts, key=lambda act: act.key if isinstance(act, Tracked) else None):
            run = list(together)
            last = self._submit(run) if key is None else self._track(key, run)
        if self.failures:
            raise Failure("The API did not take an activity of the demo.", "See `baton logs ingest`.", self.failures[0])
        return last

    def _track(self, key: Key, acts: Iterable[Act]) -> datetime:
        logging.getLogger("segment").setLevel(logging.CRITICAL)
        client = analytics.Client(self.keys[key], host=self.api, on_error=self._failed, max_retries=self.retries)
        for act in acts:
            if isinstance(act, Tracked):
                moment = self.now - timedelta(days=act.days_ago)
                getattr(client, act.call)(**act.said, timestamp=moment, message_id=act.id)
        last = datetime.now(tz=UTC)
        client.shutdown()
        return last

    def _failed(self, error: Exception, _items: object) -> None:
        self.failures.append(str(error))

    def _submit(self, acts: Iterable[Act]) -> datetime:
        last = datetime.now(tz=UTC)
        for act in acts:
            if isinstance(act, Submitted):
                last = datetime.now(tz=UTC)
                self._post(act)
        return last

    def _post(self, act: Submitted) -> None:
        answer = urllib3.request(
            "POST",
            f"{self.api}/v1/forms/{act.form}",
            body=urlencode({**act.fields, "_id": act.id}),
            headers={
                "accept": "application/json",
                "content-type": "application/x-www-form-urlencoded",
                "user-agent": BROWSER,
            },
            retries=urllib3.Retry(
                self.retries, status_forcelist=range(500, 600), allowed_methods=None, backoff_factor=0.2
            ),
            timeout=30,
        )
        if answer.status != HTTPStatus.OK or json.loads(answer.data) != {"success": True}:
            self.failures.append(f"{answer.status}: {answer.data.decode(errors='replace')[:500]}")
