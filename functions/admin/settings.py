"""What `admin` is told by the stack."""

from shared.adapters.environment import FunctionSettings


class Settings(FunctionSettings):
    """The environment of `admin`."""

    activities_table: str
    leads_table: str
    erasures_table: str
    erasure_secret: str
    erase_queue_url: str
    roles_claim: str = "cognito:groups"
