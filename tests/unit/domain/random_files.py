"""Random rule files of every construct, with leads, thousands a minute: `random_rules` is slower and shrinks."""

from random import Random
from typing import Any

from shared.domain.activity import Activity, Claims, Identity, IdentityKind, Rank
from shared.domain.moments import DAY, HOUR, Moment, format_moment

START = 1_772_323_200_000_000  # 2026-03-01
NOW = Moment(START + 90 * DAY)
TYPES = ["page_viewed", "webinar_registered", "demo_requested", "content_downloaded", "other"]
LONG = ["1d", "7d", "4w", "1mo", "P1Y", "PT36H"]
LENGTHS = ["30s", "15m", "1h", *LONG]
POINTS = [-40, -10, -0.5, 1, 5, 12.345678901, 40]
ODD = [
    *(None, True, False, 0, -1, 1, 0.1, 1e300, float("nan"), float("inf"), 10**30, "", " ", "x", "NO", "50%", "-5%"),
    *("1d", "0d", "P1M", "999999999999d", "2026-01-01", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "a" * 300),
    *([], {}, [[]], [{}], {"": ""}, {"is": 1}, ["x", None], {"all": []}, {"not": {"not": {}}}, "\ud800", "\x00", "🔥"),
]
VALUES = ["a", " A ", "banana", 1, 1.0, 2, True, None, ["a", 1], {"b": "a"}, "2026-03-05T00:00:00Z"]
TESTS: list[dict[str, Any]] = [
    *({"is": "a"}, {"is_not": "a"}, {"in": ["a", 1]}, {"not_in": ["b"]}, {"contains": "a"}, {"contains_any": ["a", 2]}),
    *({"starts_with": "b"}, {"ends_with": "A"}, {"like": "*a?"}, {"above": 1}, {"at_least": 1}, {"below": 2}),
    *({"at_most": 1}, {"between": [0, 1]}, {"exists": True}, {"exists": False}, {"above": 0, "below": 3}),
    *({"before": "2026-04-01T00:00:00Z"}, {"after": "2026-03-01T00:00:00+02:00"}),
]
ASKED = ["properties.x", "properties.y", "properties.deep.z", "context.page", "channel", "source"]
FACTS = ["lead.role", "lead.age", "company.size", "company.country", "qualification.budget"]


