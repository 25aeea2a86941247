"""A handoff: the passing of a lead from marketing to sales, once for each entry into a stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType

from shared.domain.moments import Moment

LeadId = NewType("LeadId", str)
"""An opaque id that tells nothing about the person."""


@dataclass(frozen=True, slots=True)
class HandoffKey:
    """There is one handoff for each (lead, stage, epoch), however often it is asked for."""

    lead: LeadId
    stage: str
    epoch: int

    @property
    def text(self) -> str:
        """The key as one text, `LEAD.STAGE.EPOCH`: the stable id of every message about it."""
        return f"{self.lead}.{self.stage}.{self.epoch}"


@dataclass(frozen=True, slots=True)
class Handoff:
    """A committed handoff, as decided; `snapshot` is what was known then, without personal data.

    `snapshot` holds `total`, `scores`, `temperature`, `grade`, `rules_version` and `reasons`, a list of
    `{"rule", "label", "counts"}` with the greatest first. `notify` names channels: `email`, `slack`, `webhook`.
    """

    key: HandoffKey
    to: str
    notify: tuple[str, ...]
    requested_at: Moment
    respond_by: Moment | None
    caused_by: str
    last_activity_at: Moment | None
    snapshot: Mapping[str, Any]
