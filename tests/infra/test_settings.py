"""One typed file for each environment, whose errors name the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.admin.settings import Settings as AdminSettings
from functions.ingest.settings import HubSpotHost
from functions.ingest.settings import Settings as IngestSettings
from functions.notify.settings import Member, Team
from functions.notify.settings import Settings as NotifySettings
from infra.cli.publish import STARTING_RULES
from infra.failure import Failure
from infra.settings import ENVIRONMENTS, Settings, SettingsError, parse_settings, read_settings
from shared.adapters.environment import SettingsError as NotTold
from shared.adapters.environment import load
from shared.adapters.yaml12 import load_yaml
from shared.domain.people import Role
from shared.domain.reading import parse_rule_file
from tests.infra.template import Template

LEAST = "teams: {default: {slack: sales-channel}}\n"
HUBSPOT = "{kind: hubspot, portal: 4711, form: 319478e5-e5fd-4d39-9d13-fc1f90bf46da}"


@pytest.mark.parametrize("path", sorted(ENVIRONMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_that_comes_along_fits(path: Path) -> None:
    assert read_settings(path.stem).environment == path.stem


def test_the_least_that_a_team_must_say_is_who_receives_handoffs() -> None:
    settings = parse_settings(LEAST, "small")
    assert settings.consent_required is True
    assert settings.deletion_protection is True
    assert settings.allow_local_receivers is False
    assert settings.origins == ()
    assert settings.budgets.model_dump() == {
        "key": 60_000,
        "identity": 3_000,
        "sender": 1_200,
        "form": 600,
        "address": 30,
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("orgins: []", "orgins: there is no such key; did you mean origins?"),
        ("zzz: 1", "zzz: there is no such key; the keys here are runs_on, account,"),
        ("throttle: {rat: 5}", "throttle.rat: there is no such key; did you mean rate?"),
        ("budgets: {adress: 30}", "budgets.adress: there is no such key; did you mean address?"),
        ("budgets: {key: 100}", "budgets.key: Input should be greater than or equal to 500"),
        ("forms: [{name: f, budget: 0}]", "forms.0.budget: Input should be greater than or equal to 1"),
        ("throttle: {rate: 0}", "throttle.rate: Input should be greater than or equal to 1"),
        ("retention: {log: 30}", "retention.log: there is no such key; did you mean logs?"),
        ("retention: {logs: 31}", "retention.logs: Input should be 1, 3, 5"),
        (
            "sign_in: {kind: oidc, isuer: 'https://a.example'}",
            "sign_in.isuer: there is no such key; did you mean issuer?",
        ),
        ("sign_in: {kind: saml}", "sign_in.kind: there is no kind 'saml'; the kinds here are cognito, oidc"),
        ("sign_in: {issuer: x}", "sign_in.kind: it is missing; the kinds here are cognito, oidc"),
        ("write_keys: [{kind: pubic}]", "write_keys.0.kind: there is no kind 'pubic'; did you mean public?"),
        ("write_keys: [{kind: public, name: w, key: k}]", "write_keys.0.activities: Field required"),
        (
            "write_keys: [{kind: secret, name: s, secrets: x}]",
            "write_keys.0.secrets: there is no such key; did you mean secret?",
        ),
        (
            "forms: [{name: f, consent: {field: c, wordin: w, version: '1'}}]",
            "forms.0.consent.wordin: there is no such key",
        ),
        (
            "forms: [{name: f, hosted_by: {kind: weblow}}]",
            "forms.0.hosted_by.kind: there is no kind 'weblow'; did you mean webflow?",
        ),
        ("forms: [{name: f, hosted_by: {kind: 7}}]", "forms.0.hosted_by.kind: there is no kind 7; the kinds here are"),
        (
            "forms: [{name: f, hosted_by: {kind: typeform, secrets: x}}]",
            "forms.0.hosted_by.secrets: there is no such key; did you mean secret?",
        ),
        ("forms: [{name: f, hosted_by: {kind: webflow}}]", "forms.0.hosted_by.secret: Field required"),
        (
            "forms: [{name: f, hosted_by: {kind: typeform, secret: 'The secret itself'}}]",
            "forms.0.hosted_by.secret: 'The secret itself' is no name of a secret",
        ),
        (
            "forms: [{name: f, hosted_by: {kind: hubspot, portal: 47a, form: contact}}]",
            "forms.0.hosted_by.form: String should match",
        ),
        (
            f"forms: [{{name: f, hosted_by: {HUBSPOT}}}, {{name: g, hosted_by: {HUBSPOT.replace('da}', 'DA}')}}}]",
            "forms: the form 319478e5-e5fd-4d39-9d13-fc1f90bf46da of HubSpot's portal 4711 is there twice",
        ),
        ("origins: ['https://example.com/']", "origins.0: String should match"),
        ("alarm_emails: [oncall]", "alarm_emails.0: String should match"),
        ("consent_required: no", "consent_required: Input should be a valid boolean"),
        ("account: 123456789012", "account: Input should be a valid string"),
        ("catalogue: {Signed Up: Trial Started}", "catalogue.Signed Up: String should match"),
        ("catalogue: {'': trial_started}", "catalogue..[key]: String should have at least 1 character"),
        ("catalogue: {Signed Up: identified}", "catalogue: 'Signed Up' cannot be of the type 'identified'"),
        (
            "catalogue: {Signed Up: trial_started, signedUp: account_opened}",
            "catalogue: 'Signed Up' and 'signedUp' are one name, 'signed_up', and cannot be both account_opened and",
        ),
        ("environment: prod", "environment: the file's name says it; leave the key out"),
        ("origins: []\norigins: []", "the key 'origins' stands here twice (line 3)"),
        ("lead_link: https://crm.example.com/", "lead_link: String should match"),
        ("lead_page_days: 0", "lead_page_days: Input should be greater than or equal to 1"),
        ("api_address: leads.example.com", "api_address: String should match"),
        ("api_address: 'https://example.com/{stage}'", "api_address: String should match"),
        (
            "write_keys: [{kind: secret, name: s, secret: lead-page}]",
            "write_keys.0.secret: 'lead-page' is a secret of Baton's own",
        ),
        ("allow_local_receivers: true", "allow_local_receivers: only an environment with `runs_on: this_machine`"),
    ],
)
def test_an_error_names_the_key_and_what_it_may_be(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(LEAST + text, "small")
    assert [line for line in caught.value.problems if line.startswith(problem)], caught.value.problems


def test_a_portal_of_hubspot_may_be_written_as_the_number_that_it_is() -> None:
    (form,) = parse_settings(LEAST + f"forms: [{{name: f, hosted_by: {HUBSPOT}}}]", "small").forms

    assert isinstance(form.hosted_by, HubSpotHost)
    assert form.hosted_by.place == ("4711", "319478e5-e5fd-4d39-9d13-fc1f90bf46da")


@pytest.mark.parametrize(
    ("teams", "problem"),
    [
        ("{emea: {slack: a}}", "teams: a team `default` must receive what names no other team"),
        ("{default: {}}", "teams.default: needs at least one of email, slack, webhook"),
        ("{default: {email: [a@example.com]}}", "email_from: teams.default is told by e-mail, which needs a sender"),
        ("{default: {emial: [a@example.com]}}", "teams.default.emial: there is no such key; did you mean email?"),
        (
            "{default: {webhook: {url: 'http://crm.example.com', secret: a}}}",
            "teams.default.webhook.url: must start with https://",
        ),
        (
            "{default: {slack: 'https://hooks.slack.com/services/T/B/x'}}",
            "teams.default: this looks like the secret itself; write a name here",
        ),
        (
            "{default: {slack: a, members: [{name: ada}, {name: ada}]}}",
            "teams.default.members: the name 'ada' is used twice",
        ),
        (
            "{default: {slack: a, members: [{name: emea}]}, emea: {slack: a}}",
            "teams.default.members: 'emea' is the name of a team",
        ),
        ("{default: {slack: a, members: [{name: ada, weight: 0}]}}", "teams.default.members.0.weight: Input should be"),
        ("{default: {slack: a, members: [{name: Ada L}]}}", "teams.default.members.0.name: String should match"),
        ("{default: {slack: a, members: [{name: a, slack: ada}]}}", "teams.default.members.0.slack: String should"),
        (
            "{default: {slack: a, members: [{name: a, wieght: 2}]}}",
            "teams.default.members.0.wieght: there is no such key; did you mean weight?",
        ),
        (
            "{default: {members: [{name: ada, email: ada}]}}",
            "teams.default.members.ada.email: 'ada' is no e-mail address, such as ada@example.com",
        ),
        ("{default: {email: [sales]}}", "teams.default.email: 'sales' is no e-mail address"),
        (
            "{default: {members: [{name: a, email: a@example.com}]}}",
            "email_from: teams.default is told by e-mail, which needs a sender",
        ),
        ("{default: {members: [{name: ada}]}}", "teams.default: needs at least one of email, slack, webhook, or a"),
        ("{default: {slack: Sales Channel}}", "teams.default: 'Sales Channel' is no name of a secret"),
        ("{default: {slack: erasure}}", "teams.default: 'erasure' is a secret of Baton's own"),
    ],
)
def test_a_team_that_does_not_fit_is_refused(teams: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(f"teams: {teams}", "small")
    assert [line for line in caught.value.problems if line.startswith(problem)], caught.value.problems


def test_a_mail_with_its_copies_has_as_many_addresses_as_ses_takes() -> None:
    def with_others(others: int) -> Settings:
        addresses = ", ".join(f"p{number}@example.com" for number in range(others))
        team = f"{{email: [{addresses}], members: [{{name: ada, email: ada@example.com}}]}}"
        return parse_settings(f"email_from: b@example.com\nteams: {{default: {team}}}\n", "small")

    assert with_others(49).teams["default"].members[0].name == "ada"
    with pytest.raises(SettingsError, match=r"teams\.default\.email: a mail would go to 51 addresses"):
        with_others(50)


def test_a_mail_is_to_the_assignee_with_the_team_in_copy() -> None:
    ada, bob, eve = Member(name="ada", email="a@x.example"), Member(name="bob", email="b@x.example"), Member(name="eve")
    team = Team(email=("sales@x.example", "a@x.example"), members=(ada, bob, eve))
    assert team.recipients("ada") == (["a@x.example"], ["sales@x.example"])
    assert team.recipients("bob", before="ada") == (["b@x.example"], ["sales@x.example", "a@x.example"])
    for nobody in (None, "eve", "somebody who has left"):
        assert team.recipients(nobody) == (["sales@x.example", "a@x.example"], [])
    assert Team(members=(ada, bob, eve)).recipients() == (["a@x.example", "b@x.example"], [])


def test_new_rules_need_the_words_of_marketing_and_sales_unless_the_settings_say_otherwise() -> None:
    assert parse_settings(LEAST, "small").rules.model_dump() == {
        "approvals": ("marketing", "sales"),
        "handoff_budget": 15,
    }
    assert parse_settings(LEAST + "rules: {approvals: []}\n", "small").rules.approvals == ()
    assert read_settings("prod").rules.approvals == ("marketing", "sales")
    assert read_settings("local").rules.approvals == ()


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("{approvals: [marketing, marketing]}", "a role stands there twice"),
        ("{approvals: [analyst]}", "rules.approvals.0"),
        ("{handoff_budget: -1}", "rules.handoff_budget"),
        ("{approval: []}", "did you mean approvals?"),
    ],
)
def test_what_new_rules_need_is_checked(rules: str, problem: str) -> None:
    with pytest.raises(SettingsError) as told:
        parse_settings(LEAST + f"rules: {rules}\n", "small")
    assert problem in str(told.value)


def test_an_error_names_the_line() -> None:
    with pytest.raises(SettingsError, match=r"retention\.log: .* \(line 4\)"):
        parse_settings(LEAST + "retention:\n  logs: 30\n  log: 30\n", "small")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(LEAST + "orgins: []\nthrotle: {}", "small")
    assert len(caught.value.problems) == 2


def test_a_secret_itself_is_never_repeated_in_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings("teams: {default: {slack: 'https://hooks.slack.com/services/T/B/hush'}}", "small")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "just words", "{unclosed: ["])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_settings(text, "small")


def test_an_environment_whose_name_cannot_name_a_stack_is_refused() -> None:
    with pytest.raises(SettingsError, match="environment"):
        parse_settings(LEAST, "My Environment")


def test_settings_reach_the_functions_as_the_functions_read_them(prod: Template) -> None:
    settings = read_settings("prod")
    ingest = load(IngestSettings, _environment(prod, "ingest"))
    notify = load(NotifySettings, _environment(prod, "notify"))
    admin = load(AdminSettings, _environment(prod, "admin"))
    assert ingest.forms == settings.forms
    assert ingest.origins == settings.origins
    assert ingest.budgets == settings.budgets
    assert ingest.retention_days == settings.retention.activities
    assert [getattr(key, "secret", None) for key in ingest.write_keys] == [None, "/baton/prod/servers-write-key"]
    assert notify.teams == settings.teams
    assert notify.email_from == settings.email_from
    assert notify.consent_required is True
    assert (admin.approvals, admin.handoff_budget) == ((Role.MARKETING, Role.SALES), 15)


def test_a_function_that_is_not_told_whose_words_rules_need_takes_none_for_enough(prod: Template) -> None:
    environment = {name: value for name, value in _environment(prod, "admin").items() if name != "APPROVALS"}

    with pytest.raises(NotTold, match="APPROVALS"):
        load(AdminSettings, environment)


def test_links_lead_to_the_settings_address_of_the_api_else_to_its_name_else_to_the_one_of_aws(
    prod: Template, synthesised: Callable[[Settings], Template]
) -> None:
    certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
    domain = f"domain: {{name: leads.example.com, certificate: '{certificate}'}}\n"
    told = {
        name: _environment(synthesised(parse_settings(LEAST + text, name)), "notify")
        for name, text in (("named", domain), ("fronted", domain + "api_address: https://go.example.com/baton"))
    }

    assert told["named"]["PAGE_ADDRESS"] == "https://leads.example.com"
    assert told["fronted"]["PAGE_ADDRESS"] == "https://go.example.com/baton"
    assert "ApiEndpoint" in _environment(prod, "notify")["PAGE_ADDRESS"]
    assert told["named"]["PAGE_SECRET"] == "/baton/named/lead-page"
    assert told["named"]["PAGE_DAYS"] == "30"


def test_settings_too_large_for_lambda_are_refused_before_anything_is_deployed(
    synthesised: Callable[[Settings], Template],
) -> None:
    fields = ", ".join(f"field_{number}: lead.fact_{number}" for number in range(200))
    with pytest.raises(Failure) as caught:
        synthesised(parse_settings(LEAST + f"forms: [{{name: long, fields: {{{fields}}}}}]", "large"))
    assert "`ingest`" in caught.value.what
    assert "4096" in caught.value.what
    assert "forms" in caught.value.remedy


def _environment(template: Template, verb: str) -> dict[str, str]:
    variables = template.resource(template.functions()[verb])["Properties"]["Environment"]["Variables"]
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}


@pytest.mark.parametrize(
    ("named", "hint"), [("prd", "Did you mean prod?"), ("../prod", "prod"), ("nowhere", "local, prod")]
)
def test_an_environment_that_is_not_there_is_told_with_those_that_are(named: str, hint: str) -> None:
    with pytest.raises(Failure, match="There is no environment") as caught:
        read_settings(named)
    assert hint in caught.value.remedy


def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"nothing\.yaml cannot be read"):
        read_settings("prod", tmp_path / "nothing.yaml")


def test_every_team_that_the_starting_rules_name_is_one_of_this_machine() -> None:
    rosters = {name: team.members for name, team in read_settings("local").teams.items()}
    rules = parse_rule_file(load_yaml(STARTING_RULES.read_text()))

    assert {rule.to for rule in rules.handoff.values()} <= rosters.keys()
    assert all(rosters[rule.to] for rule in rules.handoff.values())