class Writer:
    """Writes one random rule file, mostly a valid one; where it `is_slow`, nothing in it goes by less than a day."""

    def __init__(self, chance: Random) -> None:
        self.chance, self.is_slow = chance, chance.random() < 0.5
        self.lengths = LONG if self.is_slow else LENGTHS

    def some(self, odds: float, **keys: Any) -> dict[str, Any]:
        """Each of the keys as often as the odds say, with what its function writes."""
        return {key.rstrip("_"): write() for key, write in keys.items() if self.chance.random() < odds}

    def one(self, *values: Any) -> Any:
        return self.chance.choice(values)

    def length(self) -> str:
        return self.chance.choice(self.lengths)

    def moment(self) -> Moment:
        return Moment(START + self.chance.randint(0, 2_000) * HOUR)

    def condition(self, fields: list[str], depth: int = 2) -> dict[str, Any]:
        how = self.chance.randint(1, 8) if depth else 8
        if how == 1:
            return {"not": self.condition(fields, depth - 1)}
        if how <= 3:
            parts = [self.condition(fields, depth - 1) for _ in range(self.chance.randint(1, 3))]
            return {self.one("all", "any"): parts}
        return {name: self.chance.choice(TESTS) for name in self.chance.sample(fields, self.one(1, 1, 1, 2))}

    def of_lead(self) -> dict[str, Any]:
        asked: dict[str, Any] = self.one({"consent": {"is": "granted"}}, *[self.condition(FACTS)] * 4)
        return asked

    def ageing(self) -> Any:
        shape = self.one(
            {"half_life": self.length()},
            {"half_life": self.length()},
            {"linear": {"lose": self.one("50%", 5, "0.1%", "33.3%"), "every": self.length()}},
            {"step": {"lose": self.one("15%", 5, "100%"), "every": self.length()}},
            None,
        )
        return "none" if shape is None else shape | self.some(0.3, since=lambda: "last_activity")

    def at_least(self) -> dict[str, Any]:
        times = {"times": self.chance.randint(1, 4)}
        return times | self.some(0.6, within=self.length, distinct=lambda: self.chance.choice(ASKED))

    def active(self) -> dict[str, str]:
        since, until = sorted([self.moment(), Moment(self.moment() + DAY)])
        begins: dict[str, str] = self.one({}, {"from": format_moment(since)})
        return begins | {"until": format_moment(Moment(until + HOUR))}

    def rule(self, number: int) -> dict[str, Any]:
        rule: dict[str, Any] = {"id": f"r{number}", "points": self.chance.choice(POINTS)}
        if self.chance.random() < 0.25:
            rule["idle"] = {"for": self.length(), "of": self.one("any", TYPES[0], TYPES[1:3])}
            rule |= self.some(0.6, repeat=lambda: self.one("every", "once"))
            rule |= self.some(0.3, decay=self.ageing)
        else:
            rule["on"] = self.chance.sample(TYPES, self.chance.randint(1, 3))
            rule |= self.some(0.4, where=lambda: self.condition(ASKED), at_least=self.at_least, decay=self.ageing)
            rule["repeat"] = self.one(
                *("every", "once", "latest"), {"once_per": self.length()}, {"once_per_value": self.chance.choice(ASKED)}
            )
        rule |= self.some(0.3, cap=lambda: self.one(20, 3.5), expires_after=self.length)
        rule |= self.some(0.15, only_if=self.of_lead, active=self.active, label=lambda: "Told | *so* 🔥")
        rule |= self.some(0.15, importance=lambda: self.one("influencing", "negative"))
        return rule | self.some(0.2, score=lambda: self.one("fit", "product"))

    def rules(self) -> list[dict[str, Any]]:
        rules = [self.rule(number) for number in range(self.chance.randint(1, 6))]
        for rule in rules:
            if "score" not in rule and self.chance.random() < 0.3:
                rule["group"] = self.one("website", "events")
        for taker in (rule for rule in rules if "on" in rule and self.chance.random() < 0.3):
            others = [rule for rule in rules if rule["id"] < taker["id"] and {*rule.get("on", ())} & {*taker["on"]}]
            if others:
                taker["instead_of"] = self.chance.choice(others)["id"]
                taker.setdefault("where", self.condition(ASKED))
        return rules

    def asks(self, depth: int = 2) -> dict[str, Any]:
        """A stage condition."""
        how = self.chance.randint(1, 14) if depth else self.chance.randint(3, 14)
        if how == 1:
            return {"not": self.asks(depth - 1)}
        if how == 2:
            return {self.one("all", "any"): [self.asks(depth - 1) for _ in range(self.chance.randint(1, 3))]}
        compared = {self.one("above", "at_least", "below", "at_most"): self.one(-5, 0, 0.5, 5, 25, 50)}
        beside = self.some(0.3, within=self.length, since=lambda: "stage_entry", where=lambda: self.condition(ASKED))
        asked: dict[str, Any] = self.one(
            {self.one("score", "engagement", "fit", "product"): compared},
            {self.one("score", "engagement"): {"between": [-3, self.chance.randint(0, 50)]}},
            {"score": compared, "fit": {"at_least": -5}},
            {"temperature": self.one("warm", {"in": ["warm", "hot"]})},
            {"grade": self.one("A", {"not_in": ["B"]})},
            {"consent": self.one("granted", "unknown", {"is_not": "denied"})},
            {"qualified": self.chance.sample(["authority", "budget", "need", "timeline"], 2)},
            {self.one("activity", "activity_in"): self.chance.sample(TYPES, 2), **beside},
            {"count": {"of": self.chance.choice(TYPES), self.one("at_least", "below", "above"): 2, **beside}},
            {"time_in_stage": {self.one("above", "at_least", "below"): self.length()}},
            self.condition(FACTS, 0),
        )
        return asked

    def stages(self) -> list[dict[str, Any]]:
        names = ["one", "two", "three", "four"][: self.chance.randint(0, 4)]
        stages = []
        for place, name in enumerate(names):
            stage = {"name": name, "enter": self.asks()}
            if place:
                stage |= self.some(0.4, from_=lambda place=place: names[:place])
            if len(names) > 1:
                others = [other for other in names if other != name]
                stage |= self.some(0.4, leave=lambda others=others: {"when": self.asks(), "to": self.one(*others)})
            stage |= self.some(0.2, stay=self.length)
            stages.append(
                stage | self.some(0.2, label=lambda: "A stage", description=lambda: "Who <b>stands</b> here.")
            )
        return stages

    def handoff(self, stages: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            stage["name"]: {"to": "sales"}
            | self.some(
                0.5,
                respond_within=self.length,
                notify=lambda: self.one("email", ["slack", "webhook"]),
                route=self.route,
                first_touch=lambda: "Call | *now* 🔥",
            )
            | self.follow_ups()
            for stage in stages
            if self.chance.random() < 0.5
        }

    def follow_ups(self) -> dict[str, Any]:
        if self.chance.random() < 0.6:
            return {}
        told = {"respond_within": "2d", **self.some(0.6, remind=lambda: self.one("15m", "1d"))}
        after = self.some(0.5, after=lambda: self.one("0s", "1h", "1d"))
        told |= self.some(0.6, escalate=lambda: {"to": "heads", **after})
        return told | self.some(0.6, reassign=lambda: {"after": "2d", **self.some(0.5, to=lambda: "others")})

    def route(self) -> dict[str, Any]:
        told: dict[str, Any] = {"by": "company.country", **self.some(0.5, else_=lambda: "round_robin")}
        rules = [{"when": self.condition(FACTS), "to": self.one("ada", "others")} for _ in range(2)]
        route: dict[str, Any] = self.one(told, {**told, "rules": rules}, {"rules": rules})
        return route

    def nurture(self, stages: list[dict[str, Any]]) -> dict[str, Any]:
        """Tracks for what somebody may miss; a file in which nothing asks that, or without that stage, is told so."""
        tracks = [{"missing": self.one("score", "fit", "consent", "company.size", TYPES[0]), "track": "a"}]
        advice = ["a", {"track": "b"}, {"else": "c"}, {"tracks": tracks, "else": "c"}]
        slips = [{"name": "oen"}] if self.chance.random() < 0.1 else []
        return {
            stage["name"]: self.one(*advice, {"track": "b", "towards": self.one(*stages, *slips)["name"]})
            for stage in (*stages, *slips)
            if self.chance.random() < 0.4
        }

    def answers(self) -> dict[str, Any]:
        reasons = ["no_money", {"name": "no_fit"}, {"name": "x", "label": "Why <b>not</b>"}]
        return self.some(0.5, reject=lambda: reasons[: self.chance.randint(1, 3)], recycle=lambda: reasons[2:])

    def qualification(self) -> dict[str, Any]:
        fact = lambda: self.some(0.5, label=lambda: "L", question=lambda: "Q?", confirmed_at=lambda: self.one(1, 3, 5))  # noqa: E731
        return self.some(0.4, authority=fact, budget=fact, need=fact, timeline=fact)

    def example(self) -> dict[str, Any]:
        moments = [format_moment(Moment(NOW - self.chance.randint(0, 3) * HOUR)) for _ in range(3)]
        done = [{"type": self.chance.choice(TYPES), "occurred_at": moment} for moment in moments]
        facts = {"lead": {"role": "a"}, "company": {"size": 200}, "consent": "granted"}
        example = {"name": "Ada", "at": format_moment(NOW), "expect": {"total": 5, "scores": {"engagement": 1}}}
        return example | self.some(0.7, activities=lambda: done, facts=lambda: facts)

    def document(self) -> dict[str, Any]:
        stages = self.stages()
        limits = {"floor": self.one(0, -5, -20), "cap": self.one(10, 40, 100)}
        written = {
            "behaviour": self.rules(),
            "groups": {"website": {"cap": self.one(5, 30)}, "events": self.one({}, {"cap": 15, "label": "Events"})},
            "scores": {"engagement": self.one({}, limits), "product": self.one({}, {"cap": 12.5}, {"floor": 0})},
            "temperature": [
                {"name": "cold"},
                {"name": "warm", "above": self.one(0, 5)},
                {"name": "hot", "at_least": 50},
            ],
            "grades": [{"name": "C", "at_least": -3}, {"name": "B", "above": 0}, {"name": "A", "at_least": 10}],
            "stages": stages,
            "handoff": self.handoff(stages),
        }
        fits = lambda: [  # noqa: E731
            {"id": f"f{number}", "where": self.of_lead(), "points": self.chance.choice(POINTS)}
            | self.some(0.4, otherwise=lambda: self.one(-5, 2, 0), score=lambda: "product")
            for number in range(self.chance.randint(1, 3))
        ]
        return written | self.some(
            0.5,
            decay=self.ageing,
            fit=fits,
            vetoes=lambda: [{"id": "v", "where": self.of_lead()}],
            answers=self.answers,
            qualification=self.qualification,
            nurture=lambda: self.nurture(stages),
            total=lambda: {name: self.one(0, 1, 2, 0.5, -1) for name in ("engagement", "fit", "product")},
            examples=lambda: [self.example()],
        )


