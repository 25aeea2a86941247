"""What `erase` is told by the stack."""

from shared.adapters.environment import FunctionSettings


class Settings(FunctionSettings):
    """The environment of `erase`. `erasure_secret` names the secret with which names are made into tombstones."""

    activities_table: str
    leads_table: str
    erasures_table: str
    erasure_secret: str
    queue_url: str
    score_queue_url: str
