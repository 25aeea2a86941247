"""The one address: intake for everybody with a write key, and everything else for people who signed in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import jsii
from aws_cdk import Duration
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.log import Log

LOGGED: Final = {
    "request_id": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "route": "$context.routeKey",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "integration_error": "$context.integrationErrorMessage",
    "authorizer_error": "$context.authorizer.error",
}
"""An access log's line. It has no address, no agent and no path: a path can hold what a person typed."""


class HttpApi(Construct):
    """An HTTP API on its `$default` stage, so that clients which drop a path from their host still find `/v1`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        origins: Sequence[str],
        rate: int,
        burst: int,
        log_days: int,
        authorizer: apigateway.IHttpRouteAuthorizer,
    ) -> None:
        super().__init__(scope, construct_id)
        self._authorizer = authorizer
        self._integrations: dict[str, HttpLambdaIntegration] = {}
        self.api = apigateway.HttpApi(
            self, "Api", create_default_stage=False, cors_preflight=_preflight(origins) if origins else None
        )
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=rate, burst_limit=burst),
            access_log_settings=_AccessLog(Log(self, "Log", days=log_days)),
        )

    def open_to_all(self, route: str, function: lambda_.IFunction, *, because: str) -> None:
        """Add a route like `POST /v1/batch` that needs no sign-in, and say why it needs none."""
        for added in self._add(route, function, apigateway.HttpNoneAuthorizer()):
            acknowledge(added, "AwsSolutions-APIG4", because)

    def signed_in(self, route: str, function: lambda_.IFunction) -> None:
        """Add a route that only people who signed in reach; the function asks for their role."""
        self._add(route, function, self._authorizer)

    def named(self, name: str, *, certificate: str) -> apigateway.DomainName:
        """Serve the API under a name of one's own as well. The answer's regional domain is what DNS points at."""
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=name,
            certificate=certificates.Certificate.from_certificate_arn(self, "Certificate", certificate),
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        apigateway.ApiMapping(self, "DomainMapping", api=self.api, domain_name=domain, stage=self.stage)
        return domain

    def _add(
        self, route: str, function: lambda_.IFunction, authorizer: apigateway.IHttpRouteAuthorizer
    ) -> list[apigateway.HttpRoute]:
        method, path = route.split()
        place = function.node.path
        if place not in self._integrations:
            self._integrations[place] = HttpLambdaIntegration(
                function.node.scope.node.id if function.node.scope else function.node.id,
                function,
                scope_permission_to_route=False,
            )
        return self.api.add_routes(
            path=path,
            methods=[apigateway.HttpMethod[method]],
            integration=self._integrations[place],
            authorizer=authorizer,
        )


_OF_CLIENTS = (
    "x-retry-count",
    "anonymousid",
    "sentat",
    "rsa-recovered",
    "rsa-retry-attempt",
    "rsa-retry-reason",
    "rsa-since-first-attempt",
    "rsa-since-last-attempt",
)
"""How often Segment's client for browsers tried, and what RudderStack's tells of the browser and of its own tries: what
is not listed no browser sends, and the whole call neither."""


def _preflight(origins: Sequence[str]) -> apigateway.CorsPreflightOptions:
    return apigateway.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
        allow_headers=["authorization", "content-type", *_OF_CLIENTS],
        expose_headers=["retry-after"],
        max_age=Duration.hours(1),
    )


@jsii.implements(apigateway.IAccessLogSettings)
class _AccessLog:
    """Which lines the stage writes, and where."""

    def __init__(self, log: Log) -> None:
        self._destination = apigateway.LogGroupLogDestination(log.group)
        self._format = rest.AccessLogFormat.custom(json.dumps(LOGGED))

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> rest.AccessLogFormat:
        return self._format
