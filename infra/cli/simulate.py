"""`baton rules simulate`: what publishing rules would do, before anybody is surprised by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.difference import ACTIVE
from infra.cli.distribution import as_svg, as_text, columns_of
from infra.cli.drafts import check_is_open
from infra.cli.given import Given
from infra.cli.moments import moment_named, short_moment
from infra.cli.rule_files import sent_file
from infra.cli.screen import harmless, screen
from infra.cli.session import Environment, signed_in
from infra.cli.simulations import Simulation, SimulationWish, counted, shown, simulate, summary_lines
from infra.deployed import LOCAL, Api, path_of
from infra.failure import Failure
from shared.domain.introduction import stage_in_words
from shared.domain.moments import format_moment

_FIRST = 20
_PLOT_WIDTH = 100
_DRAFT = re.compile(r"draft-([0-9]{1,6})")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?) ?%?")


def simulate_rules(  # noqa: PLR0917 - each is an option
    which: Annotated[
        str,
        typer.Argument(
            metavar="FILE|draft-N|VERSION",
            help="A rule file, a draft, or a version by its number; `active` is the active one.",
            show_default=False,
        ),
    ],
    sample: Annotated[str, typer.Option("--sample", metavar="PERCENT", help="Look at so many of all leads.")] = "100%",
    since: Annotated[
        str,
        typer.Option("--since", metavar="MOMENT", help="From when handoffs are counted; for 90 days when missing."),
    ] = "",
    every_lead: Annotated[
        bool, typer.Option("--leads", help=f"List every lead that moves, and not the {_FIRST} that change most.")
    ] = False,
    notify: Annotated[bool, typer.Option("--notify", help="As if they were published with --notify.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write the distribution of scores as a picture.")
    ] = None,
    environment: Environment = LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Tell what publishing rules would do: who moves, what is handed over and to whom. Nothing is written."""
    if svg:
        _check_folder(svg)
    first = format_moment(moment_named(since, "--since")) if since else None
    rules = None if which == ACTIVE else _rules(which)
    api = signed_in(environment)
    if rules is None:
        which = str(_active_number(api))
        rules = _rules(which)
    wish = SimulationWish(
        rules,
        notify=notify,
        since=first,
        share=_share(sample),
        moves=None if every_lead or as_json else _FIRST,
    )
    if "draft" in wish.rules:
        check_is_open(api.get(path_of("v1", "rules", "drafts", str(wish.rules["draft"]))))
    with shown(screen, f"Simulating {which}") as tell:
        found = simulate(api, wish, tell)
    if svg:
        _write(svg, _picture(found, which))
    if as_json:
        screen.json(as_told(found))
    else:
        _show(found)


def as_told(found: Simulation) -> dict[str, Any]:
    """What a simulation found, for a script."""
    withheld = found.findings.withheld
    return {
        "simulation": found.token,
        "sha256": found.sha256,
        "against": found.against,
        "at": found.at,
        "since": found.since,
        "share": found.share,
        "handoffs": {"before": found.findings.sent("before"), "after": found.findings.sent("after")},
        "withheld": {"before": withheld.before, "after": withheld.after, "now": withheld.now},
        "warnings": list(found.warnings),
        "findings": found.findings.as_json(),
        "loads": [
            {
                "week": load.week,
                "team": load.team,
                "assignee": load.assignee,
                "before": load.before,
                "after": load.after,
            }
            for load in found.findings.loads()
        ],
        "moves": list(found.moves),
    }


def _show(found: Simulation) -> None:
    for line in summary_lines(found):
        screen.say(line)
    findings = found.findings
    if not findings.leads:
        return
    screen.show(_flow_table("stage", "no stage", findings.stages, found.stages))
    screen.show(_flow_table("temperature", "none", findings.temperatures, found.temperatures))
    if found.moves:
        screen.show(_moves_table(found))
    if loads := findings.loads():
        table = Table("week of", "team", "member", "active rules", "these rules", title="Handoffs by owner and week")
        table.columns[3].justify = table.columns[4].justify = "right"
        for load in loads:
            owner = escape(harmless(load.assignee or ""))
            table.add_row(load.week, escape(harmless(load.team)), owner, str(load.before), str(load.after))
        screen.show(table)
    for line in as_text(columns_of(findings), _PLOT_WIDTH).splitlines():
        screen.say(line)


def _flow_table(
    what: str, none: str, flows: Mapping[tuple[str | None, str | None], int], order: Sequence[str]
) -> Table:
    """How many stand where, enter and leave, in some order; last come names that only older rules had."""
    table = Table(what, "now", "leave", "enter", "with these rules")
    for column in table.columns[1:]:
        column.justify = "right"
    standing = {name for flow in flows for name in flow}
    of_older = sorted(name for name in standing if name is not None and name not in order)
    for name in (each for each in (None, *order, *of_older) if each in standing):
        stood = sum(leads for (before, _), leads in flows.items() if before == name)
        stays = flows.get((name, name), 0)
        stands = sum(leads for (_, after), leads in flows.items() if after == name)
        shown_name = none if name is None else stage_in_words(harmless(name))
        table.add_row(escape(shown_name), str(stood), str(stood - stays), str(stands - stays), str(stands))
    return table


def _moves_table(found: Simulation) -> Table:
    moved = found.findings.moved
    title = "Leads that move" if len(found.moves) == moved else f"The {len(found.moves)} of {moved:,} that change most"
    table = Table("lead", "who", "stage", "temperature", "score", title=title)
    for move in found.moves:
        table.add_row(
            move["lead"],
            escape(harmless(move["name"] or "")),
            _change(move["stage"]),
            _change(move["temperature"]),
            f"{move['total']['before']:g} → {move['total']['after']:g}",
        )
    return table


def _change(told: Mapping[str, str | None]) -> str:
    before, after = (escape(stage_in_words(harmless(told[when] or "none"))) for when in ("before", "after"))
    return before if before == after else f"{before} → {after}"


def _rules(which: str) -> Mapping[str, Any]:
    """How the API is told which rules: a draft, a version, or a file's content."""
    if draft := _DRAFT.fullmatch(which):
        return {"draft": int(draft[1])}
    if _is_version(which):
        return {"version": int(which)}
    return sent_file(Path(which))


def _active_number(api: Api) -> int:
    number = int(api.get("/v1/rules")["number"])
    if not number:
        raise Failure("No rules are active yet.", "Name a rule file.")
    return number


def _is_version(which: str) -> bool:
    return which.isascii() and which.isdigit()


def _share(sample: str) -> float:
    told = _SHARE.fullmatch(sample.strip())
    if told is None or not 0 < float(told[1]) <= 100:  # noqa: PLR2004 - percent
        raise Failure(f"{sample} is no sample.", "Write --sample 1% to --sample 100%.")
    return float(told[1]) / 100


def _check_folder(path: Path) -> None:
    """Make sure that a picture can be written, before a long simulation."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise Failure(f"{path} cannot be written.", "Name a file in a folder that is there.")


def _picture(found: Simulation, which: str) -> str:
    """The distribution of scores, with what one must know to read it."""
    rules = f"version {which}" if _is_version(which) else str(Given(Path(which)))
    of = counted(found.findings.leads, "lead")
    if found.share < 1:
        of += f", a sample of {found.share:.0%} of all"
    subtitle = f"{of}; compared with version {found.against}, on {short_moment(found.at)} UTC"
    return as_svg(columns_of(found.findings), f"Scores now and under {rules}", subtitle)


def _write(path: Path, picture: str) -> None:
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be written.", "Name a file in a folder that is there.", str(error)) from error
