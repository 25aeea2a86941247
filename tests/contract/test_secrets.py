from abc import ABC, abstractmethod

import boto3
import pytest

from shared.adapters.ssm import SSMSecrets
from shared.ports.errors import SecretMissing
from tests.fakes import FixedClock, InMemorySecrets

NAME = "/baton/test/slack"


class SecretsContract(ABC):
    @pytest.fixture
    @abstractmethod
    def secrets(self):
        """One secret is stored, under NAME."""

    def test_a_stored_secret_is_read_to_the_letter(self, secrets):
        assert secrets.get(NAME) == " first second\n"

    def test_a_missing_secret_is_told_by_its_name(self, secrets):
        with pytest.raises(SecretMissing, match="/baton/test/other"):
            secrets.get("/baton/test/other")


class TestInMemorySecrets(SecretsContract):
    @pytest.fixture
    def secrets(self):
        return InMemorySecrets(**{NAME: " first second\n"})


class TestSSMSecrets(SecretsContract):
    @pytest.fixture
    def secrets(self, aws):
        client = boto3.client("ssm")
        client.put_parameter(Name=NAME, Value=" first second\n", Type="SecureString")
        return SSMSecrets(client, FixedClock())
