"""Signed in to an environment's API: with a token, as the local user here, or with a password elsewhere."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Annotated

import typer

from infra.cli.screen import screen
from infra.deployed import LOCAL, Api, of_environment
from infra.failure import Failure
from infra.local.cloud import LocalCloud
from infra.local.home import Home

Environment = Annotated[str, typer.Option("--env", help="The environment; `local` is the one of `baton up`.")]


def signed_in(environment: str, *, anew: bool = False) -> Api:
    """The API of an environment.

    A token comes from BATON_TOKEN, or from the stack's user pool with BATON_USER and a password that is asked for. With
    neither it is on this machine the local user's, who is an admin. Whoever signs in `anew` is not who had the token.

    Raises:
        Failure: there is nobody to sign in as, or the user pool does not let that person in.
    """
    deployed = of_environment(environment)
    if (token := os.environ.get("BATON_TOKEN")) and not anew:
        return Api(deployed.api, token)
    if environment == LOCAL and not os.environ.get("BATON_USER"):
        return LocalCloud(Home.usual()).api()
    if not sys.stdin.isatty():
        raise Failure(
            f"Nobody is signed in to {environment}.", "Put a token into BATON_TOKEN, or run this in a terminal."
        )
    user = os.environ.get("BATON_USER") or screen.progress.input("E-mail address: ")
    password = getpass.getpass(f"Password of {user}: ")
    return Api(deployed.api, deployed.sign_in(user, password, lambda wanted: getpass.getpass(f"{wanted}: ")))
