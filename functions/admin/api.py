"""What people send to Baton and get from it, as models: the requests and responses of the signed-in routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SkipValidation, model_validator

from shared.domain.drafts import says_something
from shared.domain.events import MOST_NAMED_LEADS
from shared.domain.rulefile import LONGEST_NAME
from shared.domain.simulation import MOST_SEGMENTS

Text = Annotated[str, Field(max_length=500)]


def _legible(text: str) -> str:
    if text and not says_something(text):
        msg = "write it in words: at least one letter or digit"
        raise ValueError(msg)
    return text


Words = Annotated[Text, AfterValidator(_legible)]
"""What people are told of new rules: nothing, or something that can be read."""
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
"""A name of the rule file."""
Cursor = Annotated[str, Field(max_length=4000)]
"""As long as one is that holds three of the longest names, in letters that take most."""
Points = int | float
Stamp = Annotated[str, Field(description="ISO 8601 in UTC.", examples=["2026-03-02T09:30:00Z"])]


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class _Response(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class ListLeadsRequest(_Request):
    """The query of a list of leads: exactly one of `temperature`, `stage` and `email`."""

    model_config = ConfigDict(strict=False)

    temperature: Name | None = None
    stage: Name | None = None
    email: Text | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    next: Cursor | None = Field(None, description="`next` of the page before.")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(wish is not None for wish in (self.temperature, self.stage, self.email)) != 1:
            msg = "ask for exactly one of temperature, stage and email"
            raise ValueError(msg)
        return self


class GetLeadRequest(_Request):
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


class AdjustScoreRequest(_Request):
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


class _RulingRequest(_Request):
    why: Annotated[Text, Field(description="For those who look at the lead later.")] = ""
    preview: Annotated[bool, Field(description="Only tell what would become of them.")] = False


class MergeLeadsRequest(_RulingRequest):
    """That another lead is the same person."""

    lead: Annotated[str, Field(min_length=1, max_length=100, description="The other lead's id.")]


class KnownIdentity(_Request):
    """A name under which a lead is known."""

    kind: Literal["email", "user_id"]
    value: Annotated[str, Field(min_length=1, max_length=500)]


class UnmergeLeadRequest(_RulingRequest):
    """That some of a lead's identities are somebody else."""

    apart: Annotated[list[KnownIdentity], Field(min_length=1, max_length=20)]


class NoiseRequest(_Request):
    """What is noise, or is noise no longer: exactly one of `address`, `agent` and `lead`."""

    address: Annotated[str, Field(max_length=60, description="A network address or range, such as 203.0.113.0/24.")] | (
        None
    ) = None
    agent: Annotated[str, Field(max_length=200, description="A user agent; `*` stands for anything.")] | None = None
    lead: Annotated[str, Field(min_length=1, max_length=100, description="A lead's id.")] | None = None
    why: Annotated[Text, Field(description="For those who look at it later.")] = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(said is not None for said in (self.address, self.agent, self.lead)) != 1:
            msg = "give exactly one of address, agent and lead"
            raise ValueError(msg)
        return self


class RecordConsentRequest(_Request):
    """What the lead said of consent, to somebody who signed in."""

    consent: Literal["granted", "denied"]
    why: Annotated[str, Field(min_length=1, max_length=500, description="How it is known: a call, a letter, a card.")]
    wording: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        None, description="The words that stood before the lead."
    )


_Fact = SkipValidation[Literal["authority", "budget", "need", "timeline"]]
"""`check_qualification` tells better what is wrong with one."""


class QualifyLeadRequest(_Request):
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


class ListHandoffsRequest(_Request):
    """The query of a list of handoffs."""

    model_config = ConfigDict(strict=False)

    state: Literal["open", "accepted", "rejected", "recycled", "all"] = "open"
    team: Name | None = Field(None, description="The team that has it now.")
    assignee: Name | None = Field(None, description="The member of the team who has it now.")
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    next: Cursor | None = Field(None, description="`next` of the page before.")


