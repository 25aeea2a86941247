from functools import cache

import pytest
from typer.main import get_command

import infra.cli.main  # noqa: F401 - it puts the commands together, whichever test comes first


@pytest.fixture(autouse=True, scope="session")
def _a_command_is_made_once():
    """Typer's runner makes the whole command anew for each call, which takes longer than most calls themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command))
        yield
