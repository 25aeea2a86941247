"""Rescoring: asks for a touch of the leads whose moment has come, of one lead, or of those that a job is for."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby, islice

from shared.domain.conditions import OPERATORS, ConditionError, nearest
from shared.domain.drift import Fault
from shared.domain.events import RulesApplied
from shared.domain.handoff import LeadId
from shared.domain.moments import MINUTE, SECOND, Moment
from shared.domain.rescores import (
    Aim,
    EveryLead,
    LeadsOfNoise,
    LeadsUnderOlderRules,
    LeadsWhere,
    LeadsWhereDone,
    NamedLeads,
)
from shared.domain.selection import OF_RULES, SELECTION_KEYS, parse_selection
from shared.domain.stages import COMPARISONS
from shared.ports.bus import Event
from shared.ports.clock import Clock
from shared.ports.drift import Drift, Drifts
from shared.ports.errors import Conflict
from shared.ports.leads import Leads
from shared.ports.queue import MeasuredQueue
from shared.ports.rescoring import Checkpoint, Rescoring
from shared.usecases.picking import Message, Pick
from shared.usecases.rulebook import Rulebook

QUIET_AFTER = 90 * SECOND
"""A publish, or a word on noise, is not over before this time: a warm function remembers the rules and the filters of
before for 15 seconds and runs for 60, so that until then it may still write by them behind a pass."""

SEGMENTS = 4
"""Into how many segments leads and log are cut for a rescore."""

LATE_AFTER = 5 * MINUTE
"""Whoever is due for so long was asked for again and again in vain, if `score` has not simply much to do."""

MOST_AHEAD = 5_000
"""Messages in the queue of `score` beyond which no rescore puts more there: what `score` does in some twenty seconds.
The sweep has as much again, so that no rescore holds it up."""


_HOPELESS = frozenset({Fault.UNREADABLE, Fault.RULES})


class NotUnderstood(ValueError):
    """A request for a rescore that says nothing that can be done; tells why without a value of it, for logs."""

    @classmethod
    def at(cls, error: ConditionError) -> NotUnderstood:
        """The same complaint, by the words of the grammar alone; for a key that is none of them the nearest."""
        where = ".".join(map(_harmless_step, error.path))
        wrong = error.path[-1] if error.path else 0
        meant = ""
        if _harmless_step(wrong) == "?":
            valid = SELECTION_KEYS if _begins(error.path) else (*OPERATORS, *COMPARISONS)
            meant = f", a key that conditions do not have ({nearest(wrong, valid)})"
        elif wrong in OF_RULES and error.hint:
            meant = f", which the rules do not have ({error.hint})"
        return cls(f"`where` cannot be read{f' at {where}' if where else ''}{meant}")


def _harmless_step(step: str | int) -> str:
    """A step to a fault: a place, a word of the grammar, or a field by its name as schemas write them."""
    if isinstance(step, int) or step in _WORDS or _FIELD.fullmatch(step):
        return str(step)
    root = f"{step.partition('.')[0]}.*"
    return root if root in SELECTION_KEYS else "?"


def _begins(path: Sequence[str | int]) -> bool:
    """Whether the last step of a path stands where a condition begins, and not within that of a field."""
    return all(isinstance(step, int) or step in ("all", "any", "not") for step in path[:-1])


_FIELD = re.compile(r"(?:lead|company|qualification)\.[a-z_]{1,40}", re.ASCII)
_WORDS = {*SELECTION_KEYS, *OPERATORS, *COMPARISONS}


def _check_ids(leads: Sequence[LeadId]) -> None:
    if any(is_address(lead) for lead in leads):
        msg = "`lead` and `leads` name leads by their ids: no address stands on the bus"
        raise NotUnderstood(msg)


def is_address(lead: LeadId) -> bool:
    """Whether that is an e-mail address, where the id of a lead should stand; no id has an @."""
    return "@" in lead


def first_checkpoints(job: str, aim: Aim, now: Moment, segments: int) -> list[Checkpoint]:
    """Where a rescore begins: one checkpoint for each segment."""
    lasts = isinstance(aim, LeadsUnderOlderRules | LeadsOfNoise)
    of = 1 if isinstance(aim, NamedLeads) else segments
    quiet = Moment(now + QUIET_AFTER) if lasts else now
    return [Checkpoint(job, segment, of, aim, started=now, began=now, until_quiet=quiet) for segment in range(of)]


class Rescore:
    """Never scores: `score` alone writes scores, and is asked through its queue."""

    def __init__(
        self,
        *,
        leads: Leads,
        pick: Pick,
        rescoring: Rescoring,
        touches: MeasuredQueue,
        rulebook: Rulebook,
        drifts: Drifts,
        clock: Clock,
        segments: int,
        page: int,
        most_ahead: int = MOST_AHEAD,
    ) -> None:
        self._leads = leads
        self._pick = pick
        self._rescoring = rescoring
        self._touches = touches
        self._rulebook = rulebook
        self._drifts = drifts
        self._clock = clock
        self._segments = segments
        self._page = page
        self._most_ahead = most_ahead

    def one(self, lead: LeadId) -> None:
        """Ask for a touch of one lead.

        Raises:
            NotUnderstood: it is named by an address.
        """
        _check_ids([lead])
        self._ask([{"lead": lead}])

    def everyone(self, job: str) -> None:
        """Begin to ask for a touch of every lead, once. The same job again changes nothing."""
        self._begin(job, EveryLead())

    def some(self, job: str, leads: Sequence[LeadId]) -> None:
        """Begin to ask for a touch of some leads. The same job again changes nothing.

        Raises:
            NotUnderstood: one is named by an address.
        """
        _check_ids(leads)
        self._begin(job, NamedLeads(tuple(dict.fromkeys(leads))))

    def where(self, job: str, where: Mapping[str, object]) -> None:
        """Begin to ask for a touch of the leads that meet a condition. The same job again changes nothing.

        Raises:
            NotUnderstood: it is none, or asks a score that the rules do not have.
        """
        try:
            parse_selection(where).check(self._rulebook.refresh().rule_file)
        except ConditionError as error:
            raise NotUnderstood.at(error) from None
        self._begin(job, LeadsWhere(where))

    def published(self, version: int) -> None:
        """Begin to ask for a touch of every lead under older rules, until none is left. Again changes nothing."""
        self._begin(f"rules-{version:06d}", LeadsUnderOlderRules(version))

    def noise_changed(self, change: str, filter_: str) -> None:
        """Begin to ask that the leads of what a noise filter catches be made anew. The same change changes nothing."""
        self._begin(change, LeadsOfNoise(filter_))

    def tick(self, has_time: Callable[[], bool]) -> int:
        """Sweep the due leads, then move rescores on while there is time; returns how many touches were asked for."""
        return self.sweep(has_time) + self.go_on(has_time)

    def sweep(self, has_time: Callable[[], bool]) -> int:
        """Ask for a touch of the leads whose moment has come, each once, page by page while there is time.

        Who was touched leaves the index, so that whatever is left goes on by itself at the next tick. Of whom no touch
        can do anything would stay due, and be asked for every minute until somebody repairs it: such a lead is noted as
        drifted, and passed over.
        """
        asked, now = 0, self._clock.now()
        standing = {each.lead for each in self._drifts.all() if not _HOPELESS.isdisjoint(each.faults)}
        longest = chain.from_iterable(self._leads.due(Moment(now - LATE_AFTER), self._page))
        late = set(islice((lead for lead in longest if lead not in standing), self._page))
        for page in self._leads.due(now, self._page):
            if not self._has_room(2 * self._most_ahead):
                break
            hopeless = self._pick.hopeless([lead for lead in page if lead in standing or lead in late])
            for lead in sorted(hopeless.keys() - standing):
                self._drifts.note(Drift(lead, (hopeless[lead],), now, now))
            leads = [lead for lead in page if lead not in hopeless]
            self._ask([{"lead": lead} for lead in leads])
            asked += len(leads)
            if not has_time():
                break
        return asked

    def go_on(self, has_time: Callable[[], bool]) -> int:
        """Move every unfinished rescore on, page by page, each page with its checkpoint, and tell what has ended.

        Leads under older rules come first; then the others take turns, a page at a time. Answers how many touches were
        asked for.

        Raises:
            Exception: the first error of a rescore that failed, once all others have been moved on.
        """
        asked = 0
        errors: list[Exception] = []
        waiting = sorted(self._rescoring.unfinished(), key=lambda each: each.started)
        for is_first in (True, False):
            turns = deque(each for each in waiting if isinstance(each.aim, LeadsUnderOlderRules) is is_first)
            while turns and has_time():
                current = turns.popleft()
                try:
                    if not self._has_room(self._most_ahead):
                        break
                    found, following = self._page_of(current)
                except Exception as error:  # noqa: BLE001 (one bad rescore never holds up another)
                    errors.append(error)
                    continue
                asked += found
                if following:
                    turns.append(following)
        self._tell_ends()
        if errors:
            raise errors[0]
        return asked

    def _page_of(self, checkpoint: Checkpoint) -> tuple[int, Checkpoint | None]:
        picked = self._pick.page(checkpoint)
        self._ask(picked.messages)
        number, after = len(picked.messages), picked.after
        now = self._clock.now()
        found = checkpoint.found + number
        moved = replace(
            checkpoint,
            after=after,
            found=found,
            most=max(checkpoint.most, found),
            touched=checkpoint.touched + number,
            left_out=picked.left_out + (checkpoint.left_out if checkpoint.after else 0),
        )
        if after is None:
            # The pass is over. One that began too early, or left older leads, is followed by another at a later tick.
            is_last = checkpoint.began >= checkpoint.until_quiet
            is_last &= found == 0 or not isinstance(checkpoint.aim, LeadsUnderOlderRules)
            moved = replace(moved, done_at=now if is_last else None, found=0, began=now)
            if isinstance(moved.aim, LeadsWhere) and is_last:
                moved = replace(moved, aim=LeadsWhereDone(parse_selection(moved.aim.where).asks))
        try:
            self._rescoring.save(moved)
        except Conflict:
            # Another run has this segment; the leads were touched once more than needed, which changes nothing.
            return number, None
        return number, replace(moved, version=checkpoint.version + 1) if after else None

    def _tell_ends(self) -> None:
        """Note once, for each publish of which every segment is done, that its rules hold for all leads."""
        for _, group in groupby(self._rescoring.all(), lambda each: each.job):
            segments = list(group)
            first, aim = segments[0], segments[0].aim
            ends = [each.done_at for each in segments if each.done_at is not None]
            if first.announced or not isinstance(aim, LeadsUnderOlderRules) or len(ends) < first.of:
                continue
            said = RulesApplied(
                id=f"rules-applied-{aim.version}",
                version=aim.version,
                leads=sum(each.most for each in segments),
                at=max(ends),
            )
            try:
                self._rescoring.save(
                    replace(first, announced=True), Event(id=said.id, name=said.NAME, detail=said.as_detail())
                )
            except Conflict:
                continue  # another run tells it at this very moment

    def _begin(self, job: str, aim: Aim) -> None:
        self._rescoring.begin(first_checkpoints(job, aim, self._clock.now(), self._segments))

    def _has_room(self, most: int) -> bool:
        """Whether a page more leaves the queue of `score` short enough for all else that waits in it."""
        return self._touches.waiting() + self._page <= most

    def _ask(self, messages: Sequence[Message]) -> None:
        if messages:
            self._touches.send(messages)
