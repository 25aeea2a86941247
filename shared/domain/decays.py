"""How a rule file writes the ageing of points: half-life, line, steps or none."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared.domain.ageing import NO_DECAY, Decay
from shared.domain.conditions import ConditionError, nearest
from shared.domain.durations import parse_duration
from shared.domain.rule_values import above_zero, one_of, under

_AGEING = ("half_life", "linear", "step", "since")


def read_decay(raw: Any) -> Decay:
    """An ageing, from `none` or one of its shapes, such as `{half_life: 30d, since: last_activity}`.

    Raises:
        ConditionError: it is none; its path tells where.
    """
    since = isinstance(raw, Mapping) and "since" in raw
    if since and raw["since"] != "last_activity":
        msg = f"{raw['since']!r} is not valid"
        raise ConditionError(msg, ("since",), "write last_activity, or leave it away")
    shape = {key: value for key, value in raw.items() if key != "since"} if since else raw
    if (
        isinstance(raw, Mapping)
        and len(raw) > 1
        and (strange := next((key for key in raw if key not in _AGEING), None)) is not None
    ):
        msg = f"unknown key {strange!r}"
        raise ConditionError(msg, (str(strange),), nearest(strange, _AGEING))
    kind, value = one_of(shape, ("none",), _AGEING[:-1])
    if kind == "none":
        return NO_DECAY
    if kind == "half_life":
        return Decay("half_life", half_life=under(kind, parse_duration, value), since_last_activity=since)
    share, lose, every = under(kind, _loss, value)
    return Decay(kind, every=every, share=share, lose=lose, since_last_activity=since)  # type: ignore[arg-type]


def _loss(raw: Any) -> tuple[tuple[int, int] | None, int, int]:
    keys = ("lose", "every")
    if not isinstance(raw, Mapping):
        msg = "write {lose: 50%, every: 30d}"
        raise ConditionError(msg)
    if (strange := next((key for key in raw if key not in keys), None)) is not None:
        msg = f"unknown key {strange!r}"
        raise ConditionError(msg, (str(strange),), nearest(strange, keys))
    if absent := next((key for key in keys if key not in raw), None):
        msg = f"{absent!r} is missing: write {{lose: 50%, every: 30d}}"
        raise ConditionError(msg)
    share, lose = under("lose", _lost, raw["lose"])
    return share, lose, under("every", parse_duration, raw["every"])


def _lost(lose: Any) -> tuple[tuple[int, int] | None, int]:
    if isinstance(lose, str) and lose.endswith("%"):
        try:
            percent = Decimal(lose[:-1].strip())
        except ArithmeticError:
            percent = Decimal(0)
        if not 0 < percent <= 1_000_000 or percent.as_tuple().exponent < -9:  # type: ignore[operator]  # noqa: PLR2004
            msg = f"{lose!r} is no share: write for instance 50%"
            raise ConditionError(msg)
        return percent.scaleb(-2).as_integer_ratio(), 0
    try:
        return None, above_zero(lose)
    except ValueError as error:
        raise ConditionError(str(error), (), "points such as 5, or a share such as 50%") from error
