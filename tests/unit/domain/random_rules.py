"""Random rule files and leads, small enough to collide often: equal moments, window edges, exact half-lives."""

from typing import Any

from hypothesis import strategies as st

from shared.domain.activity import Activity, Claims, Identity, IdentityKind, Rank
from shared.domain.moments import HOUR, Moment, format_moment

START = 1_772_323_200_000_000  # 2026-03-01
TYPES = ["alpha", "beta", "gamma"]
DURATIONS = ["1h", "2h", "6h", "1d", "3d", "7d", "30d"]
NUMBERS = [1, 2, 5, 10, 0.5, 12.25, 33.333333333]
SIGNED = [*NUMBERS, *(-number for number in NUMBERS)]
VALUES = ["red", " Red ", "blue", "", 1, 1.0, True, False, 200, "200", None, ["red", 1], {"x": 1}]
ACTIVITY_FIELDS = ["properties.x", "properties.y", "properties.deep.z", "channel"]
LEAD_FIELDS = ["lead.role", "company.size"]
QUALIFIED = ["budget", "need"]
TEAMS = ["inside", "field", "heads"]

moments = st.integers(0, 24 * 20).map(lambda hours: Moment(START + hours * HOUR)) | st.integers(0, 10**12).map(
    lambda more: Moment(START + more)
)
durations = st.sampled_from(DURATIONS)
scalars = st.sampled_from(["red", "BLUE", "", 1, 2, 0.5, 200, True, False])
tests = st.one_of(
    st.tuples(st.sampled_from(["is", "is_not", "contains"]), scalars),
    st.tuples(st.sampled_from(["in", "not_in", "contains_any"]), st.lists(scalars, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["above", "at_least", "below", "at_most"]), st.sampled_from([0, 1, 0.5, 200])),
    st.tuples(st.just("between"), st.sampled_from([[0, 1], [1, 200]])),
    st.tuples(st.sampled_from(["starts_with", "ends_with"]), st.sampled_from(["r", "ED", "blue", ""])),
    st.tuples(st.just("exists"), st.booleans()),
)


def conditions(fields):
    leaf = st.builds(lambda name, test: {name: dict([test])}, st.sampled_from(fields), tests)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda part: {"not": part}, inner),
        ),
        max_leaves=4,
    )


of_activity, of_lead = conditions(ACTIVITY_FIELDS), conditions(LEAD_FIELDS)
decays = st.one_of(
    st.just("none"),
    st.builds(
        lambda shape, since: {**shape, **({"since": "last_activity"} if since else {})},
        st.one_of(
            st.builds(lambda length: {"half_life": length}, durations),
            st.builds(
                lambda kind, lose, every: {kind: {"lose": lose, "every": every}},
                st.sampled_from(["linear", "step"]),
                st.sampled_from(["50%", "33.3%", "15%", "100%", 3, 0.7]),
                durations,
            ),
        ),
        st.booleans(),
    ),
)
repeats = st.one_of(
    st.sampled_from(["every", "once", "latest"]),
    st.builds(lambda length: {"once_per": length}, durations),
    st.builds(lambda name: {"once_per_value": name}, st.sampled_from(ACTIVITY_FIELDS)),
)
at_least = st.builds(
    lambda times, within, distinct: {
        "times": times,
        **({"within": within} if within else {}),
        **({"distinct": distinct} if distinct else {}),
    },
    st.integers(1, 3),
    st.none() | durations,
    st.none() | st.sampled_from(ACTIVITY_FIELDS),
)
actives = st.builds(
    lambda since, length: {"from": format_moment(since), "until": format_moment(Moment(since + length * HOUR))},
    moments,
    st.integers(1, 300),
)


def optional(draw, strategy, odds=3):
    return draw(strategy) if draw(st.integers(1, odds)) == 1 else None


@st.composite
def behaviour_rules(draw, number, *, idle_allowed=True):
    rule = {"id": f"rule-{number}", "points": draw(st.sampled_from(SIGNED))}
    if idle_allowed and draw(st.integers(1, 5)) == 1:
        of = draw(st.just("any") | st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True))
        length = draw(st.sampled_from(["6h", "1d", "3d", "7d", "30d"]))
        rule |= {"idle": {"for": length, "of": of}, "repeat": draw(st.sampled_from(["every", "once"]))}
    else:
        rule["on"] = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True))
        rule["where"] = optional(draw, of_activity)
        rule["at_least"] = optional(draw, at_least)
        rule["repeat"] = draw(repeats)
    rule["decay"] = optional(draw, decays, 2)
    rule["active"] = optional(draw, actives, 6)
    rule["only_if"] = optional(draw, of_lead, 5)
    rule["cap"] = optional(draw, st.sampled_from([5, 12, 20.5]), 4)
    rule["expires_after"] = optional(draw, durations, 4)
    rule["score"] = optional(draw, st.sampled_from(["fit", "product"]), 5)
    return {key: value for key, value in rule.items() if value is not None}


