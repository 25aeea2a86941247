"""`baton users`: who may sign in, where people sign in with the stack's own user pool."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from botocore.exceptions import ClientError
from rich.markup import escape
from rich.table import Table

from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, of_environment
from infra.failure import Failure
from shared.adapters.email_addresses import email_identity
from shared.domain.refusals import Invalid

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

users_app = typer.Typer(help="Let people in.", no_args_is_help=True)


Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.", show_default=False)]
RoleName = Literal["admin", "marketing", "sales", "analyst"]
_ROLES: tuple[RoleName, ...] = get_args(RoleName)


@users_app.callback()
def _group() -> None:
    """Let people in."""


@users_app.command("add")
def add(
    email: Email,
    role: Annotated[RoleName, typer.Option("--role", help="What the person may do.")],
    environment: Environment = LOCAL,
) -> None:
    """Let a person in with a role; run again with another role to add that one.

    The person gets an invitation with a first password by e-mail.
    """
    try:
        email_identity(email, "EMAIL")
    except Invalid as error:
        raise Failure(f"{email} is no e-mail address.", "Write it as ada@example.com.") from error
    pool, number = _pool(environment, f"Give {email} the role {role} there.")
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


@users_app.command("list")
def list_(
    environment: Environment = LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List who may sign in, with their roles and whether they have signed in yet."""
    pool, number = _pool(environment, "Look there who has which role.")
    roles: dict[str, list[str]] = {}
    for role in _ROLES:
        for page in pool.get_paginator("list_users_in_group").paginate(UserPoolId=number, GroupName=role):
            for user in page["Users"]:
                roles.setdefault(user["Username"], []).append(role)
    people: list[dict[str, Any]] = [
        {"email": _email(user), "roles": roles.get(user["Username"], []), "status": user["UserStatus"].lower()}
        for page in pool.get_paginator("list_users").paginate(UserPoolId=number)
        for user in page["Users"]
    ]
    people.sort(key=lambda each: each["email"])
    if as_json:
        screen.json(people)
        return
    table = Table("who", "roles", "status", box=None, pad_edge=False, header_style="bold")
    for each in people:
        status = {"force_change_password": "invited"}.get(each["status"], each["status"])
        table.add_row(escape(harmless(each["email"])), ", ".join(each["roles"]) or "none", status)
    screen.show(table)


@users_app.command("token")
def token(environment: Environment = LOCAL) -> None:
    """Print a token, so that whoever puts it into BATON_TOKEN is not asked for a password by each command.

    It is good for an hour, and whoever has it may do what you may. What BATON_TOKEN holds by now is not asked.
    """
    screen.say(signed_in(environment, anew=True).token)


@users_app.command("remove")
def remove(
    email: Email,
    role: Annotated[
        RoleName | None, typer.Option("--role", help="Take this role alone, and let the person sign in still.")
    ] = None,
    environment: Environment = LOCAL,
) -> None:
    """Let a person in no more, or take one role from them.

    A token that was given out before is good for up to an hour still.
    """
    pool, number = _pool(environment, f"Take it from {email} there.")
    try:
        if role is None:
            pool.admin_delete_user(UserPoolId=number, Username=email)
        else:
            pool.admin_remove_user_from_group(UserPoolId=number, Username=email, GroupName=role)
    except ClientError as error:
        if error.response["Error"]["Code"] != "UserNotFoundException":
            raise
        raise Failure(f"{email} is not let in to {environment}.", "`baton users list` tells who is.") from error
    screen.say(f"{email} may not sign in any more." if role is None else f"{email} has not the role {role} any more.")


def _pool(environment: str, otherwise: str) -> tuple[CognitoIdentityProviderClient, str]:
    """The user pool of an environment and its id; `otherwise` is what to do where people sign in elsewhere.

    Raises:
        Failure: people sign in with their own provider.
    """
    deployed = of_environment(environment)
    if "UserPoolId" not in deployed.outputs:
        raise Failure(f"People sign in to {environment} with their own provider.", otherwise)
    return deployed.client("cognito-idp"), deployed.outputs["UserPoolId"]


def _email(user: Any) -> str:
    """How a person of the pool is known."""
    told = {each["Name"]: each["Value"] for each in user.get("Attributes", [])}
    return str(told.get("email", user["Username"]))
