"""Reading a rule file: everything that is wrong with it, each told by its key, with the nearest valid one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.domain.conditions import Path, nearest
from shared.domain.conflicts import BY_STAGE, conflicts, no_such_stage
from shared.domain.rule_values import Strict, Unread
from shared.domain.rulefile import Problem, RuleFile

_MOST_MISSPELT = 100
"""So many strange keys of one part may be misspelt ones; whoever wrote more meant another kind of file."""


class RuleFileError(ValueError):
    """A document is no rule file; `problems` says everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


def parse_rule_file(document: object) -> RuleFile:
    """Read a rule file from what its YAML or JSON says.

    Raises:
        RuleFileError: it is no rule file, or contradicts itself.
    """
    if not isinstance(document, Mapping):
        raise RuleFileError([Problem((), "a rule file is a mapping with keys such as behaviour, fit and stages")])
    try:
        rule_file = RuleFile.model_validate(dict(document))
    except ValidationError as error:
        problems = _problems(error, document)
        raise RuleFileError([*problems, *_besides(problems, error, document)]) from error
    except RecursionError as error:
        raise RuleFileError([Problem((), "it nests too deep")]) from error
    if problems := conflicts(rule_file):
        raise RuleFileError([located(document, problem) for problem in problems])
    return rule_file


def located(document: object, problem: Problem) -> Problem:
    """The problem with its whole path in the document that a rule file was read from."""
    return replace(problem, path=_located(document, problem.path))


def _problems(error: ValidationError, document: Mapping[Any, Any]) -> list[Problem]:
    try:
        return list(dict.fromkeys(_of_a_stage(_problem(dict(told)), document) for told in error.errors()))
    except UnicodeEncodeError:  # what is wrong cannot be told with a text that is none
        return [Problem((), "a text holds half of a character")]


def _besides(problems: list[Problem], error: ValidationError, document: Mapping[Any, Any]) -> list[Problem]:
    """What contradicts itself in that which reads well."""
    try:
        paths = [tuple(told["loc"]) for told in error.errors(include_input=False, include_context=False)]
        broken = frozenset(path[:length] for path in paths for length in range(1, len(path) + 1))
        read: RuleFile = _as_far_as_it_reads(RuleFile, document, (), broken)
        found = [located(document, problem) for problem in conflicts(read, problems)]
    except (RecursionError, UnicodeEncodeError):  # it nests too deep, or holds half of a character
        return []
    told_already = set(problems)
    return [problem for problem in dict.fromkeys(found) if problem not in told_already]


def _as_far_as_it_reads(kind: type[BaseModel], raw: Mapping[Any, Any], here: Path, broken: frozenset[Path]) -> Any:
    """A part of the file, without what could not be read and what a misspelt key may have meant.

    `broken` are the places of what could not be read, and of all that holds it.
    """
    part = kind.model_construct(_fields_set=set(raw))  # what is written says something, though it does not read
    keys = {info.alias or name: name for name, info in kind.model_fields.items()}
    strange = [key for key in raw if key not in keys and (*here, key) in broken][:_MOST_MISSPELT]
    for key, name in keys.items():
        if key in raw:
            part.__dict__.pop(name, None)
            with suppress(Unread):
                part.__dict__[name] = _read(kind, name, raw[key], (*here, key), broken)
        elif any(nearest(each, (key,)).startswith("did you mean") for each in strange):
            part.__dict__.pop(name, None)
    return part


@cache
def _reader(kind: type[BaseModel], name: str) -> TypeAdapter[Any]:
    info = kind.model_fields[name]
    whole: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return TypeAdapter(whole)


