"""What `admin` is told by the stack."""

from pydantic import Field

from shared.adapters.environment import FunctionSettings
from shared.domain.routing import Member


class Settings(FunctionSettings):
    """The environment of `admin`. `teams` are the rosters that a published rule file may name, without addresses."""

    activities_table: str
    leads_table: str
    erasures_table: str
    erasure_secret: str
    erase_queue_url: str
    roles_claim: str = "cognito:groups"
    teams: dict[str, tuple[Member, ...]] = Field(default_factory=dict)
