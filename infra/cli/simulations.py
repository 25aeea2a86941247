"""Simulations as a command runs them: several segments side by side, page by page, with patience."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from infra.cli.drafts import warning_lines
from infra.cli.moments import short_moment
from infra.cli.screen import Screen
from infra.deployed import Api, Refusal
from infra.failure import Failure
from shared.domain.simulation import MOST_SEGMENTS, Findings, sample

_SEGMENTS = 4
"""Into so many segments all leads are parted; a sample takes some of `MOST_SEGMENTS`."""

_SIDE_BY_SIDE = 4
_PAUSES = (1, 2, 4, 8, 16)
"""Seconds to wait before each further try."""

_BUSY = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_PAGE = 100

Tell = Callable[[int, int, int], None]
"""Hears how far a simulation is: segments done, segments in all, leads so far."""


@dataclass(frozen=True, slots=True)
class SimulationWish:
    """What is to be simulated. `rules` names it to the API: a `draft`, a `version`, or a `document` with its `text`.

    `share` of all leads are looked at, and as many as `moves` of those that move are kept (None: every one).
    """

    rules: Mapping[str, Any]
    notify: bool = False
    since: str | None = None
    share: float = 1.0
    moves: int | None = 0


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulation found. `token` is what a publish asks for, and `share` the part of all leads.

    `stages` and `temperatures` are names in the order of the rule files. `warned` is what the API warns of.
    """

    token: str
    sha256: str
    against: int
    at: str
    since: str
    share: float
    findings: Findings
    moves: tuple[Mapping[str, Any], ...] = ()
    notify: bool = False
    stages: tuple[str, ...] = ()
    temperatures: tuple[str, ...] = ()
    warned: tuple[Mapping[str, str], ...] = ()

    @property
    def warnings(self) -> tuple[Mapping[str, str], ...]:
        """What nobody may be surprised by once these rules hold."""
        before = self.findings.sent("before")
        if not before or self.findings.sent("after"):
            return self.warned
        message = (
            f"with these rules there would have been no handoff since {self.since[:10]}, with the active ones {before}"
        )
        return (*self.warned, {"at": "handoff", "message": message, "hint": ""})


@dataclass
class _Found:
    """What the segments found so far."""

    segments: int
    keep: int | None
    tell: Tell
    findings: Findings = field(default_factory=Findings)
    moves: list[Mapping[str, Any]] = field(default_factory=list)
    tokens: dict[int, str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, page: Mapping[str, Any]) -> None:
        with self.lock:
            self.findings += Findings.from_json(page["findings"])
            self.moves += page["moves"]
            self.moves.sort(key=_greatest_first)
            del self.moves[len(self.moves) if self.keep is None else self.keep :]
            if page["done"]:
                self.tokens[page["segment"]] = page["simulation"]
            self.tell(len(self.tokens), self.segments, self.findings.leads)


def simulate(api: Api, wish: SimulationWish, tell: Tell = lambda *_: None) -> Simulation:
    """Run a whole simulation through the API. Nothing is written there.

    Raises:
        Failure: the rules are none, or the API does not get through it.
    """
    of, segments = _segments(wish.share)
    found = _Found(len(segments), wish.moves, tell)
    asked = {**wish.rules, "notify": wish.notify, "of": of}
    first = _page(api, {**asked, "segment": segments[0]} | ({"since": wish.since} if wish.since else {}))
    # One moment for all, so that they tell of one another's leads as of the same second.
    moments = {"at": first["at"], "since": first["since"]}
    found.add(first)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        going = [pool.submit(_go_on, api, {**asked, "segment": segments[0]}, first, found)]
        going += [pool.submit(_go_on, api, {**asked, "segment": each}, None, found, moments) for each in segments[1:]]
        try:
            for each in going:
                each.result()
        except BaseException:
            for each in going:
                each.cancel()
            raise
    return Simulation(
        token=" ".join(token for _, token in sorted(found.tokens.items())),
        sha256=first["sha256"],
        against=first["against"],
        at=first["at"],
        since=first["since"],
        share=len(segments) / of,
        findings=found.findings,
        moves=tuple(found.moves),
        notify=wish.notify,
        stages=tuple(first["order"]["stages"]),
        temperatures=tuple(first["order"]["temperatures"]),
        warned=tuple(first["warnings"]),
    )


