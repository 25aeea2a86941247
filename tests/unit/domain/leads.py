"""Short ways to say what a lead did."""

from datetime import UTC, datetime, timedelta

from shared.domain.activity import NO_CLAIMS, Activity, Claims, Identity, IdentityKind, Rank
from shared.domain.engine import compile_rules
from shared.domain.moments import Moment, from_datetime
from shared.domain.reading import parse_rule_file
from shared.domain.state import ScoreState

ADA = Identity(IdentityKind.EMAIL, "ada@example.com")
TEMPERATURE = [{"name": "cold"}, {"name": "warm", "above": 50}, {"name": "hot", "above": 75}]


def moment(day=1, hour=0, minute=0, second=0, microsecond=0) -> Moment:
    """A moment in (or after) January 2026, by its day."""
    start = datetime(2026, 1, 1, hour, minute, second, microsecond, tzinfo=UTC)
    return from_datetime(start + timedelta(days=day - 1))


def activity(type, day=1, hour=0, minute=0, *, id=None, at=None, rank=Rank.TRUSTED, claims=NO_CLAIMS, own=True, **more):  # noqa: A002
    """An activity of Ada's; properties as keywords."""
    occurred = moment(day, hour, minute) if at is None else at
    context, channel = more.pop("context", {}), more.pop("channel", None)
    return Activity(
        id=id if id is not None else f"{type}-{occurred}-{sorted(more.items())}",
        type=type,
        occurred_at=occurred,
        received_at=occurred,
        identities=(ADA,),
        rank=rank,
        channel=channel,
        properties=more,
        context=context,
        claims=claims,
        own=own,
    )


def facts(day=1, *, id="facts", rank=Rank.TRUSTED, **claims):  # noqa: A002
    """What somebody claims of Ada."""
    return activity("identified", day, id=id, rank=rank, claims=Claims(**claims), own=False)


def rules_of(**document):
    """A compiled rule file with the usual temperatures."""
    return compile_rules(parse_rule_file({"temperature": TEMPERATURE, **document}))


def total(rules, activities, at):
    """The total in points, as text would show it."""
    return rules.score(rules.absorb(ScoreState.empty(), activities), at).total / 10**9