@st.composite
def documents(draw, *, stages=False):
    """A valid rule file, most of the time."""
    rules = [draw(behaviour_rules(number)) for number in range(draw(st.integers(1, 4)))]
    if len(rules) > 1 and draw(st.booleans()) and all("on" in rule for rule in rules[:2]):
        rules[1]["instead_of"] = rules[0]["id"]
    groups = {}
    if draw(st.integers(1, 3)) == 1:
        groups["website"] = {"cap": draw(st.sampled_from([5, 15, 30]))}
        for rule in rules[:2]:
            rule["group"] = "website"
            rule.pop("score", None)
    document: dict[str, Any] = {"name": "random", "behaviour": rules, "groups": groups, "scores": {"product": {}}}
    if draw(st.booleans()):
        document["scores"]["engagement"] = {
            "floor": draw(st.sampled_from([0, -5, -20])),
            "cap": draw(st.sampled_from([0, 10, 40, 100])),
        }
    if draw(st.booleans()):
        document["total"] = {name: draw(st.sampled_from([0, 1, 2, 0.5, -1])) for name in ("engagement", "product")}
    document["decay"] = draw(decays)
    document["temperature"] = [{"name": "cold"}, {"name": "warm", "above": 5}, {"name": "hot", "at_least": 20}]
    document["grades"] = [{"name": "C", "at_least": -3}, {"name": "B", "above": 0}, {"name": "A", "at_least": 10}]
    document["fit"] = [
        {
            "id": f"fit-{number}",
            "where": draw(of_lead),
            "points": draw(st.sampled_from(SIGNED)),
            "otherwise": draw(st.sampled_from([0, -5, 2])),
        }
        for number in range(draw(st.integers(0, 2)))
    ]
    document["vetoes"] = [{"id": "veto", "where": draw(of_lead)}] if draw(st.integers(1, 4)) == 1 else []
    if stages:
        document["stages"] = draw(stage_lists())
        names = [each["name"] for each in document["stages"]]
        document["handoff"] = {name: draw(handoff_rules()) for name in names if draw(st.integers(1, 3)) == 1}
        document["nurture"] = {
            name: draw(nurtures(document["stages"])) for name in names if draw(st.integers(1, 4)) == 1
        }
        if draw(st.integers(1, 3)) == 1:
            document["qualification"] = {
                draw(st.sampled_from(QUALIFIED)): {
                    "label": "Money",
                    "question": "How much?",
                    "confirmed_at": draw(st.integers(1, 5)),
                }
            }
    return document


stage_conditions = st.recursive(
    st.one_of(
        st.builds(
            lambda name, operator, edge: {name: {operator: edge}},
            st.sampled_from(["score", "engagement", "product", "fit"]),
            st.sampled_from(["above", "at_least", "below", "at_most"]),
            st.sampled_from([-10, -5, 0, 0.5, 3, 5, 10, 25]),
        ),
        st.sampled_from([{"temperature": "warm"}, {"grade": {"in": ["A", "B"]}}, {"consent": "granted"}]),
        st.builds(
            lambda of, times, within: {
                "count": {"of": of, "at_least": times, **({"within": within} if within else {})}
            },
            st.sampled_from(TYPES),
            st.integers(1, 3),
            st.none() | durations,
        ),
        st.builds(lambda of: {"activity": of}, st.sampled_from(TYPES)),
        st.builds(
            lambda names: {"qualified": names},
            st.lists(st.sampled_from(QUALIFIED), min_size=1, max_size=2, unique=True),
        ),
    ),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=2, max_size=2)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=2, max_size=2)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=3,
)


@st.composite
def stage_lists(draw):
    names = ["first", "second", "third"][: draw(st.integers(1, 3))]
    found = []
    for place, name in enumerate(names):
        stage = {"name": name, "enter": draw(stage_conditions)}
        if draw(st.integers(1, 3)) == 1:
            stage["stay"] = draw(st.sampled_from(["30s", "36h", "7d"]))
        if place and draw(st.integers(1, 3)) == 1:
            stage["from"] = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        if draw(st.booleans()) and len(names) > 1:
            to = draw(st.sampled_from([other for other in names if other != name]))
            stage["leave"] = {"when": draw(stage_conditions), "to": to}
        found.append(stage)
    return found


