"""Rescoring: asks for a touch of the leads whose moment has come, of one lead, or of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.domain.handoff import LeadId
from shared.domain.identity import linked_identities
from shared.domain.moments import MINUTE, SECOND, Moment
from shared.domain.noise import Noise
from shared.ports.activities import Activities
from shared.ports.clock import Clock
from shared.ports.errors import Conflict
from shared.ports.leads import Leads
from shared.ports.noise import NoiseMarks
from shared.ports.queue import Queue
from shared.ports.rescoring import Checkpoint, Rescoring
from shared.usecases.history import leads_at

QUIET_AFTER = 1 * MINUTE
"""A publish is not over before this time: until then a warm function may still write under the rules it remembers."""

HEARD_BY_ALL_AFTER = 90 * SECOND
"""By then no function writes by the noise filters of before: each remembers them for 15 seconds and runs for 60."""


class Rescore:
    """Never scores: `score` alone writes scores, and is asked through its queue."""

    def __init__(
        self,
        *,
        activities: Activities,
        leads: Leads,
        noise: NoiseMarks,
        rescoring: Rescoring,
        touches: Queue,
        clock: Clock,
        segments: int,
        page: int,
    ) -> None:
        self._activities = activities
        self._leads = leads
        self._noise = noise
        self._rescoring = rescoring
        self._touches = touches
        self._clock = clock
        self._segments = segments
        self._page = page

    def one(self, lead: LeadId) -> None:
        """Ask for a touch of one lead."""
        self._touches.send([{"lead": lead}])

    def everyone(self, job: str) -> None:
        """Begin to ask for a touch of every lead, once. The same job again changes nothing."""
        self._begin(job, older_than=None, quiet_after=0)

    def published(self, version: int) -> None:
        """Begin to ask for a touch of every lead under older rules, until none is left. Again changes nothing."""
        self._begin(f"rules-{version:06d}", older_than=version, quiet_after=QUIET_AFTER)

    def noise_changed(self, change: str, filter_: str) -> None:
        """Begin to ask that the leads of what a noise filter catches be made anew. The same change changes nothing."""
        self._begin(change, older_than=None, quiet_after=HEARD_BY_ALL_AFTER, noise=filter_)

    def tick(self, has_time: Callable[[], bool]) -> int:
        """Sweep the due leads, then move rescores on while there is time; returns how many touches were asked for."""
        due = self._leads.due(self._clock.now(), self._page)
        self._ask(due)
        return len(due) + self.go_on(has_time)

    def go_on(self, has_time: Callable[[], bool]) -> int:
        """Move every unfinished rescore on, page by page, each page with its checkpoint."""
        asked = 0
        for checkpoint in self._rescoring.unfinished():
            current: Checkpoint | None = checkpoint
            while current and has_time():
                found, current = self._page_of(current)
                asked += found
        return asked

    def _page_of(self, checkpoint: Checkpoint) -> tuple[int, Checkpoint | None]:
        leads, after = self._caught(checkpoint) if checkpoint.noise else self._stored(checkpoint)
        self._ask(leads, rebuild=checkpoint.noise is not None)
        now = self._clock.now()
        found = checkpoint.found + len(leads)
        moved = replace(checkpoint, after=after, found=found, touched=checkpoint.touched + len(leads))
        if after is None:
            # The pass is over. One that began too early, or left older leads, is followed by another at a later tick.
            quiet = checkpoint.began >= checkpoint.until_quiet
            done = quiet and (checkpoint.older_than is None or found == 0)
            moved = replace(moved, done=done, found=0, began=now)
        try:
            self._rescoring.save(moved)
        except Conflict:
            # Another run has this segment; the leads were touched once more than needed, which changes nothing.
            return len(leads), None
        return len(leads), replace(moved, version=checkpoint.version + 1) if after else None

    def _stored(self, checkpoint: Checkpoint) -> tuple[list[LeadId], str | None]:
        """A page of the leads."""
        return self._leads.segment(
            checkpoint.segment, checkpoint.of, checkpoint.after, self._page, checkpoint.older_than
        )

    def _caught(self, checkpoint: Checkpoint) -> tuple[list[LeadId], str | None]:
        """A page of the log: the leads of what the noise filter catches."""
        mark = self._noise.get(checkpoint.noise or "")
        if mark is None:
            return [], None
        noise = Noise([mark.filter])
        page, after = self._activities.segment(checkpoint.segment, checkpoint.of, checkpoint.after, self._page)
        caught = [activity for activity in page if noise.catches(activity)]
        found = set(self._leads.whose({identity for each in caught for identity in linked_identities(each)}).values())
        for browser in {each.identity for each in caught if not each.known_identities}:
            found.update(leads_at(self._leads, self._leads.attached(browser)))
        return sorted(found), after

    def _begin(self, job: str, *, older_than: int | None, quiet_after: int, noise: str | None = None) -> None:
        now = self._clock.now()
        self._rescoring.begin(
            [
                Checkpoint(
                    job=job,
                    segment=segment,
                    of=self._segments,
                    older_than=older_than,
                    began=now,
                    until_quiet=Moment(now + quiet_after),
                    noise=noise,
                )
                for segment in range(self._segments)
            ]
        )

    def _ask(self, leads: list[LeadId], *, rebuild: bool = False) -> None:
        if leads:
            self._touches.send([{"lead": lead} | ({"rebuild": True} if rebuild else {}) for lead in leads])
