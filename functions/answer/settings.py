"""What `answer` is told by the stack."""

from shared.adapters.environment import FunctionSettings


class Settings(FunctionSettings):
    """The environment of `answer`. `page_secret` names the secret with which the links to pages are signed."""

    activities_table: str
    leads_table: str
    page_secret: str
    consent_required: bool = True
