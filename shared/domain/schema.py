"""The JSON Schema of rule files, for editors: what may stand where, and what each key means when one points at it.

It comes from the models; what reads itself (conditions, ageing, repeats) is written out here. It checks the shape; what
only the whole file tells, such as a stage that cannot be reached, `baton rules check` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from shared.domain.conditions import OPERATORS
from shared.domain.rule_values import DEFINED, MOMENT_PATTERN, NAME_SCHEMA
from shared.domain.rulefile import RuleFile
from shared.domain.stages import ACTIVITY_ROOTS, COMPARISONS, FACT_ROOTS, QUALIFICATIONS

Json = dict[str, Any]
_PLACE = "#/definitions/"
_SCALAR: Json = {"type": ["string", "number", "boolean"]}
_SCALARS: Json = {"type": "array", "items": _SCALAR, "minItems": 1}
_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}
_TWO: Json = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_MOMENT: Json = {"type": "string", "format": "date-time", "pattern": MOMENT_PATTERN}
_DURATION: Json = {
    "type": "string",
    "pattern": r"^([0-9]{1,12}(s|mo|m|h|d|w)|P([0-9]+[YMWD])*(T([0-9]+[HMS])+)?)$",
    "examples": ["30s", "15m", "1h", "7d", "4w", "1mo", "P1M"],
}
_OPERANDS: Mapping[str, tuple[Json, str]] = {
    "is": (_SCALAR, "The value is this one. Upper and lower case are the same; a number is no text."),
    "is_not": (_SCALAR, "The value is not this one, or is missing."),
    "in": (_SCALARS, "The value is one of these."),
    "not_in": (_SCALARS, "The value is none of these, or is missing."),
    "contains": (_SCALAR, "The text contains this part, or the list this element."),
    "contains_any": (_SCALARS, "The text contains one of these parts, or the list one of these elements."),
    "starts_with": (_TEXT, "The text starts with this."),
    "ends_with": (_TEXT, "The text ends with this."),
    "like": (_TEXT, "The whole text looks like this: * stands for any run of characters, ? for one."),
    "above": (_NUMBER, "The number is greater than this."),
    "at_least": (_NUMBER, "The number is this or greater."),
    "below": (_NUMBER, "The number is smaller than this."),
    "at_most": (_NUMBER, "The number is this or smaller."),
    "between": (_TWO, "The number lies between these two, both included."),
    "before": (_MOMENT, "The moment lies before this one; write it with an offset, such as Z."),
    "after": (_MOMENT, "The moment lies after this one; write it with an offset, such as Z."),
    "exists": ({"type": "boolean"}, "Whether there is a value at all; empty text and empty lists are values."),
}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "RuleFile": {
        "name": "What this rule file is called.",
        "description": "One sentence on what it is for.",
        "behaviour": "Points for what leads do, and for what they stop doing.",
        "fit": "Points for who leads are. What is not known gives no points and is listed as missing.",
        "vetoes": "What forbids every step up and every handoff, whatever the score.",
        "groups": "Names for sets of behaviour rules that are limited together.",
        "scores": "Named scores and their limits. `engagement` and `fit` exist without being named here.",
        "total": "What each score weighs in the total: 1 where none is written, 0 to leave a score out.",
        "decay": "How the points of rules with `on` age unless they say otherwise; absent or `none`: they stay.",
        "temperature": "Bands on the total, lowest first.",
        "grades": "Bands on the fit score, lowest first.",
        "stages": "Where a lead can stand between marketing and sales. The order tells what is a step up.",
        "handoff": "To whom each stage hands its leads over, by the name of the stage.",
        "answers": "The reasons from which sales chooses when it rejects or recycles a lead.",
        "qualification": "How the four qualification facts are called, asked and confirmed.",
        "nurture": "What is advised for a lead that enters a stage and is not ready, by the name of the stage.",
        "examples": "Golden leads: `baton rules test` fails when one comes out otherwise than agreed.",
    },
    "BehaviourRule": {
        "id": "A short name that no other rule has; explanations name it.",
        "label": "What the lead did, in words for people.",
        "on": "The activity type, or a list of them; compared exactly.",
        "where": "What the activity must be like. It asks properties.*, context.*, channel and source.",
        "points": "Points for each time that it earns; negative ones count against the lead.",
        "at_least": "How many matching activities it takes to earn once.",
        "repeat": "Which times count: every (the default), once, latest, {once_per: 7d}, {once_per_value: FIELD}.",
        "score": "The score that it adds to; engagement unless written.",
        "group": "The group with which it is limited together.",
        "importance": "How much it says, for people; it changes no number.",
        "cap": "The most that this rule counts, in size: positive for negative rules too.",
        "decay": "How its points age; the file's own `decay` unless written.",
        "expires_after": "The age at which its points are gone altogether.",
        "instead_of": "The rule from which this one takes every activity that matches it.",
        "only_if": "What the lead must be like at the moment of scoring. It asks lead.*, company.* and so on.",
        "active": "When the rule is in force.",
        "idle": "Instead of `on`: earns by silence.",
    },
    "AtLeast": {
        "times": "How many activities.",
        "within": "The time from the first to the last of them, at most.",
        "distinct": "The field whose different values count, such as properties.path.",
    },
    "Active": {
        "from": "The rule counts what occurred at this moment or later.",
        "until": "The rule counts what occurred before this moment.",
    },
    "Idle": {
        "for": "How long nothing must have happened.",
        "of": "Of which activity types nothing: one, a list, or any.",
    },
    "FitRule": {
        "id": "A short name that no other rule has.",
        "label": "What the lead is, in words for people.",
        "where": "What must be known of the lead.",
        "points": "Points where it holds.",
        "otherwise": "Points where it is known not to hold; 0 unless written.",
        "score": "The score that it adds to; fit unless written.",
    },
    "Veto": {
        "id": "A short name that no other rule has.",
        "label": "Why such a lead is never handed over, in words for people.",
        "where": "What must be known of the lead for the veto to hold.",
    },
    "Group": {
        "label": "What the group is called for people.",
        "cap": "The most that its rules count together, in size both ways.",
    },
    "ScoreLimits": {
        "label": "What the score is called for people.",
        "floor": "The least that the score can be, at most 0.",
        "cap": "The most that the score can be, at least 0.",
    },
    "BandEdge": {
        "name": "What the band is called.",
        "above": "The band begins above this number.",
        "at_least": "The band begins at this number.",
    },
    "Stage": {
        "name": "What the stage is called in the file.",
        "label": "What people call it.",
        "description": "What a lead in this stage is, in a sentence that marketing and sales agree on.",
        "from": "The stages from which a lead can come; without it from none, and from any that stands before it.",
        "enter": "What lets a lead in.",
        "leave": "When a lead falls out again.",
        "stay": "The least time in the stage: before it is over no lead leaves it, neither up nor down.",
    },
    "Leave": {"when": "What makes a lead fall out.", "to": "The stage that it falls into."},
    "HandoffRule": {
        "to": "The team that gets the lead.",
        "respond_within": "How fast the team answers.",
        "remind": "How long before the deadline the team is reminded.",
        "escalate": "Who is told when the deadline is over and nobody answered.",
        "reassign": "When the lead goes to somebody else because nobody answered.",
        "notify": "On which channels the team is told.",
        "route": "Who gets it.",
        "first_touch": "What sales is advised to do first.",
    },
    "Escalate": {
        "to": "The team that is told.",
        "after": "How long after the deadline; at the deadline unless written.",
    },
    "Reassign": {
        "after": "How long after the deadline, later than the escalation.",
        "to": "The team that gets it; the next member of the same team unless written.",
    },
    "Answers": {
        "reject": "Reasons to refuse a lead: names, or {name: no_budget, label: No budget}.",
        "recycle": "Reasons to give a lead back to be nurtured, likewise.",
    },
    "Qualification": {
        "authority": "Who decides.",
        "budget": "Whether there is money.",
        "need": "What is needed.",
        "timeline": "By when.",
    },
    "QualificationFact": {
        "label": "What people call it.",
        "question": "The question that would fill it.",
        "confirmed_at": "The rating (1 to 5) from which on it counts as confirmed, where its value is a number.",
    },
    "RouteRule": {
        "when": "What must be known of the lead. It asks lead.*, company.* and qualification.*.",
        "to": "A member of the stage's own team, or else another team.",
    },
    "Route": {
        "rules": "Where leads of one kind go; the first that holds decides.",
        "by": "The fact by whose value a person is chosen, such as company.country.",
        "else": "What happens where nobody is found: by turn.",
    },
    "Example": {
        "name": "What the example shows.",
        "activities": "What the lead did.",
        "facts": "What is known of it.",
        "at": "The moment at which it is looked at.",
        "expect": "What must come out; what is not written may be anything.",
    },
    "ExampleActivity": {
        "type": "The activity type.",
        "occurred_at": "When it occurred, with an offset such as Z.",
        "id": "Its id; numbered unless written.",
        "identity": "Whom it names; the example's own lead unless written.",
        "channel": "The channel on which it came.",
        "source": "The system that told it.",
        "properties": "What else is known of the activity.",
        "context": "What the sender said of the circumstances.",
    },
    "ExampleFacts": {
        "lead": "Facts about the person.",
        "company": "Facts about its company.",
        "consent": "Whether it may be contacted.",
        "qualification": "What sales confirmed.",
    },
    "Expected": {
        "total": "The weighted total.",
        "scores": "Named scores.",
        "temperature": "The band of the total, or null.",
        "grade": "The band of the fit score, or null.",
        "stage": "The stage that it would have reached, or null.",
        "vetoed_by": "The vetoes that hold.",
        "missing": "The facts that could still decide a fit rule.",
    },
}


class _Generator(GenerateJsonSchema):
    """A key that may be absent is not one that may be null."""

    def nullable_schema(self, schema: Any) -> Json:
        """The schema without null, except where null is something to expect."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> Json:
        """The schema without the default: the descriptions tell it."""
        return self.generate_inner(schema["schema"])


