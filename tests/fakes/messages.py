from collections.abc import Mapping, Sequence

from shared.ports.bus import Event
from shared.ports.errors import SecretMissing, Unavailable


class InMemoryQueue:
    """Remembers what was sent, and in `delays` for how many seconds it was kept back; `fails` makes it refuse."""

    def __init__(self) -> None:
        self.messages: list[Mapping[str, object]] = []
        self.delays: list[int] = []
        self.fails = False

    def send(self, messages: Sequence[Mapping[str, object]]) -> None:
        if self.fails:
            raise Unavailable("the queue did not answer")
        self.messages.extend(messages)

    def waiting(self) -> int:
        return len(self.messages)

    def send_later(self, messages: Sequence[Mapping[str, object]], seconds: int) -> None:
        self.send(messages)
        self.delays.append(seconds)


class InMemoryBus:
    """Remembers what was put; it does not take the events whose ids stand in `refuses`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.refuses: set[str] = set()

    def put(self, events: Sequence[Event]) -> list[Event]:
        refused = [event for event in events if event.id in self.refuses]
        self.events.extend(event for event in events if event.id not in self.refuses)
        return refused


class InMemorySecrets:
    """Secrets by name."""

    def __init__(self, **secrets: str) -> None:
        self.stored = dict(secrets)

    def get(self, name: str, *, anew: bool = False) -> str:
        if name not in self.stored:
            raise SecretMissing(name)
        return self.stored[name]
