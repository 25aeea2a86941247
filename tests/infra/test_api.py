"""Which route is whose, and who may reach it."""

from __future__ import annotations

import json
from collections.abc import Callable

from infra.settings import Settings, parse_settings
from tests.infra.template import Template, listed, target

LEAST = "teams: {default: {slack: sales-channel}}\n"

OPEN = {
    "POST /v1/batch": "ingest",
    "POST /v1/track": "ingest",
    "POST /v1/identify": "ingest",
    "POST /v1/page": "ingest",
    "POST /v1/screen": "ingest",
    "POST /v1/group": "ingest",
    "POST /v1/alias": "ingest",
    "POST /v1/t": "ingest",
    "POST /v1/p": "ingest",
    "POST /v1/s": "ingest",
    "POST /v1/i": "ingest",
    "POST /v1/g": "ingest",
    "POST /v1/a": "ingest",
    "POST /v1/b": "ingest",
    "POST /v1/events": "ingest",
    "POST /v1/import": "ingest",
    "POST /v1/forms/{form}": "ingest",
    "POST /submissions/v3/integration/submit/{portal}/{form}": "ingest",
    "GET /v1/baton.js": "ingest",
    "GET /handoffs/{token}": "answer",
    "HEAD /handoffs/{token}": "answer",
    "POST /handoffs/{token}": "answer",
    "GET /health": "admin",
    "GET /openapi.json": "admin",
    "GET /docs": "admin",
}
SIGNED_IN = {
    "GET /v1/leads": "admin",
    "GET /v1/leads/{id}": "admin",
    "POST /v1/leads/{id}/adjustments": "admin",
    "POST /v1/leads/{id}/merges": "admin",
    "POST /v1/leads/{id}/unmerges": "admin",
    "POST /v1/leads/{id}/consents": "admin",
    "GET /v1/leads/{id}/export": "admin",
    "POST /v1/leads/{id}/erasures": "admin",
    "POST /v1/leads/{id}/qualifications": "admin",
    "GET /v1/handoffs": "admin",
    "GET /v1/handoffs/{lead}/{stage}/{epoch}": "admin",
    "POST /v1/handoffs/{lead}/{stage}/{epoch}/answers": "admin",
    "POST /v1/leads/{id}/repairs": "admin",
    "GET /v1/drift": "admin",
    "POST /v1/checks": "admin",
    "GET /v1/noise": "admin",
    "POST /v1/noise/marks": "admin",
    "POST /v1/noise/unmarks": "admin",
    "GET /v1/rescores": "admin",
    "POST /v1/rescores": "admin",
    "POST /v1/catch-ups": "admin",
    "GET /v1/rules": "admin",
    "POST /v1/rules": "admin",
    "GET /v1/rules/versions": "admin",
    "GET /v1/rules/{number}": "admin",
    "GET /v1/rules/differences": "admin",
    "POST /v1/rules/differences": "admin",
    "GET /v1/rules/drafts": "admin",
    "POST /v1/rules/drafts": "admin",
    "GET /v1/rules/drafts/{number}": "admin",
    "POST /v1/rules/drafts/{number}/proposals": "admin",
    "POST /v1/rules/drafts/{number}/approvals": "admin",
    "POST /v1/rules/drafts/{number}/withdrawals": "admin",
    "POST /v1/rules/drafts/{number}/publications": "admin",
    "POST /v1/rules/rollbacks": "admin",
    "POST /v1/simulations": "admin",
}


def test_every_route_reaches_its_function(prod: Template) -> None:
    assert _routes(prod) == {**OPEN, **SIGNED_IN}


def test_every_route_but_the_open_ones_asks_for_a_token_of_the_user_pool(prod: Template) -> None:
    [(authorizer, properties)] = prod.of_type("AWS::ApiGatewayV2::Authorizer").items()
    [pool] = prod.of_type("AWS::Cognito::UserPool")
    [client] = prod.of_type("AWS::Cognito::UserPoolClient")
    for route in prod.of_type("AWS::ApiGatewayV2::Route").values():
        if route["RouteKey"] in OPEN:
            assert route["AuthorizationType"] == "NONE"
        else:
            assert route["AuthorizationType"] == "JWT"
            assert target(route["AuthorizerId"]) == authorizer
    assert properties["AuthorizerType"] == "JWT"
    assert [target(audience) for audience in properties["JwtConfiguration"]["Audience"]] == [client]
    assert pool in json.dumps(properties["JwtConfiguration"]["Issuer"])


def test_there_is_no_catch_all_route(prod: Template) -> None:
    assert not [key for key in _routes(prod) if key == "$default" or "ANY" in key or "+}" in key]