def _read(kind: type[BaseModel], name: str, raw: Any, here: Path, broken: frozenset[Path]) -> Any:
    """The value of a key.

    Raises:
        Unread: it cannot be read, not even in part.
    """
    info = kind.model_fields[name]
    if here not in broken:
        try:
            return _reader(kind, name).validate_python(raw)
        except ValidationError as error:  # what is wrong was not told, as beside half of a character
            raise Unread(here) from error
    kinds = [each for each in get_args(info.annotation) or (info.annotation,) if _is_part(each)]
    if info.metadata or not kinds:
        raise Unread(here)
    if _is_part(info.annotation) or get_origin(info.annotation) not in (tuple, dict):
        return _as_far_as_it_reads(kinds[0], _mapping(raw), here, broken)
    if get_origin(info.annotation) is dict:
        return {
            key: _as_far_as_it_reads(kinds[0], _mapping(each), (*here, key), broken)
            for key, each in _mapping(raw).items()
        }
    if not isinstance(raw, list | tuple):
        raise Unread(here)
    return tuple(
        _as_far_as_it_reads(kinds[0], _mapping(each), (*here, place), broken) for place, each in enumerate(raw)
    )


def _mapping(raw: Any) -> Mapping[Any, Any]:
    if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
        raise Unread
    return raw


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Strict)


def _of_a_stage(problem: Problem, document: Mapping[Any, Any]) -> Problem:
    """The problem, or where it stands under a key that should name a stage and does not, that one.

    What stands under the misspelt name of a stage is a problem of its own, and that of the name is a conflict.
    """
    stages = document.get("stages", [])
    if not problem.path[1:] or problem.path[0] not in BY_STAGE or not isinstance(stages, list | tuple):
        return problem
    section, name, *deeper = problem.path
    names = [str(stage["name"]) for stage in stages if isinstance(stage, Mapping) and "name" in stage]
    is_so_anyway = name in names or (deeper and (not names or nearest(name, names).startswith("did you mean")))
    return problem if is_so_anyway else no_such_stage(str(section), str(name), names)


def _located(document: object, path: Path) -> Path:
    """The path with what lies between filled in, where its last key stands deeper than its last but one says."""
    place: Any = document
    for depth, step in enumerate(path):
        inside = isinstance(place, Mapping) and step in place
        if inside or (isinstance(place, list | tuple) and isinstance(step, int) and step < len(place)):
            place = place[step]
            continue
        found = _below(place, step) if depth == len(path) - 1 else None
        return path if found is None else (*path[:-1], *found)
    return path


def _below(place: Any, key: str | int) -> Path | None:
    """The way down to a key."""
    entries = (
        place.items() if isinstance(place, Mapping) else enumerate(place) if isinstance(place, list | tuple) else ()
    )
    for step, value in entries:
        if step == key:
            return (step,)
        if (found := _below(value, key)) is not None:
            return (step, *found)
    return None


def _problem(told: dict[str, Any]) -> Problem:  # noqa: PLR0911 - one case for each kind of complaint
    path: tuple[str | int, ...] = tuple(told["loc"])
    context = told.get("ctx") or {}
    if told["type"] == "unreadable":
        return Problem(path + tuple(context["path"]), context["message"], context["hint"])
    if told["type"] == "extra_forbidden":
        return Problem(path, f"unknown key {path[-1]!r}", nearest(path[-1], _keys_at(path[:-1])))
    if told["type"] == "no_value":
        return Problem(path, str(told["msg"]))
    if told["type"] == "missing":
        return Problem(path[:-1], f"{path[-1]!r} is missing")
    if told["type"] == "literal_error":
        words = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        return Problem(path, f"{told['input']!r} is not valid", nearest(told["input"], words))
    if told["type"] in ("model_type", "dict_type"):
        return Problem(path, "wants a mapping of keys")
    if told["type"] in ("tuple_type", "list_type"):
        return Problem(path, "wants a list")
    return Problem(path, str(told["msg"]))


def _keys_at(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that are valid at a place in the file."""
    kind: Any = RuleFile
    for step in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {info.alias or name: info for name, info in kind.model_fields.items()}
            kind = fields[str(step)].annotation
        else:
            kind = get_args(kind)[1] if get_origin(kind) is dict else get_args(kind)[0]
        models = [part for part in get_args(kind) if isinstance(part, type) and issubclass(part, BaseModel)]
        kind = models[0] if models and get_origin(kind) not in (tuple, dict) else kind
    return tuple(info.alias or name for name, info in kind.model_fields.items())