class AnswerHandoffRequest(_Request):
    """What sales says to a handoff, once."""

    answer: Literal["accepted", "rejected", "recycled"]
    reason: Name | None = Field(
        None, description="One of those that the rules list, for a lead that is rejected or recycled."
    )
    note: Annotated[str, Field(max_length=2000)] = ""
    look_again: Annotated[str, Field(max_length=40)] | None = Field(
        None,
        description="From when on a recycled lead may be handed over again for what holds then: a day (its beginning "
        "in UTC) or a moment with an offset, at most two years ahead.",
    )


class CheckLeadsRequest(_Request):
    """Leads to compare with their logs: some by their ids, or a page of a segment of all."""

    leads: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)] | None = None
    segment: Annotated[int, Field(ge=0, le=99)] = 0
    of: Annotated[int, Field(ge=1, le=100, description="Into so many segments all leads are cut.")] = 1
    limit: Annotated[int, Field(ge=1, le=200, description="At most so many leads; a page may hold fewer.")] = 100
    next: Cursor | None = Field(None, description="`next` of the page before.")

    @model_validator(mode="after")
    def _is_a_segment(self) -> Self:
        if self.segment >= self.of:
            msg = f"segments count from 0 to {self.of - 1}"
            raise ValueError(msg)
        return self


class ExportLeadRequest(_Request):
    """The query of an export."""

    next: Annotated[str, Field(max_length=200)] | None = Field(None, description="`next` of the page before.")


class EraseLeadRequest(_Request):
    """That a person is erased, for good."""

    why: Annotated[
        str,
        Field(min_length=1, max_length=500, description="It is kept: write it without the person's name or address."),
    ]


class AskForRescoreRequest(_Request):
    """Which leads are to be scored anew: exactly one of `leads`, `where` and `all`."""

    leads: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=100)]],
            Field(min_length=1, max_length=MOST_NAMED_LEADS, description="Leads by their ids."),
        ]
        | None
    ) = None
    where: dict[str, Any] | None = Field(
        None,
        description="A condition as rules write them, on `lead.*`, `company.*`, `qualification.*`, `consent`, `stage`, "
        "`temperature`, `grade` and scores: `{company.country: {is: DE}, stage: mql}`.",
    )
    all: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum((self.all, self.leads is not None, self.where is not None)) != 1:
            msg = "give exactly one of leads, where, and all: true"
            raise ValueError(msg)
        return self


class CatchUpRequest(_Request):
    """That activities which no lead has taken in be looked for."""

    since: Annotated[
        str,
        Field(max_length=40, description="Received from this moment on, ISO 8601 with an offset."),
    ]


class DraftRulesRequest(_Request):
    """A rule file: `document` is what its YAML says, `text` the file to the letter."""

    document: dict[str, Any] = Field(description="What counts: leads are scored by it, whatever the text says.")
    text: str | None = Field(
        None,
        description="What people read, and nothing else: that it says the same as the document is checked by `baton` "
        "where it shows or approves it. The document as JSON when missing or blank.",
    )
    note: Words = Field("", description="Why, for those who read the list of versions.")


class _PublishingWish(_Request):
    simulation: Annotated[str, Field(max_length=24_000)] = Field(
        "", description="The tokens of a simulation of this file against the active version, parted by spaces."
    )
    force: Words = Field(
        "", description="The reason to publish beyond the budget of handoffs, or without a simulation."
    )
    notify: Annotated[bool, Field(description="Whether leads that only the new rules move are handed over.")] = False


class PublishDraftRequest(_PublishingWish):
    """How a draft is published."""


class PublishRulesRequest(DraftRulesRequest, _PublishingWish):
    """A rule file that is published at once, where the settings want nobody's word."""


class ApproveDraftRequest(_Request):
    """Somebody's word for a draft."""

    role: Literal["admin", "marketing", "sales"] | None = Field(
        None, description="For which it counts, where somebody has several roles whose word is missing."
    )


class RollBackRulesRequest(_Request):
    """Back to the file of an old version."""

    number: Annotated[int, Field(ge=1, le=999_999)] | None = Field(
        None, description="Of the version; when missing the one before the active one."
    )
    note: Words = Field("", description="Why, for those who read the list of versions.")


