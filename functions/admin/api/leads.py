"""The requests and responses about leads: their story, their score, who they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, SkipValidation, model_validator

from functions.admin.api.fields import Cursor, Name, Points, Request, Response, Stamp, Text
from functions.admin.api.handoffs import SentHandoffResponse
from functions.admin.api.people import IdentityResponse, KnownIdentity, PersonResponse
from functions.admin.api.permission import ConsentResponse


class ListLeadsRequest(Request):
    """The query of a list of leads: exactly one of `temperature`, `stage`, `email` and `user_id`."""

    model_config = ConfigDict(strict=False)

    temperature: Name | None = None
    stage: Name | None = None
    email: Text | None = None
    user_id: Annotated[str, Field(max_length=256)] | None = Field(None, description="The person's id in your systems.")
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    next: Cursor | None = Field(None, description="`next` of the page before.")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(wish is not None for wish in (self.temperature, self.stage, self.email, self.user_id)) != 1:
            msg = "ask for exactly one of temperature, stage, email and user_id"
            raise ValueError(msg)
        return self


class GetLeadRequest(Request):
    """The query of one lead."""

    at: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="The moment to look at, ISO 8601 with an offset; now when missing."
    )
    rules: Annotated[str, Field(pattern=r"^(then|active|[0-9]{1,9})$")] | None = Field(
        None,
        description="Under which rules: a version's number, those active `then`, at the moment asked for, or those "
        "`active` now. `then` when missing.",
    )
    known: Literal["then", "now"] | None = Field(
        None,
        description="Whether all counts that had been received by the moment, or all that had occurred by it whenever "
        "it was received. `then` when missing, where a moment is asked for.",
    )
    since: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="The explanation then tells what changed from this moment on."
    )


class AdjustScoreRequest(Request):
    """Points by hand: `by` adds them, `to` adds what brings the score to that value."""

    by: Points | None = None
    to: Points | None = None
    score: Name = "engagement"
    why: Annotated[str, Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.by is None) == (self.to is None):
            msg = "give either by or to"
            raise ValueError(msg)
        return self


class _RulingRequest(Request):
    why: Annotated[Text, Field(description="For those who look at the lead later.")] = ""
    preview: Annotated[bool, Field(description="Only tell what would become of them.")] = False


class MergeLeadsRequest(_RulingRequest):
    """That another lead is the same person."""

    lead: Annotated[str, Field(min_length=1, max_length=100, description="The other lead's id.")]


class UnmergeLeadRequest(_RulingRequest):
    """That some of a lead's identities are somebody else."""

    apart: Annotated[list[KnownIdentity], Field(min_length=1, max_length=20)]


_Fact = SkipValidation[Literal["authority", "budget", "need", "timeline"]]
"""`check_qualification` tells better what is wrong with one."""


class QualifyLeadRequest(Request):
    """What a lead said of the four facts, and those that it was asked for without answering."""

    facts: Annotated[
        dict[_Fact, SkipValidation[bool | int | str | None]],
        Field(description="Yes or no, a text, a rating from 1 to 5; null takes back what was said."),
    ] = Field(default_factory=dict)
    asked: Annotated[
        list[_Fact],
        Field(max_length=4, description="Asked, and not answered: nobody asks it again."),
    ] = Field(default_factory=list)
    note: Annotated[str, Field(max_length=2000)] = ""


class ScoreResponse(Response):
    """Where a lead's scores stand."""

    total: Points
    scores: dict[str, Points]
    temperature: str | None
    grade: str | None
    vetoed_by: list[str]


class StageResponse(Response):
    """Where a lead stands between marketing and sales, and since when. `epoch` counts its entries."""

    name: str
    epoch: int
    entered_at: Stamp | None
    in_rules: bool = Field(description="Whether the active rules have such a stage.")


class LeadSummaryResponse(Response):
    """A lead in a list; its score is reckoned for now."""

    id: str
    person: PersonResponse
    score: ScoreResponse
    stage: StageResponse | None
    consent: Literal["granted", "denied"] | None
    last_activity_at: Stamp | None
    rules_version: int = Field(description="The version under which it is scored.")
    awaits_rules: int | None = Field(
        description="The active version, while the lead is on its way to it; null once it is there."
    )


class LeadsResponse(Response):
    """A page of leads, best first as of the last look at each."""

    leads: list[LeadSummaryResponse]
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class FactsResponse(Response):
    """What is known: for each field what the best source said last."""

    lead: dict[str, Any]
    company: dict[str, Any]
    qualification: dict[str, Any]


class TransitionResponse(Response):
    """A change of stage, as it was decided."""

    number: int
    from_stage: str | None
    to_stage: str
    epoch: int
    at: Stamp
    cause: str
    activity_id: str | None
    rules_version: int
    by_rules: bool = Field(description="Whether new rules made it, and not something that the lead did.")
    snapshot: dict[str, Any]


class FactWordResponse(Response):
    """Something was said of a fact, once; a value of null takes it back."""

    value: Any
    at: Stamp
    rank: Literal["public", "trusted", "sales"]
    source: str | None = Field(description="The form, the key or the system that told it; `people` when a person did.")
    who: str | None = Field(description="The person who wrote it down.")
    note: str
    activity: str


class AskingResponse(Response):
    """Somebody asked, and got no answer."""

    at: Stamp
    who: str | None


