import boto3
import pytest
from moto import mock_aws

from tests.tables import create_tables


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
