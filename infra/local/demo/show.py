"""Run the demo, and show it while it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from infra.cli.leads import all_leads, explanation_table, headline, leads_table
from infra.cli.screen import Screen
from infra.deployed import Api, Refusal, path_of
from infra.local.cloud import LocalCloud
from infra.local.demo.story import Arrival, Check, arrivals, checks, next_steps, pages
from infra.local.demo.visitors import HANA, MAYA, VISITORS, Sender, Visitor

PATIENCE = 90
"""Seconds for what should come true to come true."""

_SENT = "demo.json"


def show(local: LocalCloud, screen: Screen, *, leave: bool) -> bool:
    """Send the visitors' activities, show what becomes of them, and answer whether all of it came true.

    On a terminal, and without `leave`, it goes on showing what arrives until Ctrl-C.
    """
    demo = _Demo(local, screen)
    screen.say("")
    screen.say("Three visitors come to the sample website.")
    with demo.watched():
        demo.send("first", {visitor: visitor.acts for visitor in VISITORS})
        demo.wait(lambda: demo.has_arrived(MAYA, "mql"))
        demo.send("then", {visitor: visitor.then for visitor in VISITORS if visitor.then})
        demo.wait(lambda: all(check.came_true for check in demo.checks()))
    screen.show(leads_table(demo.newest))
    screen.say("")
    screen.say(headline(demo.leads[HANA.name]) if HANA.name in demo.leads else f"There is no lead {HANA.name}.")
    if HANA.name in demo.leads:
        screen.show(explanation_table(demo.leads[HANA.name]))
    for name, link in pages(demo.leads, demo.inbox).items():
        screen.say("")
        screen.say(f"The page that sales sees of {name}, where it answers:")
        screen.say(f"{demo.api.address}{link}")
    came_true = _verdict(screen, demo.checks())
    screen.say("")
    for line in next_steps(demo.site):
        screen.say(line)
    if not leave and screen.results.is_terminal:
        screen.say("")
        screen.say("What happens is shown here. Ctrl-C leaves it running.")
        try:
            with demo.watched():
                while True:
                    demo.look()
                    time.sleep(1)
        except KeyboardInterrupt:
            screen.say("Baton goes on running; `baton down` stops it.")
    return came_true


@dataclass
class _Demo:
    local: LocalCloud
    screen: Screen
    api: Api = field(init=False)
    sender: Sender = field(init=False)
    site: str = field(init=False)
    leads: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    newest: list[dict[str, Any]] = field(default_factory=list)
    inbox: Mapping[str, Any] = field(default_factory=dict)
    told: set[tuple[str, str, str]] = field(default_factory=set)
    tell: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        where = self.local.whereabouts()
        self.api, self.site = Api(where.api, where.token), where.site
        self.sender = Sender(where.api, {"public": where.write_key, "secret": where.secret_key}, datetime.now(tz=UTC))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Show the leads as they are now, on a terminal; handoffs are told as they arrive in any case."""
        if not self.screen.results.is_terminal:
            yield
            return
        with Live(console=self.screen.results, refresh_per_second=4, transient=True) as live:
            self.tell = lambda: live.update(Group(leads_table(self.newest)))
            yield
        self.tell = lambda: None

    def send(self, part: str, acts: Mapping[Visitor, Any]) -> None:
        """Send what visitors do, and remember when the last of it was sent if it never was before."""
        for visitor, done in acts.items():
            last = self.sender.send(done)
            sent = self.local.home.read(_SENT)
            known = sent.get(self._place, {})
            known.setdefault(f"{visitor.name} {part}", last.isoformat())
            self.local.home.write(_SENT, {self._place: known})
            self.look()

    def wait(self, until: Callable[[], bool]) -> None:
        """Look again and again until something is so, or for as long as patience lasts."""
        deadline = time.monotonic() + PATIENCE
        self.look()
        while not until() and time.monotonic() < deadline:
            time.sleep(0.3)
            self.look()

    def look(self) -> None:
        """Ask how things stand, and tell what is new. A fault of the API is over by the next look."""
        try:
            self._ask()
        except Refusal as refusal:
            if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise

    def _ask(self) -> None:
        for visitor in VISITORS:
            found = self.api.get("/v1/leads", {"email": visitor.email})["leads"]
            if found:
                self.leads[visitor.name] = self.api.get(path_of("v1", "leads", found[0]["id"]))
        self.newest = all_leads(self.api, limit=15)
        self.inbox = self.local.inbox()
        self.tell()
        for arrival in arrivals(self.leads, self.inbox):
            mark = (arrival.visitor.name, arrival.stage, arrival.channel)
            if mark not in self.told:
                self.told.add(mark)
                self.screen.say(self._in_words(arrival))

    def has_arrived(self, visitor: Visitor, stage: str) -> bool:
        """Whether a handoff of that stage has arrived on any channel."""
        return any((name, of) == (visitor.name, stage) for name, of, _ in self.told)

    def checks(self) -> list[Check]:
        """How things stand with what the demo promises."""
        return checks(self.leads, self.inbox)

    @property
    def _place(self) -> str:
        """The API, which another stack has under another address."""
        return self.sender.api

    def _in_words(self, arrival: Arrival) -> str:
        part = "then" if arrival.visitor.then and arrival.stage == arrival.visitor.stages[-1] else "first"
        sent = self.local.home.read(_SENT).get(self._place, {}).get(f"{arrival.visitor.name} {part}")
        after = (arrival.at - datetime.fromisoformat(sent)).total_seconds() if sent else None
        took = f"{max(after, 0):.1f} s after the last activity" if after is not None else "some time ago"
        return f"→ {arrival.visitor.name} handed over as {arrival.stage.upper()} by {arrival.channel}: {took}"


def _verdict(screen: Screen, found: list[Check]) -> bool:
    missing = sum(not check.came_true for check in found)
    table = Table("", "what the demo promises", title="What came true")
    if missing:
        table.add_column("what there is instead")
    for check in found:
        mark = "[green]yes[/green]" if check.came_true else "[bold red]NO[/bold red]"
        instead = () if check.came_true else (escape(check.seen),)
        table.add_row(mark, escape(check.promise), *instead)
    screen.show(table)
    screen.say("All of it came true." if not missing else f"{missing} of {len(found)} did not come true.")
    return not missing
