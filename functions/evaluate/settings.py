"""What `evaluate` is told by the stack."""

from pydantic import Field

from shared.adapters.environment import FunctionSettings
from shared.domain.routing import Member


class Settings(FunctionSettings):
    """The environment of `evaluate`. `teams` are the rosters: who can get a lead, without anybody's address."""

    leads_table: str
    queue_url: str
    consent_required: bool = True
    teams: dict[str, tuple[Member, ...]] = Field(default_factory=dict)
