from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.calls import Calls, record

HERE = Path(__file__).parent
LAST = "test_grants.py"


@pytest.fixture(scope="session", autouse=True)
def calls() -> Iterator[Calls]:
    """What each function called in the tests so far."""
    noted: Calls = {}
    with pytest.MonkeyPatch.context() as patch:
        record(noted, patch)
        yield noted


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The comparison of calls and grants comes after every test that calls, and only where all of them run."""
    here = {item.path.name for item in items if item.path.parent == HERE}
    last = [item for item in items if item.path == HERE / LAST]
    items[:] = [item for item in items if item not in last]
    if here == {path.name for path in HERE.glob("test_*.py")} and not config.option.keyword:
        items += last
    else:
        config.hook.pytest_deselected(items=last)