class FactResponse(Response):
    """One of the four facts: what holds, every word on it, oldest first, and when it was asked in vain."""

    value: Any
    holds: FactWordResponse | None
    history: list[FactWordResponse]
    asked: list[AskingResponse]


class QuestionResponse(Response):
    """What nobody knows yet, with the question that would fill it; `asked_at` when somebody asked in vain."""

    fact: str
    label: str
    question: str
    asked_at: Stamp | None


class QualificationResponse(Response):
    """The four facts, and what is still to ask; what has an `asked_at` is not asked again."""

    facts: dict[str, FactResponse]
    to_ask: list[QuestionResponse]


class FactorResponse(Response):
    """One of the seven things that tell a qualified lead from an unqualified one."""

    name: str
    label: str
    level: Literal["high", "medium", "low", "unknown"]
    because: str


class ActivityResponse(Response):
    """Something that the lead did, or that was said about it."""

    id: str
    type: str
    occurred_at: Stamp
    received_at: Stamp = Field(description="When it came in: what came later was not known before.")
    channel: str | None
    source: str | None
    campaign: dict[str, Any] = Field(description="What led the visitor there: `source`, `medium`, `name`, click ids.")
    properties: dict[str, Any]
    own: bool
    marks: list[str]


class DecisionResponse(Response):
    """A person said that names are one lead, or two, or that what a lead does is noise, or is not."""

    activity: str
    said: Literal["merged", "unmerged", "marked as noise", "unmarked as noise"]
    at: Stamp
    who: str
    why: str
    identities: list[IdentityResponse] = Field(description="The names that are one lead, or two; none where of noise.")
    apart: list[IdentityResponse] = Field(description="Those of them that are the other one's, where they are two.")


class NurtureResponse(Response):
    """What a lead is advised to get where it stands, as the active rules have it now."""

    track: str
    missing: list[str] = Field(description="The criteria that it does not meet: `fit`, `qualification.budget`.")


class AsOfResponse(Response):
    """What an answer about another moment goes by, or by other rules or another knowledge."""

    rules_version: int = Field(description="0 before the first publish.")
    active_then: int = Field(description="The version that was active at that moment.")
    known: Literal["then", "now"]
    replayed: bool = Field(
        description="Whether `replayed_stage` was looked for, which it is not of more than 2,000 activities; where it "
        "was, null is no stage."
    )
    words: str = Field(description="The same in one sentence.")


class ForecastResponse(Response):
    """What time alone will change next, if nothing happens until then; null is none."""

    at: Stamp
    what: Literal["temperature", "grade", "stage"]
    before: str | None
    after: str | None


class WithheldResponse(Response):
    """The handoff of a stage that the lead entered without permission: it follows as soon as there is one."""

    stage: str
    epoch: int
    waits_for: list[Literal["consent", "veto"]] = Field(
        description="A grant of consent, the end of a veto, or both; empty in the moments before it is handed over."
    )


class LeadResponse(Response):
    """Everything about a lead at a moment, replayed from the log under the rules of `rules_version`."""

    id: str
    at: Stamp
    as_of: AsOfResponse | None = Field(
        description="What it goes by; null for what is known now under the active rules."
    )
    rules_version: int
    scored_under: int = Field(description="The version under which the stored state was made; -1 if it is unreadable.")
    awaits_rules: int | None = Field(
        description="The active version, while the lead is on its way to it; null once it is there."
    )
    person: PersonResponse
    identities: list[IdentityResponse]
    score: ScoreResponse
    stage: StageResponse | None = Field(description="Where it stood at that moment, as it was decided.")
    replayed_stage: StageResponse | None = Field(
        description="Where it would have stood, had these rules looked at every activity as it occurred; only where "
        "another version or other knowledge than of then is asked for."
    )
    forecast: list[ForecastResponse] = Field(
        description="All that changes at the next moment at which time alone changes something that shows; empty if "
        "nothing ever will, or another moment or version was asked for. A step whose moment has come, and which the "
        "sweep has not taken yet, stands here alone, with that moment."
    )
    consent: Literal["granted", "denied"] | None
    consents: ConsentResponse
    facts: FactsResponse
    explanation: dict[str, Any]
    transitions: list[TransitionResponse]
    handoffs: list[SentHandoffResponse]
    withheld: WithheldResponse | None = Field(
        description="The handoff that waits for permission; null for none, and when another moment was asked for."
    )
    qualification: QualificationResponse
    nurture: NurtureResponse | None = Field(
        description="Null where the rules nurture nobody, and when another moment was asked for."
    )
    factors: list[FactorResponse] = Field(description="The last judges by the others; it is no forecast.")
    decisions: list[DecisionResponse] = Field(description="What people decided of who it is, oldest first.")
    last_activity_at: Stamp | None
    activities: list[ActivityResponse] = Field(description="The latest, newest first.")
    more_activities: bool


class AdjustScoreResponse(Response):
    """The adjustment is in the log; the score follows within moments."""

    lead: str
    activity: str


class QualifyLeadResponse(Response):
    """It is in the log; what follows from it follows within moments."""

    lead: str
    activity: str


class RulingResponse(Response):
    """The decision is in the log; the leads follow within moments."""

    lead: str
    activity: str


class PartResponse(Response):
    """A lead as it would be now."""

    identities: list[IdentityResponse]
    score: ScoreResponse
    consent: Literal["granted", "denied"] | None


class PreviewResponse(Response):
    """What would become of the leads; nothing is changed. Of an unmerge what is left comes first."""

    parts: list[PartResponse]
