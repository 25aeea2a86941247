"""`baton users`: who may sign in, where people sign in with the stack's own user pool."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infra.cli.screen import screen
from infra.deployed import of_environment
from infra.failure import Failure

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

users_app = typer.Typer(help="Let people in.", no_args_is_help=True)


@users_app.callback()
def _group() -> None:
    """Let people in."""


@users_app.command("add")
def add(
    email: Annotated[str, typer.Argument(help="The person's e-mail address.")],
    environment: Annotated[str, typer.Option("--env", help="The environment.")],
    role: Annotated[
        Literal["admin", "marketing", "sales", "analyst"], typer.Option("--role", help="What the person may do.")
    ],
) -> None:
    """Let a person in with a role; run again with another role to add that one.

    The person gets an invitation with a first password by e-mail.
    """
    deployed = of_environment(environment)
    if "UserPoolId" not in deployed.outputs:
        what = f"People sign in to {environment} with their own provider."
        raise Failure(what, f"Give {email} the role {role} there.")
    pool: CognitoIdentityProviderClient = deployed.client("cognito-idp")
    number = deployed.outputs["UserPoolId"]
    with suppress(pool.exceptions.UsernameExistsException):
        pool.admin_create_user(
            UserPoolId=number,
            Username=email,
            UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            DesiredDeliveryMediums=["EMAIL"],
        )
        screen.say(f"{email} is invited.")
    pool.admin_add_user_to_group(UserPoolId=number, Username=email, GroupName=role)
    screen.say(f"{email} has the role {role}.")
