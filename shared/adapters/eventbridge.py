"""The bus on EventBridge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.ports.bus import SOURCE, Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_ENTRIES_PER_CALL = 10
_BYTES_PER_CALL = 256 * 1024
_BYTES_OF_A_TIME = 14
"""What EventBridge counts for an entry's time, beside its texts."""


class EventBridgeBus:
    """Puts events on one EventBridge bus."""

    def __init__(self, client: EventBridgeClient, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def put(self, events: Sequence[Event]) -> list[Event]:
        """Put the events and return those not taken; a call that fails as a whole took none of its own."""
        return [event for page in self._pages(events) for event in self._put_page(page)]

    def _put_page(self, page: list[Event]) -> list[Event]:
        try:
            answer = self._client.put_events(Entries=[self._entry(event) for event in page])
        except (ClientError, BotoCoreError):
            return page
        return [event for event, entry in zip(page, answer["Entries"], strict=True) if "EventId" not in entry]

    def _pages(self, events: Sequence[Event]) -> Iterator[list[Event]]:
        page: list[Event] = []
        size = 0
        for event in events:
            own = _size(self._entry(event))
            if page and (len(page) == _ENTRIES_PER_CALL or size + own > _BYTES_PER_CALL):
                yield page
                page, size = [], 0
            page.append(event)
            size += own
        if page:
            yield page

    def _entry(self, event: Event) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": event.name,
            "Detail": json.dumps({**event.detail, "id": event.id}, sort_keys=True),
        }


def _size(entry: PutEventsRequestEntryTypeDef) -> int:
    return _BYTES_OF_A_TIME + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