def schema() -> Json:
    """The whole schema; of draft 7, which every editor knows."""
    told = RuleFile.model_json_schema(schema_generator=_Generator, ref_template=f"{_PLACE}{{model}}")
    models: dict[str, Json] = told.pop("$defs")
    for name, model in [("RuleFile", told), *models.items()]:
        model.pop("title", None)
        for key, value in model["properties"].items():
            value.pop("title", None)
            if defined := value.pop(DEFINED, None):
                value["$ref"] = f"{_PLACE}{defined}"
            value["description"] = _KEYS[name][key]
    models["BandEdge"]["not"] = {"required": ["above", "at_least"]}
    alone = {"anyOf": [{"required": [key]} for key in ("where", "at_least", "instead_of")]}
    models["BehaviourRule"]["oneOf"] = [{"required": ["on"]}, {"required": ["idle"], "not": alone}]
    models["HandoffRule"]["dependencies"] = {key: ["respond_within"] for key in ("remind", "escalate", "reassign")}
    models["Route"]["anyOf"] = [{"required": ["by"]}, {"required": ["rules"]}]
    models["Expected"]["minProperties"] = 1
    for key in ("temperature", "grade", "stage"):
        models["Expected"]["properties"][key]["type"] = ["string", "null"]
    return {"$schema": "http://json-schema.org/draft-07/schema#", **told, "definitions": {**models, **_parts()}}


