from shared.domain.moments import Moment, parse_moment


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, at: str = "2026-03-02T09:00:00Z") -> None:
        self.moment = parse_moment(at)

    def now(self) -> Moment:
        return self.moment

    def advance(self, microseconds: int) -> None:
        self.moment = Moment(self.moment + microseconds)
