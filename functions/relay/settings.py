"""What `relay` is told by the stack."""

from shared.adapters.environment import FunctionSettings


class Settings(FunctionSettings):
    """The environment of `relay`."""

    leads_table: str
    bus_name: str
    queue_url: str