def _parts() -> dict[str, Json]:
    return {
        "Names": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
        "ActivityField": {"type": "string", "pattern": _fields(ACTIVITY_ROOTS)},
        "FactField": {"type": "string", "pattern": _fields(FACT_ROOTS)},
        "Channels": {"anyOf": [_CHANNEL, {"type": "array", "items": _CHANNEL}]},
        "Reasons": {"type": "array", "items": {"anyOf": [_NAME, _REASON]}, "minItems": 1},
        "NurtureOfStages": {"type": "object", "additionalProperties": {"anyOf": [_NAME, *_NURTURE]}},
        "Repeat": {
            "anyOf": [
                {"enum": ["every", "once", "latest"]},
                _one("once_per", _DURATION, "At most once in this time, counted from the last that counted."),
                _one("once_per_value", _ref("ActivityField"), "The earliest for each value of this field."),
            ]
        },
        "Decay": {
            "anyOf": [
                {"enum": ["none"]},
                _one("half_life", _DURATION, "Points are worth half after this time.", since=True),
                _one("linear", _LOSS, "Points go in a straight line until nothing is left.", since=True),
                _one("step", _LOSS, "Points go at whole steps.", since=True),
            ]
        },
        "Tests": _mapping({name: {**_OPERANDS[name][0], "description": _OPERANDS[name][1]} for name in OPERATORS}),
        "ActivityCondition": _condition("ActivityCondition", ACTIVITY_ROOTS),
        "LeadCondition": _condition("LeadCondition", FACT_ROOTS),
        "StageCondition": _stage_condition(),
    }