def test_browsers_of_the_listed_origins_alone_may_post(prod: Template) -> None:
    [api] = prod.of_type("AWS::ApiGatewayV2::Api").values()
    cors = api["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://www.example.com"]
    assert {"authorization", "content-type"} < set(cors["AllowHeaders"])
    assert cors["ExposeHeaders"] == ["retry-after"]
    assert sorted(cors["AllowMethods"]) == ["GET", "POST"]
    assert "AllowCredentials" not in cors


def test_browsers_may_send_what_clients_tell_in_headers(prod: Template) -> None:
    [api] = prod.of_type("AWS::ApiGatewayV2::Api").values()
    segments = {"authorization", "content-type", "x-retry-count"}
    rudderstacks = {"anonymousid", "authorization", "content-type", "sentat"}
    once_more = {f"rsa-{name}" for name in ("recovered", "retry-attempt", "retry-reason")}
    since = {"rsa-since-first-attempt", "rsa-since-last-attempt"}
    assert set(api["CorsConfiguration"]["AllowHeaders"]) == segments | rudderstacks | once_more | since


def test_without_origins_no_browser_may_post_from_another_page(synthesised: Callable[[Settings], Template]) -> None:
    template = synthesised(parse_settings(LEAST, "closed"))
    [api] = template.of_type("AWS::ApiGatewayV2::Api").values()
    assert "CorsConfiguration" not in api


def test_a_team_can_sign_in_with_its_own_provider(synthesised: Callable[[Settings], Template]) -> None:
    sign_in = "{kind: oidc, issuer: 'https://login.example.com', audience: [baton]}"
    template = synthesised(parse_settings(LEAST + f"sign_in: {sign_in}", "company"))
    [authorizer] = template.of_type("AWS::ApiGatewayV2::Authorizer").values()
    admin = template.resource(template.functions()["admin"])["Properties"]
    assert authorizer["JwtConfiguration"] == {"Audience": ["baton"], "Issuer": "https://login.example.com"}
    assert admin["Environment"]["Variables"]["ROLES_CLAIM"] == "roles"
    assert not template.of_type("AWS::Cognito::UserPool")


def test_an_api_can_have_a_name_of_its_own(synthesised: Callable[[Settings], Template]) -> None:
    certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    domain_setting = f"domain: {{name: leads.example.com, certificate: '{certificate}'}}"
    template = synthesised(parse_settings(LEAST + domain_setting, "named"))
    [domain] = template.of_type("AWS::ApiGatewayV2::DomainName").values()
    [mapping] = template.of_type("AWS::ApiGatewayV2::ApiMapping").values()
    assert domain["DomainName"] == "leads.example.com"
    assert domain["DomainNameConfigurations"][0]["CertificateArn"] == certificate
    assert domain["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
    assert target(mapping["ApiId"]) in template.of_type("AWS::ApiGatewayV2::Api")
    assert "DomainTarget" in template.document["Outputs"]


def test_nobody_signs_up_and_the_groups_are_the_roles(prod: Template) -> None:
    [pool] = prod.of_type("AWS::Cognito::UserPool").values()
    groups = {group["GroupName"] for group in prod.of_type("AWS::Cognito::UserPoolGroup").values()}
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    assert pool["DeletionProtection"] == "ACTIVE"
    assert groups == {"admin", "marketing", "sales", "analyst"}


def test_the_first_password_stands_alone_at_the_end_of_the_invitation_so_that_nothing_else_is_copied(
    prod: Template,
) -> None:
    [pool] = prod.of_type("AWS::Cognito::UserPool").values()
    message = pool["AdminCreateUserConfig"]["InviteMessageTemplate"]["EmailMessage"]
    assert "{username}" in message
    assert message.splitlines()[-1] == "{####}"


def test_the_client_keeps_no_secret_and_tells_nobody_who_has_an_account(prod: Template) -> None:
    [client] = prod.of_type("AWS::Cognito::UserPoolClient").values()
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert set(listed(client["ExplicitAuthFlows"])) == {"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    assert "AllowedOAuthFlows" not in client


def _routes(template: Template) -> dict[str, str]:
    verbs = {logical: verb for verb, logical in template.functions().items()}
    routes = {}
    for route in template.of_type("AWS::ApiGatewayV2::Route").values():
        [integration] = [
            name for name in template.of_type("AWS::ApiGatewayV2::Integration") if name in json.dumps(route)
        ]
        uri = template.resource(integration)["Properties"]["IntegrationUri"]
        routes[route["RouteKey"]] = verbs[target(uri)]
    return routes
