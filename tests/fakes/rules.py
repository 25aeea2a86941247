from shared.domain.drafts import Draft
from shared.domain.events import RulesPublished
from shared.ports.bus import Event
from shared.ports.errors import Conflict
from shared.ports.rules import RuleVersion


class InMemoryRuleVersions:
    """Rule versions in a list; the last is active."""

    def __init__(self) -> None:
        self.outbox: list[Event] = []
        self._versions: list[RuleVersion] = []
        self._drafts: dict[int, Draft] = {}

    def active_number(self) -> int:
        return len(self._versions)

    def get(self, number: int) -> RuleVersion | None:
        return self._versions[number - 1] if 0 < number <= len(self._versions) else None

    def all(self) -> list[RuleVersion]:
        return self._versions[::-1]

    def publish(self, version: RuleVersion, draft: Draft | None = None) -> None:
        if version.number != len(self._versions) + 1:
            raise Conflict("that number is taken, or the pointer has moved on")
        if draft:
            self.store(draft)
        self._versions.append(version)
        said = RulesPublished(
            id=f"rules-{version.number}",
            version=version.number,
            sha256=version.sha256,
            published_at=version.published_at,
        )
        self.outbox.append(Event(id=said.id, name=said.NAME, detail=said.as_detail()))

    def draft(self, number: int) -> Draft | None:
        return self._drafts.get(number)

    def drafts(self, limit: int, before: int | None = None) -> list[Draft]:
        numbers = sorted((each for each in self._drafts if before is None or each < before), reverse=True)
        return [self._drafts[each] for each in numbers[:limit]]

    def store(self, draft: Draft) -> None:
        known = self._drafts.get(draft.number)
        if known == draft:
            return
        if (known.revision if known else -1) != draft.revision - 1:
            raise Conflict("that number is taken, or somebody wrote it meanwhile")
        self._drafts[draft.number] = draft
