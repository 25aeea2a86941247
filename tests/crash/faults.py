"""Faults: what may go wrong around a call to the world outside a process, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, get_args

from shared.ports.errors import Conflict, Unavailable

Kind = Literal[
    "stopped before it",
    "stopped after its effect",
    "answer lost",
    "answer lost and repeated",
    "throttled",
    "conflict",
    "second delivery meanwhile",
    "another message meanwhile",
    "all else meanwhile",
]
"""A lost answer is an error for the process, unless the AWS SDK repeats the call and gets one then."""

KINDS: tuple[Kind, ...] = get_args(Kind)
INTERLEAVED: tuple[Kind, ...] = ("second delivery meanwhile", "another message meanwhile", "all else meanwhile")
MAY_CONFLICT = frozenset(
    {
        "handoffs.answer",
        "leads.join",
        "leads.part",
        "leads.save",
        "rescoring.save",
        "stages.commit",
        "versions.publish",
        "versions.store",
    }
)
"""The calls that write under a condition, or in a transaction."""
READS = frozenset(
    {
        "activities.at",
        "activities.under",
        "handoffs.get",
        "handoffs.record",
        "handoffs.sent",
        "leads.attached",
        "leads.due",
        "leads.load",
        "leads.segment",
        "leads.whose",
        "missed.breaker",
        "missed.breakers",
        "missed.next",
        "missed.waiting",
        "rescoring.all",
        "rescoring.unfinished",
        "score_queue.waiting",
        "stages.load",
        "stages.standing",
        "stages.turns",
        "stages.withheld",
        "versions.active_number",
        "versions.draft",
        "versions.drafts",
        "versions.get",
    }
)
"""The calls that change nothing."""
KNOWS_ITS_OWN = frozenset({"handoffs.claim"})
"""The calls whose repetition by the SDK gets the answer of the first: they carry a token of their own."""


class Died(BaseException):
    """The process is gone; no `except Exception` of it runs any more."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at which call of a run, counted from 0."""

    call: int
    kind: Kind


class Faults:
    """Numbers every call to the world, and lets some of them go wrong. `calls` are their names, in order.

    `is_idle` tells whether nothing else waits to be done at the moment.
    """

    def __init__(self, faults: Iterable[Fault] = (), is_idle: Callable[[], bool] = lambda: False) -> None:
        self._at = {fault.call: fault.kind for fault in faults}
        self._is_idle = is_idle
        self._idle: set[int] = set()
        self._first: set[int] = set()
        self.calls: list[str] = []
        self.happened: list[Kind] = []

    def a_process_starts(self) -> None:
        """The next call, if there is one, may be the first of a process."""
        self._first.add(len(self.calls))

    def possible(self) -> list[Fault]:
        """Everything that could have gone wrong once in a run without faults; of what comes to the same only one."""
        return [
            Fault(number, kind)
            for number, call in enumerate(self.calls)
            for kind in KINDS
            if not self._is_told_by_another(number, call, kind)
        ]

    def _is_told_by_another(self, number: int, call: str, kind: Kind) -> bool:
        match kind:
            case "stopped before it":
                # Stopped after the call before, which comes to the same; after a read, before that one.
                return number not in self._first
            case "stopped after its effect" | "answer lost" | "answer lost and repeated":
                # A read has no effect: stopped before it, throttled, or nothing at all.
                return call in READS
            case "conflict":
                return call not in MAY_CONFLICT
            case "another message meanwhile" | "all else meanwhile":
                return number in self._idle
        return False

    def around(
        self, name: str, call: Callable[[], Any], meanwhile: Callable[[Kind], None], *, refused: Callable[[], Any]
    ) -> Any:
        """Do a call, or what goes wrong with it; `refused` answers or raises what the process hears of a failure."""
        number = len(self.calls)
        kind = self._at.get(number)
        if not self._at and self._is_idle():
            self._idle.add(number)
        self.calls.append(name)
        if kind is None or (kind == "conflict" and name not in MAY_CONFLICT):
            return call()
        self.happened.append(kind)
        match kind:
            case "stopped before it":
                raise Died
            case "stopped after its effect":
                with suppress(Exception):
                    call()
                raise Died
            case "throttled":
                return refused()
            case "conflict":
                raise Conflict("a transaction is in progress")
            case "second delivery meanwhile" | "another message meanwhile" | "all else meanwhile":
                meanwhile(kind)
                return call()
        answer = call()
        if kind == "answer lost":
            return refused()
        return answer if name in KNOWS_ITS_OWN else call()


def unavailable() -> Any:
    """Raise what an adapter makes of a throttled call and of one that got no answer."""
    raise Unavailable("no answer")


class Port:
    """A port behind the faults: each call of one of its methods is a numbered call."""

    def __init__(self, name: str, port: Any, faults: Faults, meanwhile: Callable[[Kind], None]) -> None:
        self._name, self._port, self._faults, self._meanwhile = name, port, faults, meanwhile

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*given: Any, **named: Any) -> Any:
            # The bus tells which events it did not take, and never raises.
            refused = (lambda: list(given[0])) if self._name == "bus" else unavailable
            full = f"{self._name}.{name}"
            return self._faults.around(full, lambda: method(*given, **named), self._meanwhile, refused=refused)

        return call
