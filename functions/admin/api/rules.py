"""The requests and responses about rule files: drafts, versions, differences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from functions.admin.api.fields import Request, Response, Stamp, Words


class DraftRulesRequest(Request):
    """A rule file: `document` is what its YAML says, `text` the file to the letter."""

    document: dict[str, Any] = Field(description="What counts: leads are scored by it, whatever the text says.")
    text: str | None = Field(
        None,
        description="What people read: YAML that says the same as the document, or it is refused. The document as JSON "
        "when missing or blank.",
    )
    note: Words = Field("", description="Why, for those who read the list of versions.")


class _PublishingWish(Request):
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


class ApproveDraftRequest(Request):
    """Somebody's word for a draft."""

    role: Literal["admin", "marketing", "sales"] | None = Field(
        None, description="For which it counts, where somebody has several roles whose word is missing."
    )


class RollBackRulesRequest(Request):
    """Back to the file of an old version."""

    number: Annotated[int, Field(ge=1, le=999_999)] | None = Field(
        None, description="Of the version; when missing the one before the active one."
    )
    note: Words = Field("", description="Why, for those who read the list of versions.")
    preview: Annotated[bool, Field(description="Only tell where it would lead.")] = False


class ListDraftsRequest(Request):
    """The query of a list of drafts."""

    model_config = ConfigDict(strict=False)

    limit: Annotated[int, Field(ge=1, le=100)] = 25
    next: Annotated[int, Field(ge=1, le=999_999)] | None = Field(None, description="`next` of the page before.")


RulesName = Annotated[
    str, Field(max_length=20, description="`active`, the number of a version, or `draft-` and the number of a draft.")
]


class CompareRulesRequest(Request):
    """The query of a difference: what `to` says otherwise than `from`."""

    from_: RulesName = Field("active", alias="from")
    to: RulesName


class CompareDocumentRequest(Request):
    """What a rule file says otherwise than the one that `from` names."""

    from_: RulesName = Field("active", alias="from")
    document: dict[str, Any] = Field(description="What the YAML of a rule file says.")


class ApprovalResponse(Response):
    """One person's word for a draft, and the role for which it counts."""

    name: str
    role: Literal["admin", "marketing", "sales"]
    at: Stamp


class RuleVersionResponse(Response):
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
    publisher: str = Field(
        description="Who published it, and gave the reason of `forced`; empty of a version from before that was kept."
    )


class RulesResponse(RuleVersionResponse):
    """A published rule file."""

    document: dict[str, Any]
    text: str


class RuleVersionsResponse(Response):
    """Every published version, newest first."""

    versions: list[RuleVersionResponse]


class DifferenceResponse(Response):
    """One thing that the later rule file says otherwise."""

    subject: str = Field(description="The heading under which it belongs: Points, Limits, Bands, Stages and so on.")
    text: str = Field(description="A sentence; names that the systems know stand in backticks.")


class DifferencesResponse(Response):
    """What differs in meaning between two rule files, in the order in which people read one."""

    before: str = Field(description="Which one it was: `version 3`.")
    after: str
    differences: list[DifferenceResponse]


class WarningResponse(Response):
    """What a rule file says that holds, and hardly as it was meant."""

    at: str = Field(description="Where in the rule file: `handoff.mql.to`.")
    message: str
    hint: str


class PublishRulesResponse(RuleVersionResponse):
    """The version that is active now; `is_new` is false when the same rules were active already."""

    is_new: bool
    warnings: list[WarningResponse] = Field(
        description="Who is named and unknown to the settings, what is vain, whom it leaves in stages that it drops."
    )


class WayBackResponse(Response):
    """Where a rollback would lead; nothing is published."""

    version: int = Field(description="The version whose file would hold once more.")
    warnings: list[WarningResponse] = Field(description="What the rollback would warn of.")


class DraftStepResponse(Response):
    """A draft came to a state."""

    state: Literal["draft", "proposed", "approved", "published", "withdrawn"]
    who: str
    at: Stamp


class DraftResponse(Response):
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

    warnings: list[WarningResponse] = Field(
        description="Who is named and unknown to the settings, what is vain, whom publishing it now would leave in "
        "stages that it drops."
    )


class DraftsResponse(Response):
    """A page of drafts, newest first, and what the settings ask of new rules."""

    drafts: list[DraftResponse]
    next: int | None = Field(description="Ask with it for the page after this one; null on the last one.")
    approvals: list[str] = Field(description="The roles whose words new rules need, each another person's.")
    handoff_budget: int = Field(description="How many percent more handoffs a publish may bring without a reason.")
