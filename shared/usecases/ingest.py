"""Take activities in: hold each to what its source may say and send, and append what remains to the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shared.domain.activity import Activity, IdentityKind, Rank
from shared.domain.admission import Rejection, Source, Unreadable, admit, identity_budget
from shared.domain.moments import DAY
from shared.domain.noise import BOT, USER_AGENT
from shared.domain.refusals import OverBudget, Refused
from shared.ports.activities import Activities
from shared.usecases.erased import ErasedPeople
from shared.usecases.spending import Spending

AGENTS_OF_A_BROWSER = 8
"""User agents that are looked at in one public request, which comes from one browser: to look costs time. What is told
beyond them counts for nothing; the program that sent the request does."""

EMAIL_KIND = "email_kind"


class Ingest:
    """Appends; the stream of the log does the rest. Running twice over the same activities changes nothing.

    `is_bot` tells whether a user agent is a bot's, and `email_kind` what kind of mailbox an address is: that becomes
    the fact `lead.email_kind`, beside whatever else is told of a lead that has an address.
    """

    def __init__(
        self,
        activities: Activities,
        spending: Spending,
        *,
        retention_days: int,
        is_bot: Callable[[str], bool],
        email_kind: Callable[[str], str],
        erased: ErasedPeople | None = None,
    ) -> None:
        self._activities = activities
        self._is_bot = is_bot
        self._email_kind = email_kind
        self._erased = erased
        self._spending = spending
        self._retention = retention_days * DAY

    def submit(
        self,
        sent: Sequence[Activity | Unreadable],
        source: Source,
        *,
        agent: str | None = None,
        in_parts: bool = False,
    ) -> list[Rejection]:
        """Store every activity that may be stored, and return the others.

        `agent` is the program that sent the request. What is over the budget of whom it names is among the others if
        the sender takes it `in_parts`, and sends those again alone; most clients send all again, or nothing.
        What an erased person did before is dropped; it is answered like what is stored, and costs the same work.

        Raises:
            OverBudget: too much came of the source already, or of somebody whom it names. Nothing is stored then.
            Unavailable: the log did not take all of them; sending the same ones again is safe.
        """
        admitted, rejections = self._sorted(sent, source)
        taken, over = self._within_budgets(admitted, sent, source)
        if over and not in_parts:
            raise over[0].reason
        if taken:
            noted = self._noted(taken, source, agent)
            self._activities.append(*(self._erased.split(noted) if self._erased else (noted,)))
        return sorted([*rejections, *over], key=lambda rejection: rejection.index)

    def check(self, sent: Sequence[Activity | Unreadable], source: Source) -> list[Rejection]:
        """Return what `submit` would not store of these whatever the budgets hold, and store nothing."""
        return self._sorted(sent, source)[1]

    def _sorted(
        self, sent: Sequence[Activity | Unreadable], source: Source
    ) -> tuple[dict[int, Activity], list[Rejection]]:
        """What may be stored, by its place among what was sent, and what may not."""
        admitted: dict[int, Activity] = {}
        rejections: list[Rejection] = []
        for index, item in enumerate(sent):
            try:
                admitted[index] = self._admitted(item, source)
            except Refused as reason:
                rejections.append(Rejection(index, item.id, reason.alone()))
        return admitted, rejections

    def _admitted(self, item: Activity | Unreadable, source: Source) -> Activity:
        if isinstance(item, Unreadable):
            raise item.reason
        return admit(item, source, retention=self._retention)

    def _within_budgets(
        self, admitted: Mapping[int, Activity], sent: Sequence[Activity | Unreadable], source: Source
    ) -> tuple[list[Activity], list[Rejection]]:
        """What the budgets have room for: of the source's all or nothing, of each identity's as much as there is."""
        taken: list[Activity] = []
        over: list[Rejection] = []
        if admitted:
            now = max(activity.received_at for activity in admitted.values())
            for budget in source.budgets:
                self._spending.take(budget, len(admitted), now)
        for index, activity in admitted.items():
            try:
                if budget_of_one := identity_budget(activity, source):
                    self._spending.take(budget_of_one, 1, activity.received_at)
            except OverBudget as reason:
                over.append(Rejection(index, sent[index].id, reason.alone()))
            else:
                taken.append(activity)
        return taken, over

    def _noted(self, taken: Sequence[Activity], source: Source, sent_by: str | None) -> list[Activity]:
        """With what can be told of each by itself: that a bot did it, and what kind of address the lead has."""
        told = [each.context.get(USER_AGENT) for each in taken]
        agents = list(dict.fromkeys(agent for agent in told if isinstance(agent, str)))
        looked_at = agents[:AGENTS_OF_A_BROWSER] if source.rank < Rank.TRUSTED else agents
        bots = set(filter(self._is_bot, looked_at))
        if len(agents) > len(looked_at) and sent_by and self._is_bot(sent_by):
            bots.update(agents[len(looked_at) :])
        return [
            self._with_email_kind(replace(each, marks=(*each.marks, BOT)) if agent in bots else each)
            for each, agent in zip(taken, (agent if isinstance(agent, str) else "" for agent in told), strict=True)
        ]

    def _with_email_kind(self, activity: Activity) -> Activity:
        if not activity.claims:
            return activity
        told = activity.claims.lead
        if activity.rank < Rank.TRUSTED:
            # A server may know better; what anybody can send says nothing of itself, beside an address or alone.
            told = {name: value for name, value in told.items() if name != EMAIL_KIND}
        address = _address(activity)
        lead = {EMAIL_KIND: self._email_kind(address), **told} if address is not None else told
        return replace(activity, claims=replace(activity.claims, lead=lead))


def _address(activity: Activity) -> str | None:
    """The e-mail address that an activity tells of a lead: the one that names it, or the fact."""
    named = (identity.value for identity in activity.identities if identity.kind is IdentityKind.EMAIL)
    told = activity.claims.lead.get("email")
    return next(named, told if isinstance(told, str) and "@" in told else None)
