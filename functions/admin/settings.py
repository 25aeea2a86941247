"""What `admin` is told by the stack."""

from pydantic import Field

from shared.adapters.environment import FunctionSettings
from shared.domain.people import Role
from shared.domain.routing import Member


class Settings(FunctionSettings):
    """The environment of `admin`. `teams` are the rosters that a published rule file may name, without addresses.

    `approvals` are the roles whose words new rules need: that it is nobody's must be said. `handoff_budget` is how many
    percent more handoffs a publish may bring. `page_secret` is the name of the secret that signs the links to leads'
    pages, and simulations. Leads are repaired through `score_queue_url`.
    """

    activities_table: str
    leads_table: str
    erasures_table: str
    erasure_secret: str
    erase_queue_url: str
    score_queue_url: str
    retention_days: int = 760
    anonymous_retention_days: int = 90
    page_secret: str
    consent_required: bool = True
    roles_claim: str = "cognito:groups"
    approvals: tuple[Role, ...]
    handoff_budget: int = 15
    teams: dict[str, tuple[Member, ...]] = Field(default_factory=dict)
