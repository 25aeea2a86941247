"""A plain interpreter of rule files, straight from their description: slow, without indexes, state or compilation."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

from shared.domain.durations import parse_duration
from shared.domain.moments import parse_moment

BILLION = 10**9


def billionths(number):
    return int(Decimal(repr(number)) * BILLION)


def rounded(value):
    """A fraction to the nearest whole number, half to even."""
    return round(value)


# --- conditions ---


def field_of(root, path):
    value = root
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def same(a, b):
    if isinstance(a, str) and isinstance(b, str):
        return a.strip().casefold() == b.strip().casefold()
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and a is b
    numbers = (int, float, Decimal)
    return isinstance(a, numbers) and isinstance(b, numbers) and Decimal(repr(a)) == Decimal(repr(b))


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value):
    return Decimal(repr(value))


def test_one(operator, value, operand):  # noqa: C901, PLR0911, PLR0912
    if operator == "exists":
        return (value is not None) is operand
    if operator == "is_not":
        return not test_one("is", value, operand)
    if operator == "not_in":
        return not test_one("in", value, operand)
    if value is None:
        return False
    if operator == "is":
        return not isinstance(value, list) and same(value, operand)
    if operator == "in":
        return not isinstance(value, list) and any(same(value, each) for each in operand)
    if operator == "contains":
        return test_one("contains_any", value, [operand])
    if operator == "contains_any":
        if isinstance(value, list):
            return any(same(part, each) for part in value for each in operand)
        folded = value.strip().casefold() if isinstance(value, str) else None
        return folded is not None and any(
            isinstance(each, str) and each.strip().casefold() in folded for each in operand
        )
    if operator in ("above", "at_least", "below", "at_most", "between"):
        if not is_number(value):
            return False
        left = number(value)
        if operator == "between":
            return number(operand[0]) <= left <= number(operand[1])
        right = number(operand)
        return {"above": left > right, "at_least": left >= right, "below": left < right, "at_most": left <= right}[
            operator
        ]
    if not isinstance(value, str):
        return False
    folded, wanted = value.strip().casefold(), operand.strip().casefold()
    if operator == "starts_with":
        return folded[: len(wanted)] == wanted
    if operator == "ends_with":
        return folded[len(folded) - len(wanted) :] == wanted if len(wanted) <= len(folded) else False
    raise AssertionError(operator)


def holds(condition, root):
    for key, value in condition.items():
        if key == "all":
            answer = all(holds(part, root) for part in value)
        elif key == "any":
            answer = any(holds(part, root) for part in value)
        elif key == "not":
            answer = not holds(value, root)
        else:
            answer = all(test_one(operator, field_of(root, key), operand) for operator, operand in value.items())
        if not answer:
            return False
    return True


def decides(condition, root):
    """True, False or None (unknown), with the fields that are missing."""
    answers = []
    for key, value in condition.items():
        if key == "not":
            answer, missing = decides(value, root)
            answers.append((None if answer is None else not answer, missing))
        elif key in ("all", "any"):
            answers.append(junction([decides(part, root) for part in value], final=key == "any"))
        else:
            found = field_of(root, key)
            for operator, operand in value.items():
                unknown = found is None and operator != "exists"
                answers.append((None, {key}) if unknown else (test_one(operator, found, operand), set()))
    return junction(answers, final=False)


def junction(answers, *, final):
    if any(answer is final for answer, _ in answers):
        return final, set()
    missing = set().union(*(fields for answer, fields in answers if answer is None), set())
    return (None if missing else not final), missing


# --- behaviour ---


def activity_root(activity):
    return {
        "properties": activity.properties,
        "context": activity.context,
        "channel": activity.channel,
        "source": activity.source,
    }


def in_force(active, at):
    since = parse_moment(active["from"]) if "from" in active else None
    until = parse_moment(active["until"]) if "until" in active else None
    return (since is None or since <= at) and (until is None or at < until)


def matches(rule, activity, facts):
    types = [rule["on"]] if isinstance(rule["on"], str) else rule["on"]
    return (
        activity.type in types
        and holds(rule.get("where") or {}, activity_root(activity))
        and in_force(rule.get("active") or {}, activity.occurred_at)
        and holds(rule.get("only_if") or {}, facts)
    )


def value_key(value):
    if isinstance(value, str):
        return ("text", value.strip().casefold())
    if isinstance(value, bool):
        return ("bool", value)
    return ("number", number(value)) if is_number(value) else ("other", repr(value))


def earned(rule, found):
    wanted = rule.get("at_least")
    if not wanted:
        return found
    window = parse_duration(wanted["within"]) if "within" in wanted else None
    waiting, earning = [], []
    for activity in found:
        if "distinct" in wanted:
            value = field_of(activity_root(activity), wanted["distinct"])
            if value is None:
                continue
            key = value_key(value)
            waiting = [pair for pair in waiting if pair[0] != key]
        else:
            key = activity.id
        waiting.append((key, activity))
        waiting = [p for p in waiting if window is None or activity.occurred_at - p[1].occurred_at <= window]
        if len(waiting) == wanted["times"]:
            earning.append(activity)
            waiting = []
    return earning


def repeats(rule, found):
    repeat = rule.get("repeat", "every")
    if repeat == "once":
        return found[:1]
    if repeat == "latest":
        return found[-1:]
    if repeat == "every":
        return found
    if "once_per" in repeat:
        kept = []
        for activity in found:
            if not kept or activity.occurred_at >= kept[-1].occurred_at + parse_duration(repeat["once_per"]):
                kept.append(activity)
        return kept
    seen, kept = set(), []
    for activity in found:
        value = field_of(activity_root(activity), repeat["once_per_value"])
        key = None if value is None else value_key(value)
        if key not in seen:
            seen.add(key)
            kept.append(activity)
    return kept


def aged(points, decay, age):
    """Points, as billionths, at an age."""
    if decay == "none" or age <= 0:
        return points
    if "half_life" in decay:
        with localcontext() as context:
            context.prec = 80
            left = Decimal(points) * Decimal(2) ** (-Decimal(age) / Decimal(parse_duration(decay["half_life"])))
            return int(left.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    shape = decay.get("linear") or decay["step"]
    every = parse_duration(shape["every"])
    times = Fraction(age, every) if "linear" in decay else Fraction(age // every)
    lose = shape["lose"]
    lost = Fraction(lose[:-1]) / 100 * abs(points) * times if isinstance(lose, str) else billionths(lose) * times
    left = max(Fraction(0), abs(points) - lost)
    return rounded(left) if points > 0 else -rounded(left)


def last_own(activities, types=None):
    moments = [
        a.occurred_at for a in activities if a.own and a.type != "score_adjusted" and (types is None or a.type in types)
    ]
    return max(moments, default=None)


def clamp(value, low, high):
    value = min(value, high) if high is not None else value
    return max(value, low) if low is not None else value


def earnings_of(document, rule, activities, facts, at):
    """Moments and ids of what a rule earned."""
    if "idle" in rule:
        of = rule["idle"].get("of", "any")
        last = last_own(activities, None if of == "any" else [of] if isinstance(of, str) else of)
        if last is None or not holds(rule.get("only_if") or {}, facts):
            return []
        length = parse_duration(rule["idle"]["for"])
        count = (at - last) // length
        moments = [last + length * (n + 1) for n in range(count)]
        moments = [moment for moment in moments if in_force(rule.get("active") or {}, moment)]
        return [(moment, None) for moment in (moments[:1] if rule.get("repeat", "every") == "once" else moments)]
    takers = [other for other in document["behaviour"] if other.get("instead_of") == rule["id"]]
    found = [a for a in activities if matches(rule, a, facts) and not any(matches(taker, a, facts) for taker in takers)]
    return [(a.occurred_at, a.id) for a in repeats(rule, earned(rule, found))]


def sums(document, activities, at):
    """Each named score ahead of adjustments, floor and cap."""
    facts = known(activities)
    scores = dict.fromkeys(["engagement", "fit", *document.get("scores", {})], 0)
    groups = {}
    rows = []
    for rule in document.get("behaviour", []):
        default = "none" if "idle" in rule else document.get("decay", "none")
        decay, total = rule.get("decay", default), 0
        for moment, name in earnings_of(document, rule, activities, facts, at):
            if decay != "none" and decay.get("since") and last_own(activities) is not None:
                left = aged(billionths(rule["points"]), decay, at - last_own(activities))
            else:
                left = aged(billionths(rule["points"]), decay, at - moment)
            if "expires_after" in rule and at - moment >= parse_duration(rule["expires_after"]):
                left = 0
            rows.append((rule["id"], name, moment, left))
            total += left
        cap = billionths(rule["cap"]) if "cap" in rule else None
        total = clamp(total, None if cap is None else -cap, cap)
        if "group" in rule:
            score, before = groups.get(rule["group"], (rule.get("score", "engagement"), 0))
            groups[rule["group"]] = (score, before + total)
        else:
            scores[rule.get("score", "engagement")] += total
    for name, (score, total) in groups.items():
        cap = document["groups"][name].get("cap")
        limit = None if cap is None else billionths(cap)
        scores[score] += clamp(total, None if limit is None else -limit, limit)
    missing = set()
    for rule in document.get("fit", []):
        answer, fields = decides(rule["where"], facts)
        missing |= fields
        if answer is not None:
            scores[rule.get("score", "fit")] += billionths(rule["points"] if answer else rule.get("otherwise", 0))
    return scores, missing, rows


def known(activities):
    told = {"lead": {}, "company": {}, "qualification": {}}
    consent = None
    for activity in sorted(activities, key=lambda a: (a.rank, a.occurred_at, a.id)):
        for group, values in told.items():
            values.update(getattr(activity.claims, group))
    consents = [((a.rank, a.occurred_at), a.claims.consent) for a in activities if a.claims.consent]
    if consents:
        best = max(weight for weight, _ in consents)
        given = {consent for weight, consent in consents if weight == best}
        consent = "denied" if "denied" in given else "granted"
    return {**told, "consent": consent}


def score(document, activities, at):
    """Scores, total, bands, vetoes, missing facts and what is left of each earning."""
    by_id = {}
    for activity in activities:
        by_id.setdefault(activity.id, activity)
    ordered = sorted(by_id.values(), key=lambda a: (a.occurred_at, a.id))
    happened = [a for a in ordered if a.occurred_at <= at]
    scores, missing, rows = sums(document, happened, at)
    added = []
    for place, a in enumerate(happened):
        if a.type != "score_adjusted" or a.rank == 0:
            continue
        name = a.properties.get("score", "engagement")
        if name not in scores:
            continue
        if "by" in a.properties:
            points = billionths(a.properties["by"])
        else:
            before, _, _ = sums(document, happened[:place], a.occurred_at)
            points = billionths(a.properties["to"]) - before[name] - sum(p for n, p in added if n == name)
        added.append((name, points))
    for name, points in added:
        scores[name] += points
    for name, limits in document.get("scores", {}).items():
        floor, cap = limits.get("floor"), limits.get("cap")
        scores[name] = clamp(
            scores[name], None if floor is None else billionths(floor), None if cap is None else billionths(cap)
        )
    weights = document.get("total", {})
    total = rounded(sum(Fraction(points) * Fraction(repr(weights.get(name, 1))) for name, points in scores.items()))
    facts = known(happened)
    return {
        "scores": scores,
        "total": total,
        "temperature": band(document.get("temperature", []), total),
        "grade": band(document.get("grades", []), scores["fit"]),
        "vetoed_by": tuple(veto["id"] for veto in document.get("vetoes", []) if holds(veto["where"], facts)),
        "missing": tuple(sorted(missing)),
        "rows": rows,
    }


def band(bands, points):
    name = None
    for each in bands:
        if "above" in each and points <= billionths(each["above"]):
            continue
        if "at_least" in each and points < billionths(each["at_least"]):
            continue
        name = each["name"]
    return name