class SimulateRequest(_Request):
    """A page of a simulation: of exactly one of `draft`, `version` and `document`, the same on every page.

    Each of `of` segments of all leads is asked for by itself, side by side with others if one likes, a page at a time.
    """

    draft: Annotated[int, Field(ge=1, le=999_999)] | None = None
    version: Annotated[int, Field(ge=1, le=999_999)] | None = None
    document: dict[str, Any] | None = Field(None, description="What the YAML of a rule file says.")
    text: str | None = Field(None, description="That file to the letter. The document alone is simulated.")
    notify: Annotated[bool, Field(description="As if it were published so.")] = False
    segment: Annotated[int, Field(ge=0, lt=MOST_SEGMENTS)] = 0
    of: Annotated[int, Field(ge=1, le=MOST_SEGMENTS)] = 1
    at: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="The moment to simulate, now when missing; `at` of the first segment for all others."
    )
    since: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="From when handoffs are counted; 90 days before `at` when missing."
    )
    limit: Annotated[int, Field(ge=1, le=500, description="How many leads at most.")] = 100
    next: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="`simulation` of the segment's page before, which holds its moments and numbers."
    )

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if sum(named is not None for named in (self.draft, self.version, self.document)) != 1:
            msg = "give exactly one of draft, version and document"
            raise ValueError(msg)
        if self.text is not None and self.document is None:
            msg = "text goes with a document"
            raise ValueError(msg)
        return self


class ListDraftsRequest(_Request):
    """The query of a list of drafts."""

    model_config = ConfigDict(strict=False)

    limit: Annotated[int, Field(ge=1, le=100)] = 25
    next: Annotated[int, Field(ge=1, le=999_999)] | None = Field(None, description="`next` of the page before.")


RulesName = Annotated[
    str, Field(max_length=20, description="`active`, the number of a version, or `draft-` and the number of a draft.")
]


class CompareRulesRequest(_Request):
    """The query of a difference: what `to` says otherwise than `from`."""

    from_: RulesName = Field("active", alias="from")
    to: RulesName


class CompareDocumentRequest(_Request):
    """What a rule file says otherwise than the one that `from` names."""

    from_: RulesName = Field("active", alias="from")
    document: dict[str, Any] = Field(description="What the YAML of a rule file says.")


class PersonResponse(_Response):
    """Who a lead is, as far as it is known."""

    emails: list[str]
    name: str | None
    title: str | None
    company: str | None


class ScoreResponse(_Response):
    """Where a lead's scores stand."""

    total: Points
    scores: dict[str, Points]
    temperature: str | None
    grade: str | None
    vetoed_by: list[str]


class StageResponse(_Response):
    """Where a lead stands between marketing and sales, and since when. `epoch` counts its entries."""

    name: str
    epoch: int
    entered_at: Stamp | None
    in_rules: bool = Field(description="Whether the active rules have such a stage.")


class LeadSummaryResponse(_Response):
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


class LeadsResponse(_Response):
    """A page of leads, best first as of the last look at each."""

    leads: list[LeadSummaryResponse]
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class IdentityResponse(_Response):
    """One name under which the lead is known."""

    kind: Literal["email", "user_id", "anonymous_id"]
    value: str


class FactsResponse(_Response):
    """What is known: for each field what the best source said last."""

    lead: dict[str, Any]
    company: dict[str, Any]
    qualification: dict[str, Any]


class TransitionResponse(_Response):
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


class FollowUpResponse(_Response):
    """What happens at a moment while nobody has answered; `to` is the team that is told, or that gets the lead."""

    kind: Literal["reminder", "escalation", "reassignment"]
    at: Stamp = Field(description="When it is to be done.")
    done_at: Stamp | None = Field(description="When it was done, a little later; null while it has not been.")
    to: str


class AnswerResponse(_Response):
    """What sales said."""

    answer: Literal["accepted", "rejected", "recycled"]
    at: Stamp
    who: str
    reason: str | None
    label: str | None = Field(description="What people call the reason.")
    note: str
    look_again: Stamp | None
    rules: list[str] = Field(description="The rules that had fired when it was handed over, for their review.")
    remark: str | None = Field(description="What of it changes nothing under the active rules.")