@st.composite
def handoff_rules(draw):
    """Whom a stage hands its leads to, and what happens while nobody answers."""
    rule = {"to": draw(st.sampled_from(TEAMS)), "notify": draw(st.sampled_from([["email"], ["slack", "webhook"]]))}
    if draw(st.booleans()):
        rule["respond_within"] = draw(st.sampled_from(["1h", "1d"]))
        rule["remind"] = optional(draw, st.sampled_from(["15m", "59m"]), 2)
        rule["escalate"] = optional(draw, st.sampled_from([{"to": "heads"}, {"to": "heads", "after": "2h"}]), 2)
        rule["reassign"] = optional(draw, st.sampled_from([{"after": "1h"}, {"after": "3d", "to": "field"}]), 2)
    if draw(st.integers(1, 3)) == 1:
        rule["route"] = {
            "rules": [{"when": draw(of_lead), "to": draw(st.sampled_from(TEAMS))}],
            **({"by": "lead.role"} if draw(st.booleans()) else {}),
        }
    rule["first_touch"] = optional(draw, st.just("Ask what brought them here."))
    return {key: value for key, value in rule.items() if value is not None}


@st.composite
def nurtures(draw, stages):
    """What is advised for who enters a stage, by what the entry of another one asks."""
    towards = draw(st.sampled_from(stages))
    asked = criteria(towards["enter"])
    if not asked or draw(st.integers(1, 3)) == 1:
        return draw(st.sampled_from(["newsletter", {"else": "newsletter", "towards": towards["name"]}]))
    tracks = [{"missing": draw(st.sampled_from(asked)), "track": "wake-up"}]
    return {"tracks": tracks, "else": "newsletter", "towards": towards["name"]}


def criteria(condition):
    """What a lead may miss of a stage condition, as the rules name it."""
    ((key, asked),) = condition.items()
    if key in ("all", "any"):
        return sorted({name for part in asked for name in criteria(part)})
    if key == "count":
        return [asked["of"]]
    if key == "qualified":
        return [f"qualification.{name}" for name in asked]
    return [] if key == "not" else [asked] if key == "activity" else [key]


ratings = st.sampled_from([None, None, True, False, 0, 2, 5, "some"])
claims = st.builds(
    lambda role, size, consent, budget, need: Claims(
        lead={} if role is None else {"role": role},
        company={} if size is None else {"size": size},
        consent=consent,
        qualification={name: told for name, told in (("budget", budget), ("need", need)) if told is not None},
    ),
    st.sampled_from([None, "red", "blue", 1]),
    st.sampled_from([None, 1, 200, "red"]),
    st.sampled_from([None, "granted", "denied"]),
    ratings,
    ratings,
)


@st.composite
def activities(draw, most=12):
    """A lead's activities; ids differ."""
    found = []
    names = draw(st.permutations([f"id-{number:02d}" for number in range(most)]))
    for name in names[: draw(st.integers(0, most))]:
        at = draw(moments)
        if draw(st.integers(1, 12)) == 1:
            how = draw(st.sampled_from(["by", "to"]))
            properties = {
                how: draw(st.sampled_from([-7, 0, 3.5, 15])),
                "score": draw(st.sampled_from(["engagement", "fit"])),
            }
            found.append(_activity(name, "score_adjusted", at, properties=properties, rank=Rank.SALES))
            continue
        found.append(
            _activity(
                name,
                draw(st.sampled_from([*TYPES, "other"])),
                at,
                properties={
                    key: value
                    for key, value in (("x", draw(st.sampled_from(VALUES))), ("y", draw(st.sampled_from(VALUES))))
                    if value is not None
                },
                channel=draw(st.sampled_from([None, "red", "web"])),
                rank=draw(st.sampled_from(list(Rank))),
                claims=draw(claims) if draw(st.integers(1, 4)) == 1 else Claims(),
                own=draw(st.integers(1, 5)) > 1,
            )
        )
    return found


def _activity(name, kind, at, **more):
    identity = Identity(IdentityKind.EMAIL, "ada@example.com")
    return Activity(id=name, type=kind, occurred_at=at, received_at=at, identities=(identity,), **more)
