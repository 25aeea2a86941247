from shared.ports.lead_index import Place, Shelf
from tests.fakes.stages import InMemoryStages


class InMemoryLeadIndex:
    """The shelves, read from the stages in memory."""

    def __init__(self, stages: InMemoryStages) -> None:
        self._stages = stages

    def page(self, shelf: Shelf, name: str, limit: int, after: Place | None = None) -> list[Place]:
        standing = [
            Place(record.lead, record.rank)
            for record in self._stages.records.values()
            if record.listed
            and name == ((record.temperature or "none") if shelf is Shelf.TEMPERATURE else record.journey.stage)
        ]
        ordered = sorted(standing, key=lambda place: (-place.rank, place.lead))
        rest = [place for place in ordered if after is None or (-place.rank, place.lead) > (-after.rank, after.lead)]
        return rest[:limit]
