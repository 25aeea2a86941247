"""The CDK app: `cdk deploy -c environment=prod`, or with a settings file from elsewhere `-c settings=PATH` as well.

Without the context flags it asks `BATON_ENVIRONMENT` and `BATON_SETTINGS`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnResource, Environment, Tags, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import Construct
from jsii.errors import JavaScriptError

from infra.asset.bundling import code
from infra.failure import Failure
from infra.local.unknown import UNKNOWN_TO_THE_EMULATOR
from infra.settings import Settings, read_settings
from infra.stack import BatonStack


def build(settings: Settings, *, context: Mapping[str, Any] | None = None, outdir: str | None = None) -> App:
    """The app with the stack of one environment, checked by cdk-nag when it is synthesised."""
    app = App(context=dict(context or {}), outdir=outdir, analytics_reporting=False)
    here = settings.runs_on == "this_machine"
    stack = BatonStack(
        app,
        f"baton-{settings.environment}",
        description=f"Baton, lead scoring and handoff ({settings.environment})",
        env=Environment(
            account=settings.account or os.environ.get("CDK_DEFAULT_ACCOUNT"),
            region=settings.region or os.environ.get("CDK_DEFAULT_REGION"),
        ),
        termination_protection=settings.deletion_protection,
        settings=settings,
        code=code(for_this_machine=here),
    )
    Tags.of(stack).add("baton:environment", settings.environment)
    if here:
        leave_out(stack, UNKNOWN_TO_THE_EMULATOR)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return app


def leave_out(scope: Construct, types: Iterable[str]) -> None:
    """Take every resource of these CloudFormation types out of the tree."""
    left_out = frozenset(types)
    for node in scope.node.find_all():
        if isinstance(node, CfnResource) and node.cfn_resource_type in left_out and node.node.scope:
            node.node.scope.node.try_remove_child(node.node.id)


def main() -> None:
    """Synthesise what the CDK CLI asks for."""
    asked = App()
    environment = asked.node.try_get_context("environment") or os.environ.get("BATON_ENVIRONMENT")
    path = asked.node.try_get_context("settings") or os.environ.get("BATON_SETTINGS")
    if not environment:
        sys.exit("Say which environment: `-c environment=prod`, or BATON_ENVIRONMENT.")
    try:
        build(read_settings(environment, Path(path) if path else None)).synth()
    except Failure as failure:
        sys.exit("\n".join(filter(None, [failure.what, failure.details, failure.remedy])))
    except RuntimeError as error:
        if not isinstance(error.__cause__, JavaScriptError):
            raise
        sys.exit(f"The stack was not synthesised; what is wrong stands above. ({str(error).splitlines()[0]})")


if __name__ == "__main__":
    main()