def lead(chance: Random) -> list[Activity]:
    """What one lead did, odd values and clashing ids among it, and what people did to its score."""
    return [_activity(chance) for _ in range(chance.randint(0, 20))]


def _activity(chance: Random) -> Activity:
    kind, rank = chance.choice([*TYPES, *TYPES, "score_adjusted"]), chance.choice(list(Rank))
    values = VALUES if chance.random() < 0.7 else ODD
    said: dict[str, Any] = {key: chance.choice(values) for key in ("x", "y", "deep", "to") if chance.random() < 0.4}
    claims = Claims()
    if kind == "score_adjusted" and chance.random() < 0.8:
        said = {chance.choice(["by", "to"]): chance.choice(POINTS), "score": chance.choice(["engagement", "product"])}
    elif chance.random() < 0.2:
        claims = Claims(
            lead={"role": chance.choice(VALUES), "age": chance.choice(ODD)},
            company={"size": chance.choice(VALUES)},
            consent=chance.choice([None, "granted", "denied"]),
            qualification={"budget": chance.choice(VALUES)},
        )
    return Activity(
        id=f"{chance.randint(0, 40)}",
        type=kind,
        occurred_at=Moment(START + chance.randint(0, 2_300) * HOUR),
        received_at=Moment(START),
        identities=(Identity(IdentityKind.EMAIL, "a@b.c"),),
        rank=rank,
        channel=chance.choice([None, "a", "web"]),
        properties=said,
        claims=claims,
        own=chance.random() < 0.8,
    )
