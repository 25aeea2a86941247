import boto3
import pytest
from typer.testing import CliRunner

from infra.cli import account, secrets
from infra.cli.main import app
from infra.deployed import Deployed
from infra.failure import Failure
from infra.secret_store import NeededSecret, SecretStore, needed_secrets
from infra.settings import parse_settings

SETTINGS = parse_settings(
    """
write_keys:
  - {kind: public, name: website, key: k, activities: [page_viewed]}
  - {kind: secret, name: servers, secret: servers-key}
forms:
  - {name: demo, hosted_by: {kind: typeform, secret: typeform-signing}}
  - {name: demo-in-german, hosted_by: {kind: typeform, secret: typeform-signing}}
teams:
  default: {email: [sales@example.com], slack: slack-sales, webhook: {url: "https://crm.example.com", secret: signing}}
  emea: {slack: slack-sales}
email_from: baton@example.com
""",
    "prod",
)


@pytest.fixture
def store(aws, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    return SecretStore(Deployed("prod", region="eu-central-1"))


def test_every_secret_that_the_settings_name_is_needed_once():
    assert needed_secrets(SETTINGS) == [
        NeededSecret("servers-key", "write_key"),
        NeededSecret("typeform-signing", "form"),
        NeededSecret("signing", "webhook"),
        NeededSecret("slack-sales", "slack"),
        NeededSecret("erasure", "erasure"),
        NeededSecret("lead-page", "lead_page"),
    ]


def test_a_secret_is_stored_encrypted_under_the_environments_name(store):
    store.put("servers-key", "s3cret")

    ssm = boto3.client("ssm", region_name="eu-central-1")
    parameter = ssm.get_parameter(Name="/baton/prod/servers-key", WithDecryption=True)["Parameter"]
    assert (parameter["Type"], parameter["Value"]) == ("SecureString", "s3cret")


def test_storing_again_replaces(store):
    store.put("servers-key", "old")
    store.put("servers-key", "new")

    ssm = boto3.client("ssm", region_name="eu-central-1")
    assert ssm.get_parameter(Name="/baton/prod/servers-key", WithDecryption=True)["Parameter"]["Value"] == "new"


def test_the_list_of_stored_secrets_has_names_and_never_texts(store):
    store.put("servers-key", "s3cret")
    boto3.client("ssm", region_name="eu-central-1").put_parameter(
        Name="/baton/staging/other", Value="x", Type="SecureString"
    )

    stored = store.stored()
    assert list(stored) == ["servers-key"]
    assert "s3cret" not in str(stored)


def test_people_read_to_the_minute_in_utc_when_a_secret_was_stored(store, monkeypatch):
    store.put("servers-key", "s3cret")
    needed = [NeededSecret("servers-key", "write_key"), NeededSecret("signing", "webhook")]
    monkeypatch.setattr(secrets, "_environment", lambda _: (Deployed("prod", region="eu-central-1"), needed))

    told = CliRunner().invoke(app, ["secrets", "list", "--env", "prod"]).stdout
    (stored,) = store.stored().values()

    assert "stored (UTC)" in told
    assert f"│ {stored[:16].replace('T', ' ')} │" in told
    assert stored.endswith("+00:00")


def test_a_secret_that_is_made_is_random_and_stays_what_it_is(store):
    ssm = boto3.client("ssm", region_name="eu-central-1")

    assert store.make("erasure")
    made = ssm.get_parameter(Name="/baton/prod/erasure", WithDecryption=True)["Parameter"]
    assert not store.make("erasure")

    again = ssm.get_parameter(Name="/baton/prod/erasure", WithDecryption=True)["Parameter"]
    assert (made["Type"], again["Value"]) == ("SecureString", made["Value"])
    assert len(made["Value"]) >= 32


def test_the_secret_of_erasures_is_set_by_nobody():
    result = CliRunner().invoke(app, ["secrets", "set", "erasure", "--env", "prod"], input="other")

    assert isinstance(result.exception, Failure)
    assert "nobody who was erased would be known again" in result.exception.what


def test_a_deployment_makes_the_secret_of_erasures_once(aws, monkeypatch):
    monkeypatch.setattr(account, "_run", lambda *_: None)
    monkeypatch.setattr(account, "of_environment", lambda name: Deployed(name, region="eu-central-1"))
    ssm = boto3.client("ssm", region_name="eu-central-1")

    texts = []
    for _ in range(2):
        done = CliRunner().invoke(app, ["deploy", "--env", "prod", "--yes"])
        assert done.exit_code == 0, done.output
        texts.append(ssm.get_parameter(Name="/baton/prod/erasure", WithDecryption=True)["Parameter"]["Value"])

    assert texts[0] == texts[1]
    assert texts[0] not in done.output


def test_the_secret_of_links_is_made_by_a_deployment_and_set_by_nobody(aws, monkeypatch):
    monkeypatch.setattr(account, "_run", lambda *_: None)
    monkeypatch.setattr(account, "of_environment", lambda name: Deployed(name, region="eu-central-1"))
    ssm = boto3.client("ssm", region_name="eu-central-1")

    done = CliRunner().invoke(app, ["deploy", "--env", "prod", "--yes"])
    assert done.exit_code == 0, done.output
    assert len(ssm.get_parameter(Name="/baton/prod/lead-page", WithDecryption=True)["Parameter"]["Value"]) >= 32

    result = CliRunner().invoke(app, ["secrets", "set", "lead-page", "--env", "prod"], input="other")
    assert isinstance(result.exception, Failure)
    assert "baton secrets rotate lead-page --env prod" in result.exception.remedy


def test_a_rotation_signs_with_a_new_secret_and_keeps_the_one_before_it_and_no_older_one(aws, monkeypatch):
    monkeypatch.setattr(secrets, "of_environment", lambda name: Deployed(name, region="eu-central-1"))
    ssm = boto3.client("ssm", region_name="eu-central-1")
    ssm.put_parameter(Name="/baton/prod/lead-page", Value="first", Type="SecureString")

    texts = ["first"]
    for _ in range(2):
        done = CliRunner().invoke(app, ["secrets", "rotate", "lead-page", "--env", "prod"])
        assert done.exit_code == 0, done.output
        texts.append(ssm.get_parameter(Name="/baton/prod/lead-page", WithDecryption=True)["Parameter"]["Value"])
        assert not set(texts[-1].split()) & set(done.output.split())

    assert texts[1].endswith(" first")
    assert texts[2].split()[1:] == texts[1].split()[:1]


def test_a_secret_is_of_this_machine_where_no_environment_is_named(aws, monkeypatch):
    asked = []

    def environment(name):
        asked.append(name)
        return None, []

    monkeypatch.setattr(secrets, "_environment", environment)

    result = CliRunner().invoke(app, ["secrets", "set", "nope"], input="text")
    assert isinstance(result.exception, Failure)
    assert (asked, result.exception.what) == (["local"], "The settings of local name no secret 'nope'.")
    assert "`baton secrets list --env local`" in result.exception.remedy
    result = CliRunner().invoke(app, ["secrets", "rotate", "other"])
    assert "baton secrets set other --env local" in result.exception.remedy


def test_a_secret_that_others_hold_too_is_not_replaced_by_baton_itself():
    result = CliRunner().invoke(app, ["secrets", "rotate", "erasure", "--env", "prod"])

    assert isinstance(result.exception, Failure)
    assert "not erasure" in result.exception.what