@contextmanager
def shown(screen: Screen, title: str) -> Iterator[Tell]:
    """Shows how far a simulation is, as a bar on a terminal."""
    if not screen.progress.is_terminal:
        with screen.step(title):
            yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[leads]} leads"))
    with Progress(*columns, TimeElapsedColumn(), console=screen.progress) as progress:
        task = progress.add_task(escape(title), total=None, leads=0)

        def tell(done: int, segments: int, leads: int) -> None:
            progress.update(task, completed=done, total=segments, leads=leads)

        yield tell


def growth_in_words(before: int, after: int) -> str:
    """How many handoffs would have been sent instead of how many."""
    if not before:
        return f"{after} instead of none" if after else "none, as before"
    return f"{after} instead of {before} ({(after - before) / before:+.1%})"


def summary_lines(simulation: Simulation) -> Iterator[str]:
    """What a simulation found, in a few lines."""
    found = simulation.findings
    part = "" if simulation.share >= 1 else f", {simulation.share:.0%} of all"
    at = short_moment(simulation.at)
    yield f"Simulated at {at} against version {simulation.against}: {counted(found.leads, 'lead')}{part}."
    sent = growth_in_words(found.sent("before"), found.sent("after"))
    yield f"{counted(found.moved, 'lead')} would move; handoffs since {simulation.since[:10]} would have been {sent}."
    if found.stranded:
        yield f"{counted(found.stranded, 'lead')} would stand in a stage that these rules do not have."
    if found.passed_over:
        has, its = ("has a history", "its") if found.passed_over == 1 else ("have histories", "their")
        over = f"{counted(found.passed_over, 'lead')} {has} too long to be replayed in time"
        yield f"{over}: {its} handoffs are not counted."
    held = found.withheld
    if held.before or held.after:
        were = growth_in_words(held.before, held.after)
        yield f"Withheld besides, for want of consent or by a veto, and not counted: {were}."
    counts = ""
    if simulation.notify and found.sent_now:
        counts = f"; the budget counts {found.besides or 'none'} of these handoffs on top of those"
    waits = f" {counted(held.now, 'handoff')} more would wait for permission." if held.now else ""
    yield f"Publishing would hand over {counted(found.sent_now, 'lead')} at once{counts}.{waits}"
    yield from warning_lines(simulation.warnings)


def counted(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _go_on(
    api: Api,
    asked: Mapping[str, Any],
    page: Mapping[str, Any] | None,
    found: _Found,
    moments: Mapping[str, str] | None = None,
) -> None:
    """Simulate a segment to its end, from a page of it on."""
    while page is None or not page["done"]:
        more = dict(moments or {}) if page is None else {"next": page["simulation"]}
        page = _page(api, {**asked, **more})
        found.add(page)


def _page(api: Api, asked: Mapping[str, Any]) -> Any:
    """One page; where the API is busy, or a page takes too long, the same again later, and smaller."""
    limit = _PAGE
    for pause in _PAUSES:
        try:
            return api.post("/v1/simulations", {**asked, "limit": limit})
        except Refusal as refusal:
            if refusal.status not in _BUSY:
                raise
        time.sleep(pause)
        limit = max(1, limit // 2)
    return api.post("/v1/simulations", {**asked, "limit": limit})


def _segments(share: float) -> tuple[int, Sequence[int]]:
    """Into how many segments all leads are parted, and which of them make up a share."""
    if not 0 < share <= 1:
        raise Failure(f"{share:.0%} is no sample.", "Write --sample 1% to --sample 100%.")
    if share == 1:
        return _SEGMENTS, range(_SEGMENTS)
    return MOST_SEGMENTS, sample(math.ceil(share * MOST_SEGMENTS))


def _greatest_first(move: Mapping[str, Any]) -> tuple[float, str]:
    total = move["total"]
    return -abs(total["after"] - total["before"]), move["lead"]
