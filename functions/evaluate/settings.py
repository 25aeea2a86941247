"""What `evaluate` is told by the stack."""

from shared.adapters.environment import FunctionSettings


class Settings(FunctionSettings):
    """The environment of `evaluate`."""

    leads_table: str
    queue_url: str
    consent_required: bool = True
