"""Rescores as people ask for them and follow them. `rescore` does the work, from the next tick on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from shared.domain.conditions import ConditionError
from shared.domain.moments import Moment, format_moment
from shared.domain.people import Person
from shared.domain.refusals import Contested, Invalid
from shared.domain.rescores import Aim, LeadsWhere, LeadsWhereDone, NamedLeads, UnappliedActivities
from shared.domain.selection import parse_selection
from shared.ports.clock import Clock
from shared.ports.rescoring import Checkpoint, Rescoring
from shared.ports.rules import RuleVersions
from shared.usecases.rescore import SEGMENTS, first_checkpoints, is_address
from shared.usecases.rulebook import Rulebook
from shared.usecases.sayings import request_digest


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rescore is. `touched` counts what was asked of `score` for it, `found` each lead or activity once.

    `looks_again` says that every segment was gone through, and that the pass that looks once more has found nobody yet.
    `left_out` are leads that could not be judged, for they are damaged.
    """

    job: str
    aim: Aim
    started: Moment
    segments: int
    done: int
    touched: int
    found: int
    ended: Moment | None
    looks_again: bool = False
    left_out: int = 0


class Rescores:
    """Begins rescores, and tells of all that are remembered."""

    def __init__(
        self,
        rescoring: Rescoring,
        versions: RuleVersions,
        rulebook: Rulebook,
        clock: Clock,
        *,
        segments: int = SEGMENTS,
    ) -> None:
        self._rescoring = rescoring
        self._versions = versions
        self._rulebook = rulebook
        self._clock = clock
        self._segments = segments

    def active(self) -> tuple[int, Moment | None]:
        """The number of the active rules version, and since when it is active; 0 and None before the first publish."""
        number = self._versions.active_number()
        version = self._versions.get(number) if number else None
        return number, version.published_at if version else None

    def all(self) -> list[Progress]:
        """Every rescore that is remembered, the latest first."""
        every = [_progress(list(group)) for _, group in groupby(self._rescoring.all(), lambda each: each.job)]
        return sorted(every, key=lambda each: (-each.started, each.job))

    def ask(self, aim: Aim, id_: str, person: Person) -> Progress:
        """Begin a rescore. The same request of the same person again is the same rescore.

        Raises:
            Invalid: its condition cannot be read or asks for what the rules do not have, a lead is named by an
                address, or its moment lies ahead.
            Contested: the same request asked for something else before.
        """
        self._check(aim)
        job = f"asked-{request_digest(person.id, id_)}"
        self._rescoring.begin(first_checkpoints(job, aim, self._clock.now(), self._segments))
        begun = _progress([each for each in self._rescoring.all() if each.job == job])
        if not _is_same(begun.aim, aim):
            at = format_moment(begun.started)
            msg = f"something else was asked for under this key at {at}; ask for what is new under another one"
            raise Contested(msg, when=at)
        return begun

    def _check(self, aim: Aim) -> None:
        match aim:
            case LeadsWhere(where):
                try:
                    parse_selection(where).check(self._rulebook.refresh().rule_file)
                except ConditionError as error:
                    at = ".".join(map(str, ("where", *error.path)))
                    raise Invalid(str(error), at, **({"hint": error.hint} if error.hint else {})) from error
            case NamedLeads(leads) if any(map(is_address, leads)):
                msg = "leads are named by their ids here, not by addresses"
                raise Invalid(msg, "leads")
            case UnappliedActivities(since) if since > self._clock.now():
                msg = "this moment lies ahead: say since when activities may be missing"
                raise Invalid(msg, "since")


def _is_same(begun: Aim, asked: Aim) -> bool:
    """Whether that is what was asked for; of a condition that is done, as far as it is remembered."""
    if isinstance(begun, LeadsWhereDone) and isinstance(asked, LeadsWhere):
        return begun.asks == parse_selection(asked.where).asks
    return begun == asked


def _progress(segments: list[Checkpoint]) -> Progress:
    first = segments[0]
    ends = [each.done_at for each in segments if each.done_at is not None]
    going = [each for each in segments if each.done_at is None]
    return Progress(
        job=first.job,
        aim=first.aim,
        started=first.started,
        segments=first.of,
        done=len(ends),
        touched=sum(each.touched for each in segments),
        found=sum(each.most for each in segments),
        left_out=sum(each.left_out for each in segments),
        ended=max(ends) if len(ends) == first.of else None,
        looks_again=bool(going) and all(each.began > each.started and not each.found for each in going),
    )
