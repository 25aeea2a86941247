from shared.domain.events import RulesPublished
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.rules import RuleVersion


class InMemoryRuleVersions:
    """Rule versions in a list; the last is active."""

    def __init__(self) -> None:
        self.outbox: list[Event] = []
        self._versions: list[RuleVersion] = []

    def active_number(self) -> int:
        return len(self._versions)

    def get(self, number: int) -> RuleVersion | None:
        return self._versions[number - 1] if 0 < number <= len(self._versions) else None

    def all(self) -> list[RuleVersion]:
        return self._versions[::-1]

    def publish(self, version: RuleVersion) -> None:
        if version.number != len(self._versions) + 1:
            raise Conflict("that number is taken, or the pointer has moved on")
        self._versions.append(version)
        said = RulesPublished(
            id=f"rules-{version.number}",
            version=version.number,
            sha256=version.sha256,
            published_at=version.published_at,
        )
        self.outbox.append(Event(id=said.id, name=said.NAME, detail=said.as_detail()))
