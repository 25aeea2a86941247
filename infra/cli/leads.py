"""`baton leads`: the leads as tables, or as JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.deployed import LOCAL, Api, Refusal, path_of
from infra.failure import Failure

leads_app = typer.Typer(help="Look at leads.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
_COLORS = {"hot": "red", "warm": "yellow", "cold": "cyan"}


@leads_app.command("list")
def list_leads(  # noqa: PLR0917 - each is an option
    temperature: Annotated[str | None, typer.Option("--temperature", help="Only leads of this temperature.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="Only leads in this stage.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="The lead with this address.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """List leads, best first: of a temperature, of a stage, or of all temperatures from the top."""
    api = signed_in(environment)
    if email or temperature or stage:
        found = list(_pages(api, {"email": email, "temperature": temperature, "stage": stage}, limit))
    else:
        found = all_leads(api, limit)
    if as_json:
        screen.json(found)
    elif found:
        screen.show(leads_table(found))
    else:
        screen.say("There is no such lead." if email or temperature or stage else "There is no lead yet.")


@leads_app.command("show")
def show(
    lead: Annotated[str, typer.Argument(help="A lead's id, or an e-mail address.")],
    at: Annotated[str | None, typer.Option("--at", help="As it was then: 2026-03-01T09:30:00Z.")] = None,
    environment: Environment = LOCAL,
    as_json: Json = False,
) -> None:
    """Show a lead: its score point by point, its stages, and what was handed over."""
    api = signed_in(environment)
    found = story(api, lead, at)
    if as_json:
        screen.json(found)
        return
    screen.say(headline(found))
    screen.show(explanation_table(found))
    for transition in found["transitions"]:
        screen.say(f"{transition['at']}  {transition['from_stage'] or '(new)'} → {transition['to_stage']}")
        screen.say(f"    because {transition['cause']}")
    for handoff in found["handoffs"]:
        sent = ", ".join(f"{channel} {moment}" for channel, moment in handoff["sent"].items()) or "not sent yet"
        screen.say(f"{handoff['requested_at']}  handed over to {handoff['to']} as {handoff['stage']}: {sent}")


def all_leads(api: Api, limit: int) -> list[dict[str, Any]]:
    """Leads of all temperatures that the active rules name, the highest first."""
    rules = api.get("/v1/rules")["document"]
    bands = [band["name"] for band in reversed(rules.get("temperature") or [])]
    found: list[dict[str, Any]] = []
    for band in bands:
        found += _pages(api, {"temperature": band}, limit - len(found))
    return found


def story(api: Api, lead: str, at: str | None = None) -> dict[str, Any]:
    """Everything about a lead, found by its id or by an e-mail address.

    Raises:
        Failure: there is none.
    """
    remedy = "`baton leads list` shows those that there are."
    number = lead
    if "@" in lead:
        found = api.get("/v1/leads", {"email": lead})["leads"]
        if not found:
            raise Failure(f"There is no lead with the address {lead}.", remedy)
        number = found[0]["id"]
    try:
        answer: dict[str, Any] = api.get(path_of("v1", "leads", number), {"at": at})
    except Refusal as refusal:
        if refusal.status != HTTPStatus.NOT_FOUND:
            raise
        raise Failure(f"There is no lead with the id {lead}.", remedy) from refusal
    return answer


def headline(found: Mapping[str, Any]) -> str:
    """A lead in one line."""
    stage = (found["stage"] or {}).get("name") or "no stage"
    score = found["score"]
    return f"{name_of(found)}: {score['total']} points, {score['temperature'] or 'no temperature'}, {stage}"


def name_of(found: Mapping[str, Any]) -> str:
    """Who a lead is, in the fewest words."""
    person = found["person"]
    return str(person["name"] or next(iter(person["emails"]), found["id"]))


def leads_table(leads: Sequence[Mapping[str, Any]]) -> Table:
    """Leads with score, temperature and stage."""
    table = Table("lead", "who", "company", "score", "temperature", "stage", "consent")
    table.columns[3].justify = "right"
    for lead in leads:
        temperature = lead["score"]["temperature"] or ""
        table.add_row(
            lead["id"],
            escape(harmless(name_of(lead))),
            escape(harmless(lead["person"]["company"] or "")),
            str(lead["score"]["total"]),
            f"[{_COLORS.get(temperature, 'default')}]{escape(temperature)}[/]",
            escape((lead["stage"] or {}).get("name") or ""),
            lead["consent"] or "",
        )
    return table


def explanation_table(found: Mapping[str, Any]) -> Table:
    """Where a lead's points come from, point by point."""
    table = Table("when", "what", "earned", "aged", "limits", "counts", title="Point by point")
    for column in table.columns[2:]:
        column.justify = "right"
    for line in sorted(found["explanation"]["contributions"], key=lambda line: line["at"] or "~"):
        if not line["earned"] and line["at"] is None:
            continue
        limits = sum(line[name] for name in ("lost_to_rule_cap", "lost_to_group_cap", "lost_to_score_limits"))
        table.add_row(
            _short(line["at"]),
            escape(harmless(str(line["label"] or line["rule"]))),
            str(line["earned"]),
            str(line["lost_to_age"] or ""),
            str(limits or ""),
            str(line["counts"]),
        )
    table.add_section()
    table.add_row("", "total", "", "", "", str(found["score"]["total"]), style="bold")
    return table


def _short(moment: str | None) -> str:
    """A moment to the minute."""
    return moment[:16].replace("T", " ") if moment else ""


def _pages(api: Api, query: Mapping[str, str | None], limit: int) -> Iterator[dict[str, Any]]:
    following: str | None = None
    while limit > 0:
        page = api.get("/v1/leads", {**query, "limit": min(limit, 100), "next": following})
        yield from page["leads"]
        limit -= len(page["leads"])
        following = page["next"]
        if not following:
            return
