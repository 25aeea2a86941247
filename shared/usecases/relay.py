"""Relaying: what is stored in the outbox goes on the bus, at least once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.ports.bus import Bus, Event
from shared.ports.outbox import Outbox
from shared.ports.queue import Queue


@dataclass(frozen=True, slots=True)
class OutboxKey:
    """Where the store keeps a waiting event."""

    partition: str
    sort: str


class NotPublished(Exception):
    """The bus did not take an event; it waits in the queue."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Publishes stored events; the only place that puts events on the bus."""

    bus: Bus
    outbox: Outbox
    queue: Queue

    def publish_all(self, waiting: Mapping[OutboxKey, Event], unreadable: Sequence[OutboxKey] = ()) -> int:
        """Put the events and queue the keys of those that the bus did not take, and of those that nobody could read.

        Returns how many went to the queue, where each is tried by itself.

        Raises:
            Unavailable: the queue failed too; publishing all of them again is safe.
        """
        refused = {event.id for event in self.bus.put(list(waiting.values()))} if waiting else set()
        keys = [key for key, event in waiting.items() if event.id in refused]
        keys += unreadable
        if keys:
            self.queue.send([{"pk": key.partition, "sk": key.sort} for key in keys])
        return len(keys)

    def publish(self, key: OutboxKey) -> bool:
        """Put the event stored under a key; false when nothing is stored there any more.

        Raises:
            NotPublished: the bus did not take it.
            Unavailable: the store cannot answer now.
        """
        event = self.outbox.get(key.partition, key.sort)
        if event is None:
            return False
        if self.bus.put([event]):
            msg = f"the bus did not take {event.name} {event.id}"
            raise NotPublished(msg)
        return True