class HandoffResponse(_Response):
    """A handoff as it stands, known by lead, stage and epoch; `to` and `assignee` have it now."""

    id: str = Field(description="LEAD.STAGE.EPOCH, as the commands take it.")
    lead: str = Field(description="The lead that was handed over; by now it may be part of another.")
    stage: str
    epoch: int
    state: Literal["open", "accepted", "rejected", "recycled"]
    to: str
    assignee: str | None
    requested_at: Stamp
    respond_by: Stamp | None
    answer: AnswerResponse | None
    done: list[FollowUpResponse] = Field(description="What happened while nobody had answered.")


class SentHandoffResponse(HandoffResponse):
    """A handoff, and on which channels it has gone out."""

    sent: dict[str, Stamp]


class ListedHandoffResponse(HandoffResponse):
    """A handoff in a list, and whom it is about."""

    person: PersonResponse
    now_part_of: str | None = Field(description="The lead of which its own is part by now.")


class HandoffsResponse(_Response):
    """A page of handoffs, newest first; of a team or an assignee it may be short while others follow."""

    handoffs: list[ListedHandoffResponse]
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class ReasonResponse(_Response):
    """Why sales gives a lead back."""

    name: str
    label: str


class ReasonsResponse(_Response):
    """The reasons that the active rules list."""

    rejected: list[ReasonResponse]
    recycled: list[ReasonResponse]


class HandoffStoryResponse(ListedHandoffResponse):
    """A handoff with what was known when it was decided, what follows while nobody answers, and how to answer it."""

    caused_by: str
    last_activity_at: Stamp | None
    snapshot: dict[str, Any]
    follow_ups: list[FollowUpResponse]
    sent: dict[str, Stamp]
    reasons: ReasonsResponse


class FactWordResponse(_Response):
    """Something was said of a fact, once; a value of null takes it back."""

    value: Any
    at: Stamp
    rank: Literal["public", "trusted", "sales"]
    source: str | None = Field(description="The form, the key or the system that told it; `people` when a person did.")
    who: str | None = Field(description="The person who wrote it down.")
    note: str
    activity: str


class AskingResponse(_Response):
    """Somebody asked, and got no answer."""

    at: Stamp
    who: str | None


class FactResponse(_Response):
    """One of the four facts: what holds, every word on it, oldest first, and when it was asked in vain."""

    value: Any
    holds: FactWordResponse | None
    history: list[FactWordResponse]
    asked: list[AskingResponse]


class QuestionResponse(_Response):
    """What nobody knows yet, with the question that would fill it; `asked_at` when somebody asked in vain."""

    fact: str
    label: str
    question: str
    asked_at: Stamp | None


class QualificationResponse(_Response):
    """The four facts, and what is still to ask; what has an `asked_at` is not asked again."""

    facts: dict[str, FactResponse]
    to_ask: list[QuestionResponse]


class FactorResponse(_Response):
    """One of the seven things that tell a qualified lead from an unqualified one."""

    name: str
    label: str
    level: Literal["high", "medium", "low", "unknown"]
    because: str


class ActivityResponse(_Response):
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


class DecisionResponse(_Response):
    """A person said that names are one lead, or two, or that what a lead does is noise, or is not."""

    activity: str
    said: Literal["merged", "unmerged", "marked as noise", "unmarked as noise"]
    at: Stamp
    who: str
    why: str


class ConsentWordResponse(_Response):
    """Consent was granted or denied, once."""

    consent: Literal["granted", "denied"]
    at: Stamp
    rank: Literal["public", "trusted", "sales"] = Field(description="How far the source is believed.")
    source: str | None = Field(description="The form, the key or the system that told it; `people` when a person did.")
    who: str | None = Field(description="The person who wrote it down.")
    why: str | None
    told_by: str | None = Field(description="Where the source says that it has it from.")
    wording: str | None = Field(description="The words that stood before the lead.")
    version: str | None
    activity: str


class ConsentResponse(_Response):
    """Every word on consent, oldest first, which of them holds, and since when."""

    holds: ConsentWordResponse | None
    since: Stamp | None
    history: list[ConsentWordResponse]


