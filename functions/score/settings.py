"""What `score` is told by the stack."""

from shared.adapters.environment import FunctionSettings


class Settings(FunctionSettings):
    """The environment of `score`. `queue_url` is its own queue: retries and leads to touch."""

    activities_table: str
    leads_table: str
    queue_url: str
