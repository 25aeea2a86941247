"""`baton deploy`, `diff` and `destroy`: Baton in a team's AWS account, by the pinned CDK CLI."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cdk import Cdk, plain_command
from infra.cli.screen import screen
from infra.deployed import LOCAL, of_environment
from infra.failure import Failure
from infra.local.home import Home
from infra.secret_store import SecretStore
from infra.settings import ERASURE_SECRET, LEAD_PAGE_SECRET, read_settings

Environment = Annotated[str, typer.Option("--env", help="The environment: the name of a file in infra/environments/.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def deploy(environment: Environment, yes: Yes = False) -> None:
    """Deploy an environment to AWS. Asks before it widens anybody's rights."""
    approval = "never" if yes else "broadening"
    _run(environment, ["deploy", "--all", "--require-approval", approval])
    store = SecretStore(of_environment(environment))
    if store.make(ERASURE_SECRET):
        screen.note("Made the secret with which erased people are known again.")
    if store.make(LEAD_PAGE_SECRET):
        screen.note("Made the secret that signs links to the pages of leads.")
    screen.say(f"Deployed. `baton users add EMAIL --role admin --env {environment}` makes the first admin.")


def diff(environment: Environment) -> None:
    """Show what `baton deploy` would change."""
    _run(environment, ["diff"])


def destroy(environment: Environment, yes: Yes = False) -> None:
    """Remove an environment from AWS. What its settings protect from deletion stays."""
    _run(environment, ["destroy", "--all", *(["--force"] if yes else [])])


def _run(environment: str, arguments: list[str]) -> None:
    if environment == LOCAL:
        raise Failure("The environment `local` lives on this machine.", "Use `baton up` and `baton down`.")
    read_settings(environment)
    cdk = Cdk(Home.usual())
    if not cdk.is_installed:
        with screen.step("Installing the CDK CLI, once"):
            cdk.install()
    whole = [*arguments, "--context", f"environment={environment}"]
    screen.note(f"$ {plain_command(whole)}")
    if cdk.run(whole, {}):
        remedy = "Its message stands above. A new account or region needs `cdk bootstrap` once, by somebody who may."
        raise Failure(f"`cdk {arguments[0]}` failed.", remedy)