class NurtureResponse(_Response):
    """What a lead is advised to get where it stands, as the active rules have it now."""

    track: str
    missing: list[str] = Field(description="The criteria that it does not meet: `fit`, `qualification.budget`.")


class AsOfResponse(_Response):
    """What an answer about another moment goes by, or by other rules or another knowledge."""

    rules_version: int = Field(description="0 before the first publish.")
    active_then: int = Field(description="The version that was active at that moment.")
    known: Literal["then", "now"]
    words: str = Field(description="The same in one sentence.")


class ForecastResponse(_Response):
    """What time alone will change next, if nothing happens until then; null is none."""

    at: Stamp
    what: Literal["temperature", "grade", "stage"]
    before: str | None
    after: str | None


class LeadResponse(_Response):
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
        "nothing ever will, or another moment or version was asked for."
    )
    consent: Literal["granted", "denied"] | None
    consents: ConsentResponse
    facts: FactsResponse
    explanation: dict[str, Any]
    transitions: list[TransitionResponse]
    handoffs: list[SentHandoffResponse]
    qualification: QualificationResponse
    nurture: NurtureResponse | None = Field(
        description="Null where the rules nurture nobody, and when another moment was asked for."
    )
    factors: list[FactorResponse] = Field(description="The last judges by the others; it is no forecast.")
    decisions: list[DecisionResponse] = Field(description="What people decided of who it is, oldest first.")
    last_activity_at: Stamp | None
    activities: list[ActivityResponse] = Field(description="The latest, newest first.")
    more_activities: bool


class AdjustScoreResponse(_Response):
    """The adjustment is in the log; the score follows within moments."""

    lead: str
    activity: str


class QualifyLeadResponse(_Response):
    """It is in the log; what follows from it follows within moments."""

    lead: str
    activity: str


class RulingResponse(_Response):
    """The decision is in the log; the leads follow within moments."""

    lead: str
    activity: str


class NoiseResponse(_Response):
    """What was said is stored; the leads concerned follow within minutes, or a lead that was named within moments."""

    address: str | None = None
    agent: str | None = None
    lead: str | None = None


class SaidResponse(_Response):
    """Who said something, when, and why."""

    who: str
    at: Stamp
    why: str


class NoiseMarkResponse(_Response):
    """A filter; what it catches is noise unless it was taken back (`unmarked`)."""

    kind: Literal["address", "agent"]
    value: str
    marked: SaidResponse
    unmarked: SaidResponse | None


class NoiseMarksResponse(_Response):
    """Every filter that stands, and those that were taken back in the last 30 days; the latest word first."""

    marks: list[NoiseMarkResponse]


class PartResponse(_Response):
    """A lead as it would be now."""

    identities: list[IdentityResponse]
    score: ScoreResponse
    consent: Literal["granted", "denied"] | None


class PreviewResponse(_Response):
    """What would become of the leads; nothing is changed. Of an unmerge what is left comes first."""

    parts: list[PartResponse]


class RecordConsentResponse(_Response):
    """The word is in the log; what follows from it follows within moments."""

    lead: str
    activity: str


FaultName = Literal["unreadable", "rules", "score", "names", "ties", "redirect", "browsers", "noise", "due"]


class FaultResponse(_Response):
    """What is wrong with what is stored of a lead."""

    fault: FaultName
    words: str


class CheckedLeadResponse(_Response):
    """A lead that has drifted from its log."""

    lead: str
    faults: list[FaultResponse]


class CheckLeadsResponse(_Response):
    """What was found; it is written down for `GET /v1/drift` too."""

    checked: int
    drifted: list[CheckedLeadResponse]
    unsure: list[str] = Field(description="Leads that were written again and again while they were read: check again.")
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class DriftResponse(CheckedLeadResponse):
    """A lead that has drifted, when it was found first, and when it was seen last."""

    found_at: Stamp
    seen_at: Stamp


class RoundResponse(_Response):
    """How far the present going round of all leads is."""

    began: Stamp
    checked: int
    drifted: int
    last_ended: Stamp | None


class DriftsResponse(_Response):
    """The leads that have drifted, and how far the going round is (null before the first)."""

    drifted: list[DriftResponse]
    round: RoundResponse | None


