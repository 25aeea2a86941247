"""What `reconcile` is told by the stack."""

from shared.adapters.environment import FunctionSettings


class Settings(FunctionSettings):
    """The environment of `reconcile`. At each tick it checks `most` leads, if its time allows for so many."""

    activities_table: str
    leads_table: str
    retention_days: int = 760
    anonymous_retention_days: int = 90
    most: int = 2000
