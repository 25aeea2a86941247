"""The `baton` command."""

from __future__ import annotations

import sys
import traceback

import typer
from botocore.exceptions import BotoCoreError, ClientError

from infra.cli import account, cloud, difference, drafts, versions
from infra.cli.channels import channels_app
from infra.cli.drift import check, drift, repair
from infra.cli.events import events_app
from infra.cli.handoffs import handoffs_app
from infra.cli.import_list import import_list
from infra.cli.lead_story import explain, qualify, timeline
from infra.cli.leads import leads_app
from infra.cli.noise import noise_app
from infra.cli.permission import erasures_app
from infra.cli.publish import publish
from infra.cli.queues import queues_app
from infra.cli.rescores import catch_up, rescore, status
from infra.cli.rules import rules_app
from infra.cli.score import score
from infra.cli.screen import screen
from infra.cli.secrets import secrets_app
from infra.cli.simulate import simulate_rules
from infra.cli.users import users_app
from infra.failure import Failure
from infra.local.home import Home

app = typer.Typer(
    help="Baton scores leads and hands them to sales. `baton up --demo` shows it on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_HERE, _ACCOUNT, _LEADS = "On this machine", "In your AWS account", "Leads and rules"

app.command(rich_help_panel=_HERE)(cloud.up)
app.command(rich_help_panel=_HERE)(cloud.down)
app.command(rich_help_panel=_HERE)(cloud.status)
app.command(rich_help_panel=_HERE)(cloud.logs)
app.command(rich_help_panel=_ACCOUNT)(account.deploy)
app.command(rich_help_panel=_ACCOUNT)(account.diff)
app.command(rich_help_panel=_ACCOUNT)(account.destroy)
app.add_typer(queues_app, name="queues", rich_help_panel=_HERE)
app.add_typer(channels_app, name="channels", rich_help_panel=_HERE)
app.add_typer(secrets_app, name="secrets", rich_help_panel=_ACCOUNT)
app.add_typer(users_app, name="users", rich_help_panel=_ACCOUNT)
app.add_typer(erasures_app, name="erasures", rich_help_panel=_ACCOUNT)
for command in (explain, timeline, qualify):
    leads_app.command()(command)
leads_app.command()(rescore)
leads_app.command()(drift)
leads_app.command()(check)
leads_app.command()(repair)
app.add_typer(leads_app, name="leads", rich_help_panel=_LEADS)
app.add_typer(handoffs_app, name="handoffs", rich_help_panel=_LEADS)
app.add_typer(noise_app, name="noise", rich_help_panel=_LEADS)
for step in (drafts.draft, drafts.drafts, drafts.propose, drafts.approve, drafts.withdraw, publish):
    rules_app.command()(step)
for look in (difference.diff, versions.rollback, versions.history, versions.show):
    rules_app.command()(look)
rules_app.command("simulate")(simulate_rules)
rules_app.command()(status)
app.add_typer(rules_app, name="rules", rich_help_panel=_LEADS)
app.command(rich_help_panel=_LEADS)(score)
app.add_typer(events_app, name="events", rich_help_panel=_LEADS)
app.command("import", rich_help_panel=_LEADS)(import_list)
app.command("catch-up", rich_help_panel=_LEADS)(catch_up)


def main() -> None:
    """Run a command; whatever fails is told in words, never as a traceback."""
    try:
        app()
    except Failure as failure:
        screen.failed(failure)
    except KeyboardInterrupt:
        screen.note("Stopped.")
        sys.exit(130)
    except (ClientError, BotoCoreError) as error:
        screen.failed(Failure("AWS did not do what it was asked.", "Check the account, region and rights.", str(error)))
    except BrokenPipeError:
        pass
    except Exception as error:  # noqa: BLE001 - the last resort between a fault of ours and the person
        log = Home.usual().folder("logs") / "baton.log"
        log.write_text(traceback.format_exc())
        what = f"Something that nobody expected: {type(error).__name__}: {error}"
        screen.failed(Failure(what, f"Please report it with {log}, which holds the details."))
    else:
        return
    sys.exit(1)


if __name__ == "__main__":
    main()