class RepairResponse(_Response):
    """It is asked for; the lead is made anew within moments, and a later check tells."""

    lead: str


class ExportResponse(_Response):
    """A page of what is held of a lead: put together the lists of the same section, page by page."""

    lead: str
    as_of: Stamp
    sections: dict[str, list[dict[str, Any]]]
    next: str | None = Field(description="Ask with it for the page after this one; null on the last one.")


class ErasureResponse(_Response):
    """The tombstones are written, and nothing older is taken in any more; what is held goes within minutes."""

    erasure: str
    lead: str
    erased_at: Stamp = Field(description="What occurred until then is erased; what occurs later begins a new lead.")
    done_at: Stamp | None


class ApprovalResponse(_Response):
    """One person's word for a draft, and the role for which it counts."""

    name: str
    role: Literal["admin", "marketing", "sales"]
    at: Stamp


class RescoreResponse(_Response):
    """How far a rescore is. It goes on by itself every minute."""

    id: str
    kind: Literal["every_lead", "older_rules", "leads", "where", "noise", "catch_up"] = Field(
        description="Every lead; those under older rules; named ones; those that meet a condition; those that a word "
        "on noise concerns; activities that no lead has taken in."
    )
    version: int | None = Field(description="Of `older_rules`: the version that was published.")
    asks: list[str] = Field(description="Of `where`: what the condition asks.")
    since: Stamp | None = Field(description="Of `catch_up`: from when on activities are looked for.")
    began: Stamp
    segments: int
    done: int = Field(description="How many of the segments are done.")
    found: int = Field(description="How many leads, or activities, were found so far.")
    touched: int = Field(description="How often `score` was asked for one; who is asked for again counts again.")
    left_out: int = Field(description="How many leads could not be judged, for they are damaged.")
    looks_again: bool = Field(
        description="Every segment was gone through, and looking once more, lest somebody was written by older rules "
        "meanwhile, has found nobody yet."
    )
    ended: Stamp | None


class RescoresResponse(_Response):
    """The active rules version, since when it is active, and every rescore of the last 30 days, the latest first."""

    version: int
    active_since: Stamp | None
    rescores: list[RescoreResponse]


class RuleVersionResponse(_Response):
    """A published rule file without its content."""

    number: int
    name: str
    author: str
    published_at: Stamp
    note: str
    sha256: str = Field(description="Of the file to the letter.")
    draft: int | None = Field(description="The draft that was published.")
    approvals: list[ApprovalResponse]
    notify: bool = Field(description="Whether leads that only these rules moved were handed over.")
    forced: str = Field(description="Why it was published beyond the budget of handoffs, or unseen; else empty.")
    restores: int | None = Field(description="The version whose file this is once more.")


class RulesResponse(RuleVersionResponse):
    """A published rule file."""

    document: dict[str, Any]
    text: str


class RuleVersionsResponse(_Response):
    """Every published version, newest first."""

    versions: list[RuleVersionResponse]


class DifferenceResponse(_Response):
    """One thing that the later rule file says otherwise."""

    subject: str = Field(description="The heading under which it belongs: Points, Limits, Bands, Stages and so on.")
    text: str = Field(description="A sentence; names that the systems know stand in backticks.")


class DifferencesResponse(_Response):
    """What differs in meaning between two rule files, in the order in which people read one."""

    before: str = Field(description="Which one it was: `version 3`.")
    after: str
    differences: list[DifferenceResponse]


class WarningResponse(_Response):
    """What a rule file says that holds, and hardly as it was meant."""

    at: str = Field(description="Where in the rule file: `handoff.mql.to`.")
    message: str
    hint: str


class PublishRulesResponse(RuleVersionResponse):
    """The version that is active now; `is_new` is false when the same rules were active already."""

    is_new: bool
    warnings: list[WarningResponse] = Field(description="Who is named and unknown to the settings, and what is vain.")


class DraftStepResponse(_Response):
    """A draft came to a state."""

    state: Literal["draft", "proposed", "approved", "published", "withdrawn"]
    who: str
    at: Stamp