_CHANNEL: Json = {"enum": ["email", "slack", "webhook"]}
_NAME: Json = NAME_SCHEMA


def _object(required: list[str], **properties: tuple[Json, str]) -> Json:
    told = {key: {**value, "description": description} for key, (value, description) in properties.items()}
    return {"type": "object", "required": required, "additionalProperties": False, "properties": told}


_REASON = _object(
    ["name"], name=(_NAME, "The name under which it is stored."), label=(_TEXT, "What people call the reason.")
)
_TRACK = _object(
    ["missing", "track"],
    missing=(_NAME, "What the lead misses: a score, grade, consent, qualification.budget, a fact, an activity type."),
    track=(_NAME, "The track for such leads."),
)
_TOWARDS = (_NAME, "The stage whose entry tells what is missing; the next that hands over unless written.")
_NURTURE = [
    _object(["track"], track=(_NAME, "The track for every lead."), towards=_TOWARDS),
    _object(
        ["else"],
        tracks=({"type": "array", "items": _TRACK}, "The track for the first of these that a lead misses."),
        **{"else": (_NAME, "The track for all others.")},
        towards=_TOWARDS,
    ),
]
_LOSS: Json = {
    "type": "object",
    "required": ["lose", "every"],
    "additionalProperties": False,
    "properties": {
        "lose": {
            "description": "What goes: points such as 5, or a share of the original points such as 50%.",
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*%$"},
            ],
        },
        "every": {**_DURATION, "description": "How often."},
    },
}
_NESTED = {
    "all": "Every one of these conditions holds.",
    "any": "One of these conditions holds.",
    "not": "This condition does not hold.",
}
_ASKED_OF_STAGES = {
    "score": "The total score, as in {at_least: 50}.",
    "engagement": "The engagement score.",
    "fit": "The fit score.",
    "grade": "The grade: one name, or an operator such as {in: [A, B]}.",
    "temperature": "The temperature: one name, or an operator.",
    "consent": "The permission to be contacted: granted, denied or unknown.",
    "qualified": "Qualification facts that sales confirmed: authority, budget, need, timeline.",
    "activity": "An activity of this type has occurred.",
    "activity_in": "An activity of one of these types has occurred.",
    "count": "How many activities have occurred, as in {of: TYPE, at_least: 3, within: 30d}.",
    "time_in_stage": "How long the lead has been in its stage, as in {above: 30d}.",
    "within": "Beside `activity`, `activity_in` or `count`: in this time until now.",
    "since": "Beside `activity`, `activity_in` or `count`: only what occurred since the lead entered its stage.",
    "where": "Beside `activity`, `activity_in` or `count`: what the activity must be like.",
}


