"""What `rescore` is told by the stack."""

from shared.adapters.environment import FunctionSettings
from shared.usecases.rescore import SEGMENTS


class Settings(FunctionSettings):
    """The environment of `rescore`. It asks `score` to touch leads, through `score_queue_url`."""

    activities_table: str
    leads_table: str
    score_queue_url: str
    segments: int = SEGMENTS
    page: int = 500
