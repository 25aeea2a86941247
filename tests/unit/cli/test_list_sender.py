"""Which key a list is sent with, and what is said when it cannot be sent."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3

from infra.deployed import Deployed
from infra.failure import Failure
from infra.list_sender import ListSender, list_sender
from infra.secret_store import SecretStore
from infra.settings import read_settings
from tests.gateway import Gateway

PROD = read_settings("prod")
QUICK = urllib3.Retry(total=2, status_forcelist=(503,), allowed_methods=None, raise_on_status=False)


@pytest.fixture
def deployed(aws: None, monkeypatch: pytest.MonkeyPatch) -> SecretStore:
    """The stack of prod, and its secrets."""
    monkeypatch.delenv("BATON_WRITE_KEY", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(Deployed, "outputs", {"ApiUrl": "https://api.example.com/"})
    return SecretStore(Deployed("prod", region=PROD.region))


def test_the_key_is_the_stored_text_of_the_settings_secret_key(deployed: SecretStore) -> None:
    deployed.put("servers-write-key", "sk_stored")

    assert list_sender(PROD) == list_sender(PROD, "servers") == ListSender("https://api.example.com", "sk_stored")


def test_a_key_in_the_environment_goes_before_it_unless_one_is_named(
    deployed: SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_WRITE_KEY", "sk_own")

    deployed.put("servers-write-key", "sk_stored")

    assert (list_sender(PROD).key, list_sender(PROD, "servers").key) == ("sk_own", "sk_stored")


def test_a_key_that_is_not_there_is_told_with_what_to_do(deployed: SecretStore) -> None:
    with pytest.raises(Failure, match="not stored") as missing:
        list_sender(PROD)
    assert "baton secrets set servers-write-key --env prod" in missing.value.remedy
    with pytest.raises(Failure, match="no secret write key called 'crm'") as unknown:
        list_sender(PROD, "crm")
    assert "servers" in unknown.value.remedy


def answering(*replies: dict[str, Any]) -> Gateway:
    left = list(replies)
    return Gateway(lambda _: {"headers": {}, "body": "{}", **(left.pop(0) if len(left) > 1 else left[0])})


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again_after_the_time_that_the_answer_tells(status: int) -> None:
    gateway = answering(
        {"statusCode": status, "headers": {"retry-after": "0"}}, {"statusCode": 200, "body": '{"x": 1}'}
    )
    with gateway.listening():
        assert ListSender(gateway.url, "k").send({}) == {"x": 1}
    assert gateway.statuses == [status, 200]


def test_what_does_not_pass_is_told_and_can_be_gone_on_with() -> None:
    gateway = answering({"statusCode": 503, "headers": {"retry-after": "0"}, "body": '{"message": "come later"}'})
    with gateway.listening(), pytest.raises(Failure, match="503: come later") as failure:
        ListSender(gateway.url, "k", QUICK).send({})
    assert gateway.statuses == [503] * 3
    assert "goes on where it was" in failure.value.remedy


@pytest.mark.parametrize(
    ("status", "body", "what", "remedy"),
    [
        (401, '{"message": "the write key is unknown"}', "401: the write key is unknown", "BATON_WRITE_KEY"),
        (422, '{"message": "no", "details": {"at": "map"}}', r"422: no \(map\)", ""),
        (413, "<html>", "413: ", ""),
        (404, "[]", "404: ", ""),
    ],
)
def test_what_is_refused_is_told_and_not_tried_again(status: int, body: str, what: str, remedy: str) -> None:
    gateway = answering({"statusCode": status, "body": body})
    with gateway.listening(), pytest.raises(Failure, match=what) as failure:
        ListSender(gateway.url, "k").send({})
    assert len(gateway.statuses) == 1
    assert remedy in failure.value.remedy


def test_an_api_that_is_not_there_is_told() -> None:
    with pytest.raises(Failure, match="does not answer"):
        ListSender("http://127.0.0.1:9", "k", urllib3.Retry(0)).send({})
