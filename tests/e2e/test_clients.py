"""Clients that teams have already, unmodified: only where they send to and the key are set.

The log holds exactly what they were told, once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import customerio.analytics.client  # type: ignore[import-untyped]
import pytest
import rudderstack.analytics.client  # type: ignore[import-untyped]
import segment.analytics.client  # type: ignore[import-untyped]
import urllib3
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from shared.domain.activity import Activity
from shared.domain.moments import Moment, parse_moment
from tests.e2e.conftest import LONG, Cloud
from tests.e2e.node import Node

pytestmark = pytest.mark.e2e

SCRIPTS = Path(__file__).with_name("clients")
MANY = 500
PEOPLE = 20

Call = dict[str, Any]


class Logged(NamedTuple):
    """What of an activity a client decides. `identities` are the keys of those that it names."""

    type: str
    identities: frozenset[str]
    occurred_at: Moment


def calls(client: str) -> list[Call]:
    """What a server tells of twenty people, in Segment's words and to the millisecond: 500 calls of every kind."""
    begun = datetime.now(tz=UTC).replace(microsecond=0) - timedelta(days=2)
    return [_call(client, number, begun + timedelta(seconds=number, milliseconds=number)) for number in range(MANY)]


def _call(client: str, number: int, at: datetime) -> Call:
    person = f"{client}-{number % PEOPLE}"
    common = {
        "messageId": f"{client}.{number}",
        "userId": person,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    match number % 50:
        case 0:
            return common | {"call": "identify", "traits": {"email": f"{person}@many.example", "firstName": "Many"}}
        case 1:
            return common | {"call": "group", "groupId": f"{client}-group", "traits": {"employees": number}}
        case 2:
            return common | {"call": "alias", "previousId": f"{person}-before"}
        case 3:
            return common | {"call": "screen", "name": "Plans"}
        case rest if rest % 5 == 0:
            return common | {"call": "page", "name": "Pricing", "properties": {"path": "/pricing"}}
    return common | {"call": "track", "event": "Webinar Registered", "properties": {"number": number}}


TYPES = {
    "alias": "aliased",
    "group": "grouped",
    "identify": "identified",
    "page": "page_viewed",
    "screen": "screen_viewed",
    "track": "webinar_registered",
}


def expected(told: list[Call]) -> dict[str, Logged]:
    return {call["messageId"]: _expected(call) for call in told}


def _expected(call: Call) -> Logged:
    names = {f"user_id:{call['userId']}"}
    if call["call"] == "identify":
        names.add(f"email:{call['traits']['email']}")
    if call["call"] == "alias":
        names |= {f"user_id:{call['previousId']}", f"anonymous_id:{call['previousId']}"}
    return Logged(TYPES[call["call"]], frozenset(names), parse_moment(call["timestamp"]))


def logged(cloud: Cloud, belongs: Callable[[Activity], bool]) -> tuple[int, dict[str, Logged]]:
    """How many activities of the log belong to a client, and what they say, by their ids."""
    found = [each for each in cloud.log() if belongs(each)]
    said = {
        each.id: Logged(each.type, frozenset(name.key for name in each.identities), each.occurred_at) for each in found
    }
    return len(found), said


def assert_logged_once(cloud: Cloud, client: str, told: list[Call]) -> None:
    count, said = logged(cloud, lambda activity: activity.id.startswith(f"{client}."))
    assert said == expected(told)
    assert count == MANY


@contextmanager
def a_way_to(api: str, *, losing: int = 0) -> Iterator[tuple[str, list[int]]]:
    """An address of the API that is a host and no more, as on AWS, because some clients leave out a path in it.

    The first answers may be lost on the way: the client hears of a fault, though all was taken.
    """
    statuses: list[int] = []
    one_at_a_time = threading.Lock()  # The emulator would start a worker for each request of those that come together.

    class Way(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with one_at_a_time:
                answer = urllib3.request("POST", api + self.path, body=body, headers=headers, timeout=LONG)
                statuses.append(answer.status)
                lost = len(statuses) <= losing
            self.send_response(503 if lost else answer.status)
            if lost:
                self.send_header("retry-after", "0")
            self.send_header("content-length", str(0 if lost else len(answer.data)))
            self.end_headers()
            self.wfile.write(b"" if lost else answer.data)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (the standard library's name)
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Way) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", statuses
        server.shutdown()


IN_PYTHON = {
    "alias": {"previousId": "previous_id"},
    "group": {"groupId": "group_id"},
}


def send_with(client: Any, told: list[Call]) -> None:
    """Tell a client for Python, which calls things otherwise."""
    for call in told:
        said = {"message_id": call["messageId"], "user_id": call["userId"]}
        said |= {IN_PYTHON.get(call["call"], {}).get(name, name): value for name, value in call.items()}
        for name in ("call", "messageId", "userId"):
            del said[name]
        getattr(client, call["call"])(**said | {"timestamp": datetime.fromisoformat(call["timestamp"])})


def test_segments_client_for_python_is_taken_whole_and_once_though_answers_are_lost(cloud: Cloud) -> None:
    told, errors = calls("segment-python"), []
    with a_way_to(cloud.where["api"], losing=2) as (host, statuses):
        client = segment.analytics.client.Client(
            cloud.where["secret_key"], host=host, on_error=lambda error, _: errors.append(error)
        )
        send_with(client, told)
        client.shutdown()

    assert errors == []
    assert set(statuses) == {200}
    assert_logged_once(cloud, "segment-python", told)


def test_rudderstacks_client_for_python_is_taken_whole(cloud: Cloud) -> None:
    told, errors = calls("rudder-python"), []
    client = rudderstack.analytics.client.Client(
        cloud.where["secret_key"], host=cloud.where["api"], on_error=lambda error, _: errors.append(error)
    )
    send_with(client, told)
    client.shutdown()

    assert errors == []
    assert_logged_once(cloud, "rudder-python", told)


def test_customer_ios_client_for_python_is_taken_whole(cloud: Cloud) -> None:
    told, errors = calls("customerio-python"), []
    client = customerio.analytics.client.Client(
        cloud.where["secret_key"], host=cloud.where["api"], on_error=lambda error, _: errors.append(error)
    )
    send_with(client, told)
    client.shutdown()

    assert errors == []
    assert_logged_once(cloud, "customerio-python", told)


def test_what_the_sdk_of_cloudevents_sends_in_its_modes_is_taken_whole(cloud: Cloud) -> None:
    begun = datetime.now(tz=UTC).replace(microsecond=0) - timedelta(days=2)
    attributes = {"source": "https://Köln.example/a b", "type": "Webinar Registered"}
    told = [
        CloudEvent(
            {**attributes, "id": f"{n}", "time": begun + timedelta(seconds=n)}, {"user_id": f"events-{n % PEOPLE}"}
        )
        for n in range(MANY)
    ]
    alone = [to_structured_event(each) for each in told]
    batch = b"[" + b",".join(each.body for each in alone[20:]) + b"]"
    messages = [*alone[:10], *map(to_binary_event, told[10:20])]
    messages.append(HTTPMessage({"content-type": "application/cloudevents-batch+json"}, batch))
    where = cloud.where
    key = urllib3.util.make_headers(basic_auth=f"{where['secret_key']}:")
    for message in messages:
        url, headers = f"{where['api']}/v1/events", {**message.headers, **key}
        answer = urllib3.request("POST", url, body=message.body, headers=headers, timeout=LONG)
        assert (answer.status, answer.json()) == (200, {"success": True})

    count, said = logged(cloud, lambda activity: activity.source == attributes["source"])
    assert said == {
        f"{attributes['source']}:{n}": Logged(
            "webinar_registered",
            frozenset({f"user_id:events-{n % PEOPLE}"}),
            parse_moment((begun + timedelta(seconds=n)).isoformat()),
        )
        for n in range(MANY)
    }
    assert count == MANY


@pytest.mark.network
@pytest.mark.parametrize("client", ["analytics-node", "cdp-analytics-node", "rudder-sdk-node"])
def test_a_client_for_node_is_taken_whole(cloud: Cloud, node: Node, client: str) -> None:
    told = calls(client)
    with a_way_to(cloud.where["api"]) as (host, statuses):
        node.run(SCRIPTS / f"{client}.cjs", told={"host": host, "writeKey": cloud.where["secret_key"], "calls": told})

    assert set(statuses) == {200}
    assert_logged_once(cloud, client, told)


SENT_BY_SEGMENTS = """async ({ api, writeKey, person, many, begun }) => {
    const apiHost = api.replace("http://", "") + "/v1";
    const integrations = { "Segment.io": { apiKey: writeKey, apiHost, protocol: "http" } };
    const cdnSettings = { integrations, metrics: { sampleRate: 0 } };
    const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnSettings });
    const at = (number) => ({ timestamp: new Date(begun + number * 1001) });
    const sent = [await analytics.identify(person, { email: "shopper@many.example" }, at(0))];
    sent.push(await analytics.alias(person, analytics.user().anonymousId(), at(1)));
    sent.push(await analytics.group("shop-1", { employees: 9 }, at(2)));
    sent.push(await analytics.screen("App", "Plans", {}, at(3)));
    const numbers = [...Array(many - sent.length).keys()].map((number) => number + sent.length);
    sent.push(...await Promise.all(numbers.map((number) => number % 5
        ? analytics.track("Webinar Registered", { number }, at(number))
        : analytics.page("Shop", "Pricing", {}, at(number)))));
    return sent.map(({ event }) => ({ ...event, timestamp: event.timestamp.toISOString() }));
}"""

SENT_BY_RUDDERSTACKS = """async ({ api, writeKey, person, many, begun }) => {
    const analytics = new rudderanalytics.RudderAnalytics();
    const source = { id: "website", config: {}, destinations: [] };
    const queueOptions = { batch: { enabled: true } };
    analytics.load(writeKey, api, { getSourceConfig: () => ({ source }), queueOptions });
    await new Promise((isReady) => analytics.ready(isReady));
    const at = (number) => ({ originalTimestamp: new Date(begun + number * 1001).toISOString() });
    const sent = [];
    const told = (event) => sent.push({ ...event, timestamp: event.originalTimestamp });
    analytics.identify(person, { email: "shopper@many.example" }, at(0), told);
    analytics.alias(person, analytics.getAnonymousId(), at(1), told);
    analytics.group("shop-1", { employees: 9 }, at(2), told);
    for (let number = sent.length; number < many; number++) {
        if (number % 5) analytics.track("Webinar Registered", { number }, at(number), told);
        else analytics.page("Shop", "Pricing", {}, at(number), told);
    }
    return sent;
}"""

IN_BROWSERS = {
    "@segment/analytics-next": ("dist/umd/index.js", SENT_BY_SEGMENTS),
    "@rudderstack/analytics-js": ("dist/npm/modern/bundled/umd/index.js", SENT_BY_RUDDERSTACKS),
}


def as_a_host(api: str) -> str:
    """The API's address without a path, as it is on AWS: no other is one for RudderStack's client."""
    parts = urlsplit(api)
    return f"http://{parts.path.split('/')[3]}.execute-api.localhost:{parts.port}"


@pytest.mark.browser
@pytest.mark.network
@pytest.mark.parametrize("client", IN_BROWSERS)
def test_a_client_for_browsers_is_taken_whole(cloud: Cloud, node: Node, open_page: Any, client: str) -> None:
    path, script = IN_BROWSERS[client]
    person = f"shopper-of-{client}"
    page = open_page(strict=False)
    page.goto("/pricing")
    page.add_script_tag(path=node.package(client) / path)

    sent = page.evaluate(
        script,
        {
            "api": as_a_host(cloud.where["api"]),
            "writeKey": cloud.where["write_key"],
            "person": person,
            "many": MANY,
            "begun": int((datetime.now(tz=UTC) - timedelta(days=2)).timestamp() * 1000),
        },
    )

    (browser,) = {event["anonymousId"] for event in sent}
    names = frozenset({f"user_id:{person}", f"anonymous_id:{browser}"})
    expected = {
        f"public:{event['messageId']}": Logged(TYPES[event["type"]], names, parse_moment(event["timestamp"]))
        for event in sent
    }
    assert len(expected) == MANY
    cloud.becomes(lambda: logged(cloud, lambda activity: activity.identity.value == person), (MANY, expected))
    assert page.faults == []
