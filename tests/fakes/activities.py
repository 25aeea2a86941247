from collections.abc import Iterable

from shared.domain.activity import Activity, Identity
from shared.domain.moments import Moment
from shared.ports.activities import ActivityKey


class InMemoryActivities:
    """The log as a dictionary; `activity in log` asks by identity and id."""

    def __init__(self) -> None:
        self._log: dict[ActivityKey, Activity] = {}

    def __contains__(self, activity: Activity) -> bool:
        return ActivityKey(activity.identity, activity.id) in self._log

    def __len__(self) -> int:
        return len(self._log)

    def append(self, activities: Iterable[Activity], withheld: Iterable[Activity] = ()) -> None:
        for activity in activities:
            self._log.setdefault(ActivityKey(activity.identity, activity.id), activity)

    def under(self, identity: Identity) -> list[Activity]:
        found = [activity for key, activity in self._log.items() if key.identity == identity]
        return sorted(found, key=lambda activity: (activity.occurred_at, activity.id))

    def segment(
        self, number: int, of: int, after: str | None, limit: int, received_since: Moment | None = None
    ) -> tuple[list[Activity], str | None]:
        keys = sorted(f"{key.identity.key} {key.id}" for key in self._log)
        rest = [key for key in keys[number::of] if after is None or key > after]
        by_key = {f"{key.identity.key} {key.id}": activity for key, activity in self._log.items()}
        page = [by_key[key] for key in rest[:limit]]
        wanted = [each for each in page if received_since is None or each.received_at >= received_since]
        return wanted, rest[limit - 1] if len(rest) > limit else None

    def at(self, key: ActivityKey) -> Activity | None:
        return self._log.get(key)