class DraftResponse(_Response):
    """A draft without its content."""

    number: int
    name: str
    state: Literal["draft", "proposed", "approved", "published", "withdrawn"]
    author: str
    created_at: Stamp
    note: str
    sha256: str = Field(description="Of the file to the letter.")
    based_on: int = Field(description="The version that was active when it was made.")
    is_stale: bool = Field(description="Whether another one is active by now, so that it cannot be published.")
    approvals: list[ApprovalResponse]
    missing: list[str] = Field(description="The roles whose word it lacks.")
    steps: list[DraftStepResponse]
    version: int | None = Field(description="What it was published as.")


class DraftFileResponse(DraftResponse):
    """A draft with its content."""

    document: dict[str, Any]
    text: str


class DraftRulesResponse(DraftResponse):
    """The draft that was made."""

    warnings: list[WarningResponse] = Field(description="Who is named and unknown to the settings, and what is vain.")


class DraftsResponse(_Response):
    """A page of drafts, newest first, and what the settings ask of new rules."""

    drafts: list[DraftResponse]
    next: int | None = Field(description="Ask with it for the page after this one; null on the last one.")
    approvals: list[str] = Field(description="The roles whose words new rules need, each another person's.")
    handoff_budget: int = Field(description="How many percent more handoffs a publish may bring without a reason.")


class HealthResponse(_Response):
    """The API answers."""

    status: Literal["ok"] = "ok"


class FlowResponse(_Response):
    """How many leads stand here before and there after; null is no stage, or no temperature."""

    before: str | None
    after: str | None
    leads: int


class ColumnResponse(_Response):
    """How many leads have a total in a column of the distribution, and the whole points at which that begins."""

    when: Literal["before", "after"]
    from_points: int
    leads: int


class ShareResponse(_Response):
    """How many handoffs of a week, by the active rules (`before`) or the new, a team would have got.

    They are for `assignee`, for those who take turns by `counter` (see `rounds`), or for nobody in particular.
    """

    when: Literal["before", "after"]
    week: str = Field(description="Its Monday, in UTC.", examples=["2026-03-02"])
    team: str
    assignee: str | None
    counter: str | None
    handoffs: int


class FindingsResponse(_Response):
    """What was found of some leads; those of several pages are added up, in any order."""

    leads: int
    moved: int
    sent_now: int = Field(description="How many handoffs publishing itself would cause.")
    passed_over: int = Field(
        description="How many leads have histories too long to be replayed in time: no handoff of theirs is counted "
        "that would have been sent."
    )
    stages: list[FlowResponse]
    temperatures: list[FlowResponse]
    scores: list[ColumnResponse]
    shares: list[ShareResponse]
    rounds: dict[str, list[str]] = Field(description="Who takes turns by each counter, in order.")


class ChangeResponse(_Response):
    """What something is, and what it would be."""

    before: str | None
    after: str | None


class TotalChangeResponse(_Response):
    """A lead's total under the active rules and under the new ones, at that moment."""

    before: Points
    after: Points


class MoveResponse(_Response):
    """A lead that would come into another stage or temperature; its name is for those who may see names."""

    lead: str
    name: str | None
    stage: ChangeResponse
    temperature: ChangeResponse
    total: TotalChangeResponse


class ForeseenHandoffResponse(_Response):
    """A handoff that publishing would cause (`now`), or that would have been sent, by the active rules or the new."""

    when: Literal["now", "before", "after"]
    lead: str
    stage: str
    epoch: int
    at: Stamp
    team: str
    assignee: str | None = Field(description="Null where the team has no members, or they take turns.")
    counter: str | None = Field(description="By which they take turns.")


class SimulateResponse(_Response):
    """A page of a simulation. Nothing was written, and nobody was told."""

    sha256: str = Field(description="Of the rule file's document.")
    against: int = Field(description="The version that is active.")
    at: Stamp
    since: Stamp
    segment: int
    of: int
    done: bool = Field(description="Whether this was the segment's last page.")
    simulation: str = Field(
        description="`next` of the segment's following page. Those of the last pages are shown to a publish, for a day."
    )
    findings: FindingsResponse
    moves: list[MoveResponse]
    handoffs: list[ForeseenHandoffResponse]
