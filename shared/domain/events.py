"""The events that Baton and others put on the bus: ids and numbers, never personal data.

Each model is the `detail` of one event; `NAME` is its detail type. `id` is the event's own id: it stays the same when
an event is delivered again, so that a receiver can tell.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from shared.domain.handoff import AnswerKind, FollowUpKind, HandoffKey, LeadId
from shared.domain.moments import Moment, format_moment, parse_moment


def _moment(value: object) -> object:
    return parse_moment(value) if isinstance(value, str) else value


Stamp = Annotated[Moment, BeforeValidator(_moment), PlainSerializer(format_moment, when_used="json")]
"""A moment, written as ISO 8601 text in UTC."""


class BusEvent(BaseModel):
    """What every detail is: frozen, and told only in its own fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    NAME: ClassVar[str]

    id: str = Field(min_length=1)

    def as_detail(self) -> dict[str, object]:
        """The detail as JSON values."""
        return self.model_dump(mode="json")


class StageChanged(BusEvent):
    """A lead went from one stage to another; `epoch` counts its entries into `to_stage`."""

    NAME: ClassVar[str] = "StageChanged"

    lead: LeadId
    from_stage: str | None
    to_stage: str
    epoch: int = Field(ge=1)
    at: Stamp
    cause: str
    total: float
    temperature: str | None = None
    rules_version: int = Field(ge=0)
    by_rules: bool = False


class OfHandoff(BusEvent):
    """What every event about a handoff names."""

    lead: LeadId
    stage: str
    epoch: int = Field(ge=1)

    @property
    def key(self) -> HandoffKey:
        """The handoff's key."""
        return HandoffKey(self.lead, self.stage, self.epoch)


class HandoffRequested(OfHandoff):
    """A handoff is committed: whoever passes it on reads it under (lead, stage, epoch)."""

    NAME: ClassVar[str] = "HandoffRequested"

    to: str
    requested_at: Stamp


class HandoffAnswered(OfHandoff):
    """Sales answered a handoff; `reason` is one of those that the rules list, `look_again` the day of a recycling."""

    NAME: ClassVar[str] = "HandoffAnswered"

    answer: AnswerKind
    reason: str | None = None
    look_again: Stamp | None = None
    at: Stamp


class HandoffFollowedUp(OfHandoff):
    """Nobody had answered a handoff at a moment; `to` is the team that is told, or that has the lead from now on."""

    NAME: ClassVar[str] = "HandoffFollowedUp"

    kind: FollowUpKind
    to: str
    at: Stamp


class NurtureAdvised(BusEvent):
    """A lead is not ready: a mailing tool may act. `missing` names criteria, `track` what the rules say for them."""

    NAME: ClassVar[str] = "NurtureAdvised"

    lead: LeadId
    stage: str
    epoch: int = Field(ge=1)
    track: str
    missing: tuple[str, ...] = ()
    look_again: Stamp | None = None
    at: Stamp


class RulesPublished(BusEvent):
    """A rule file became the active one: every lead is to be scored anew."""

    NAME: ClassVar[str] = "RulesPublished"

    version: int = Field(ge=1)
    sha256: str
    published_at: Stamp


class RulesApplied(BusEvent):
    """A publish is over: no lead is under older rules any more. `leads` is how many it found under older ones."""

    NAME: ClassVar[str] = "RulesApplied"

    version: int = Field(ge=1)
    leads: int = Field(ge=0)
    at: Stamp


class NoiseChanged(BusEvent):
    """People set a noise filter, or took it back: the leads of what it catches are to be scored anew."""

    NAME: ClassVar[str] = "NoiseChanged"

    filter: str
    at: Stamp


MOST_NAMED_LEADS = 500
"""Leads that one request may name; more are better picked by a condition."""


class RescoreRequested(BaseModel):
    """Any system asks that one lead, some, those that meet a condition, or all of them be scored anew.

    `where` is a condition on leads as the rule file writes them: `{"company.country": {"is": "DE"}, "stage": "mql"}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    NAME: ClassVar[str] = "RescoreRequested"

    lead: LeadId | None = Field(None, min_length=1, max_length=100)
    leads: tuple[Annotated[LeadId, Field(min_length=1, max_length=100)], ...] | None = Field(
        None, min_length=1, max_length=MOST_NAMED_LEADS
    )
    where: dict[str, Any] | None = Field(
        None,
        min_length=1,
        description="Asks lead.*, company.*, qualification.*, consent, stage, temperature, grade and scores.",
    )
    all: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum((self.all, *(said is not None for said in (self.lead, self.leads, self.where)))) != 1:
            msg = "say one of lead, leads, where, or all: true"
            raise ValueError(msg)
        return self