def _ref(name: str) -> Json:
    return {"$ref": f"{_PLACE}{name}"}


def _fields(roots: Mapping[str, bool]) -> str:
    deep = "|".join(name for name, parts in roots.items() if parts)
    whole = "|".join(name for name, parts in roots.items() if not parts)
    return rf"^(({deep})(\.[^.]+)+|{whole})$"


def _mapping(properties: Json, patterns: Json | None = None) -> Json:
    told = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties}
    return {**told, "patternProperties": patterns} if patterns else told


def _one(key: str, value: Json, description: str, *, since: bool = False) -> Json:
    properties: Json = {key: {**value, "description": description}}
    if since:
        told = "Ages from the lead's latest own activity instead: doing something restores the points."
        properties["since"] = {"enum": ["last_activity"], "description": told}
    return {"type": "object", "required": [key], "additionalProperties": False, "properties": properties}


def _nesting(name: str) -> Json:
    parts: Json = {"type": "array", "items": _ref(name), "minItems": 1}
    return {key: {**(_ref(name) if key == "not" else parts), "description": told} for key, told in _NESTED.items()}


def _condition(name: str, roots: Mapping[str, bool]) -> Json:
    told = "{field: {operator: value}}; several fields all hold; all, any and not nest."
    return {**_mapping(_nesting(name), {_fields(roots): _ref("Tests")}), "description": told}


def _amount(value: Json, more: Json | None = None) -> Json:
    two = {"type": "array", "items": value, "minItems": 2, "maxItems": 2}
    told = {name: two if name == "between" else value for name in COMPARISONS}
    return _mapping({**{name: {**told[name], "description": _OPERANDS[name][1]} for name in told}, **(more or {})})


def _stage_condition() -> Json:
    points, word = _amount(_NUMBER), {"anyOf": [_TEXT, _ref("Tests")]}
    consents = {"enum": ["granted", "denied", "unknown"]}
    several = {"type": "array", "items": consents, "minItems": 1}
    asked: dict[str, Json] = {"is": consents, "is_not": consents, "in": several, "not_in": several}
    facts = {"enum": list(QUALIFICATIONS)}
    beside = {"within": _DURATION, "since": {"enum": ["stage_entry"]}, "where": _ref("ActivityCondition")}
    keys: dict[str, Json] = {
        **dict.fromkeys(("score", "engagement", "fit"), points),
        **dict.fromkeys(("grade", "temperature"), word),
        "consent": {"anyOf": [consents, _mapping(_described(asked, {k: _OPERANDS[k][1] for k in asked}))]},
        "qualified": {"anyOf": [facts, {"type": "array", "items": facts, "minItems": 1}]},
        **dict.fromkeys(("activity", "activity_in"), _ref("Names")),
        "count": _amount(
            {"type": "integer", "minimum": 0},
            _described({"of": _ref("Names"), **beside}, {**_ASKED_OF_STAGES, "of": "The activity types to count."}),
        ),
        "time_in_stage": _amount(_DURATION),
        **beside,
    }
    other = rf"^(?!({'|'.join((*keys, *_NESTED))})$)[^.]+$"  # a score of the file's own
    patterns = {_fields({k: v for k, v in FACT_ROOTS.items() if v} | {"consent": False}): _ref("Tests"), other: points}
    patterns = {pattern.replace("|consent)", ")"): value for pattern, value in patterns.items()}
    told = "What must hold: scores, bands, facts, consent, activities; several keys all hold; all, any and not nest."
    counted = {"anyOf": [{"required": [key]} for key in ("activity", "activity_in", "count")]}
    return {
        **_mapping({**_nesting("StageCondition"), **_described(keys, _ASKED_OF_STAGES)}, patterns),
        "dependencies": dict.fromkeys(beside, counted),
        "description": told,
    }


def _described(keys: Mapping[str, Json], told: Mapping[str, str]) -> Json:
    return {name: {**value, "description": told[name]} for name, value in keys.items()}
