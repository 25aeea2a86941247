"""The score state: what must be remembered of a lead's activities to score it at any moment, as a set that merges.

It holds one entry for each activity that the rule file has a use for, by activity id, and the moments at which the
lead was last seen. Adding an activity again changes nothing; the order of adding does not matter; states of parts merge
into the state of the whole. What depends on the rule file is only which activities are entered and what is noted of
them, so a state made under another rule file is rebuilt from the log.

A random UUID at the end of an id is kept as 48 bits, its first 16 and a digest of 32: they tell ids apart, and order
those of one moment as the whole does. An id that does not look random is kept whole, unless it is long: then its first
40 characters and a digest of 64 bits (`short_id`). Long ids of one moment that begin alike are ordered by that digest.
Values that rules count or tell apart (`distinct`, `once_per_value`) are kept as digests of 48 bits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from shared.domain.activity import Claims
from shared.domain.facts import Claim, Facts, known
from shared.domain.moments import Moment, to_datetime
from shared.domain.points import exact_number

FORMAT = 3
_DIGEST = 6
NO_VALUE = bytes(_DIGEST)
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_REGULAR = re.compile(r"([0-9a-f])\1\1\1")
_UUID_LENGTH, _UUID_KEPT = 36, 4
_LONGEST_ID, _LONG_KEPT, _LONG_DIGEST = 64, 40, 8
_SHORT_TAIL = re.compile(r"[0-9a-f]{4}~[0-9a-f]{8}")
_TAIL_LENGTH = 13
_MILLISECONDS = re.compile(r"(?<![0-9])[1-9][0-9]{12}(?![0-9])")


class UnknownFormat(ValueError):
    """The stored state is of another format: rebuild it from the log."""


class Adjustment(NamedTuple):
    """An adjustment by hand: add (`by`) or bring to (`to`) some billionths of a score."""

    score: str
    kind: str
    points: int


class Trace(NamedTuple):
    """What is noted of an activity besides its moment and id; many activities share one."""

    own: bool
    marks: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    rank: int = 0
    claims: str = ""
    adjustment: Adjustment | None = None


class Entry(NamedTuple):
    """One activity as remembered. `values` are digests of what stood in the trace's `fields`."""

    at: int
    id: str
    trace: Trace
    values: tuple[bytes, ...] = ()


def short_id(activity_id: str) -> str:
    """The id with a random UUID at its end cut to 48 bits, which tell it apart and order it; any other id as it is.

    What is long even so keeps its beginning and 64 bits: whoever picks ids does not pick how large a state becomes.
    """
    start = len(activity_id) - _UUID_LENGTH
    short = activity_id
    if start >= 0 and _UUID4.fullmatch(activity_id, start) and not _REGULAR.search(activity_id, start):
        short = _cut(activity_id, start + _UUID_KEPT, 4)
    return short if len(short) <= _LONGEST_ID else _cut(activity_id, _LONG_KEPT, _LONG_DIGEST)


def _cut(activity_id: str, kept: int, size: int) -> str:
    told = blake2b(activity_id.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()
    return f"{activity_id[:kept]}~{told}"


def _bit(told: str, depth: int) -> bool:
    number = int.from_bytes(blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return bool(number >> depth & 1)


@lru_cache(maxsize=4096)
def _digest_text(told: str) -> bytes:
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def digest(value: Any) -> bytes:
    """A digest that is equal for values that a rule file takes for equal; `NO_VALUE` for a missing one."""
    return NO_VALUE if value is None else _digest_text(_told(value))


def _told(value: Any) -> str:
    if isinstance(value, str):
        return f"s{value.strip().casefold()}"
    if isinstance(value, bool):
        return f"b{value}"
    number = exact_number(value)
    if number is not None:
        sign, digits, exponent = Decimal(number).as_tuple()
        text = "".join(map(str, digits)).lstrip("0")
        stripped = text.rstrip("0")
        return f"n{'-' if sign and text else ''}{stripped}e{int(exponent) + len(text) - len(stripped) if text else 0}"
    if isinstance(value, Mapping):
        return f"m{sorted((str(key), _told(part)) for key, part in value.items())}"
    return f"l{[_told(part) for part in value]}" if isinstance(value, list | tuple) else f"o{value!r}"


def told_claims(claims: Claims) -> str:
    """Claims as one canonical JSON text."""
    said = {
        "lead": claims.lead,
        "company": claims.company,
        "consent": claims.consent,
        "qualification": claims.qualification,
    }
    kept = {name: value for name, value in said.items() if value}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), default=_plain) if kept else ""


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 10**18 else float(value)
    return dict(value) if isinstance(value, Mapping) else list(value)


@lru_cache(maxsize=1024)
def _claims(told: str) -> Claims:
    return Claims(**json.loads(told))


def _weight(entry: Entry) -> tuple[Any, ...]:
    return entry.at, json.dumps(entry.trace), entry.values


@dataclass(frozen=True, slots=True)
class ScoreState:
    """An immutable set of entries, and when the lead was seen.

    `seen` are moments of own activities that no rule matched, kept only where the rule file asks about silence;
    `last_own` is the latest of all own activities.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    seen: frozenset[int] = frozenset()
    last_own: int | None = None
    ledger: list[Any] = field(default_factory=list, init=False, compare=False, repr=False)

    @classmethod
    def empty(cls) -> ScoreState:
        """The state of a lead that never did anything."""
        return cls()

    @property
    def last_activity_at(self) -> Moment | None:
        """The moment of the lead's latest own activity."""
        return None if self.last_own is None else Moment(self.last_own)

    def merge(self, other: ScoreState) -> ScoreState:
        """The union. Of two entries with one id (which no log holds) the earlier stays."""
        if not other.entries and not other.seen and other.last_own is None:
            return self
        entries = {**self.entries, **other.entries}
        for key in self.entries.keys() & other.entries.keys():
            entries[key] = min(self.entries[key], other.entries[key], key=_weight)
        moments = [moment for moment in (self.last_own, other.last_own) if moment is not None]
        return ScoreState(entries, self.seen | other.seen, max(moments, default=None))

    def split_by_month(self) -> dict[str, ScoreState]:
        """Parts by the UTC month (`2026-03`) of their activities; merged they are the whole again."""
        parts: dict[str, tuple[dict[str, Entry], set[int], list[int]]] = {}

        def part(moment: int) -> tuple[dict[str, Entry], set[int], list[int]]:
            return parts.setdefault(f"{to_datetime(Moment(moment)):%Y-%m}", ({}, set(), []))

        for key, entry in self.entries.items():
            part(entry.at)[0][key] = entry
        for moment in self.seen:
            part(moment)[1].add(moment)
        if self.last_own is not None:
            part(self.last_own)[2].append(self.last_own)
        return {
            month: ScoreState(entries, frozenset(seen), max(last, default=None))
            for month, (entries, seen, last) in sorted(parts.items())
        }

    def halves(self, depth: int) -> tuple[ScoreState, ScoreState]:
        """Two parts by one bit, the `depth`-th of 64, of a digest of each id or moment: what is added changes one."""
        ones = {key: entry for key, entry in self.entries.items() if _bit(f"i{key}", depth)}
        zeros = {key: entry for key, entry in self.entries.items() if key not in ones}
        seen = frozenset(moment for moment in self.seen if _bit(f"s{moment}", depth))
        return ScoreState(zeros, self.seen - seen, self.last_own), ScoreState(ones, seen)

    def pack(self) -> bytes:
        """The state as bytes: the format number, then columns of like things, which compress well beside each other."""
        entries = sorted(self.entries.values())
        traces: dict[Trace, int] = {}
        digests: dict[bytes, int] = {}
        trace_numbers = [traces.setdefault(entry.trace, len(traces)) for entry in entries]
        digest_numbers = [digests.setdefault(value, len(digests)) for entry in entries for value in entry.values]
        moments, seen, names = [entry.at for entry in entries], sorted(self.seen), _Names.of(entries)
        unit = 1000 if all(moment % 1000 == 0 for moment in (*moments, *seen)) else 1
        firsts = [self.last_own, unit, moments[0] if moments else None, seen[0] if seen else None]
        header = [[_told_trace(trace) for trace in traces], names.templates, names.whole, *firsts]
        columns = [
            json.dumps(header, separators=(",", ":")).encode(),
            _bits(_deltas(moments, unit)),
            _bits(_deltas(seen, unit)),
            _bits(trace_numbers),
            _bits(digest_numbers),
            b"".join(digests),
            _bits(names.numbers),
            _bits(names.offsets),
            names.tails,
        ]
        return bytes([FORMAT]) + b"".join(_varint(len(column)) + column for column in columns)


def unpack(packed: bytes) -> ScoreState:
    """Read what `pack` wrote.

    Raises:
        UnknownFormat: it was written in another format.
    """
    if packed[:1] != bytes([FORMAT]):
        msg = f"a score state of format {packed[0] if packed else 'nothing'}, not {FORMAT}"
        raise UnknownFormat(msg)
    header, moments, seen, traces, numbers, digests, templates, offsets, tails = _columns(packed)
    told_traces, told_templates, whole, last_own, unit, first, first_seen = json.loads(header)
    known_traces = [_trace(*told) for told in told_traces]
    values = tuple([digests[number * _DIGEST : (number + 1) * _DIGEST] for number in _read_bits(numbers)])
    times = _summed(first, _read_bits(moments), unit)
    names = _Names(told_templates, whole, _read_bits(templates), _read_bits(offsets), tails)
    entries: dict[str, Entry] = {}
    start = 0
    for at, name, number in zip(times, names.ids(times), _read_bits(traces), strict=True):
        trace = known_traces[number]
        end = start + len(trace.fields)
        entries[name] = Entry(at, name, trace, values[start:end])
        start = end
    return ScoreState(entries, frozenset(_summed(first_seen, _read_bits(seen), unit)), last_own)


def _told_trace(trace: Trace) -> list[Any]:
    """A trace as JSON, without what it usually lacks."""
    told = [int(trace.own), trace.marks, trace.fields, trace.rank, trace.claims and json.loads(trace.claims)]
    if trace.adjustment:
        return [*told, trace.adjustment]
    return told if trace.claims else told[:3] if trace.fields else told[:2]


def _trace(  # noqa: PLR0917 - it is a row
    own: int,
    marks: list[str],
    fields: Sequence[str] = (),
    rank: int = 0,
    claims: Any = "",
    adjustment: tuple[str, str, int] | None = None,
) -> Trace:
    told = json.dumps(claims, sort_keys=True, separators=(",", ":")) if claims else ""
    return Trace(bool(own), tuple(marks), tuple(fields), rank, told, Adjustment(*adjustment) if adjustment else None)


def claims_of(state: ScoreState) -> list[Claim]:
    """Everything that was claimed, in order of (moment, id)."""
    claiming = (entry for entry in state.entries.values() if entry.trace.claims)
    return sorted(
        (Claim(entry.at, entry.id, entry.trace.rank, _claims(entry.trace.claims)) for entry in claiming),
        key=lambda claim: (claim.at, claim.id),
    )


def known_facts(state: ScoreState, at: Moment | None = None) -> Facts:
    """What is known of the lead, at a moment or from all that was ever claimed."""
    return known(claim for claim in claims_of(state) if at is None or claim.at <= at)


# --- columns ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Names:
    """Ids as columns: most end in 48 random bits and many carry their own milliseconds, near the activity's moment."""

    templates: Sequence[tuple[str, str | None]]
    whole: list[str]
    numbers: list[int]
    offsets: list[int]
    tails: bytes

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> _Names:
        templates: dict[tuple[str, str | None], int] = {}
        whole, numbers, offsets, tails = [], [], [], []
        for entry in entries:
            name, start = entry.id, len(entry.id) - _TAIL_LENGTH
            if start < 0 or not _SHORT_TAIL.fullmatch(name, start):
                whole.append(name)
                numbers.append(0)
                continue
            stamp = _MILLISECONDS.search(name, 0, start)
            template = (name[: stamp.start()], name[stamp.end() : start]) if stamp else (name[:start], None)
            numbers.append(templates.setdefault(template, len(templates) + 1))
            if stamp:
                offsets.append(int(stamp[0]) - entry.at // 1000)
            tails.append(name[start : start + 4] + name[start + 5 :])
        return cls(list(templates), whole, numbers, offsets, bytes.fromhex("".join(tails)))

    def ids(self, moments: Iterable[int]) -> Iterator[str]:
        whole, offsets, tails, start = iter(self.whole), iter(self.offsets), self.tails.hex(), 0
        for at, number in zip(moments, self.numbers, strict=True):
            if number == 0:
                yield next(whole)
                continue
            before, after = self.templates[number - 1]
            stamped = before if after is None else f"{before}{at // 1000 + next(offsets)}{after}"
            yield f"{stamped}{tails[start : start + 4]}~{tails[start + 4 : start + 12]}"
            start += 2 * _DIGEST


def _deltas(moments: list[int], unit: int) -> list[int]:
    return [(after - before) // unit for before, after in pairwise(moments)]


def _summed(first: int | None, deltas: list[int], unit: int) -> list[int]:
    return [] if first is None else list(accumulate(deltas, lambda at, delta: at + delta * unit, initial=first))


def _bits(numbers: list[int]) -> bytes:
    """Whole numbers as bits, by Rice's code: for each a run of ones, as often as the mean goes into it, then all rests.

    The smallest number is taken off all first; instead of the mean serves the power of two below it.
    """
    low = min(numbers, default=0)
    shifted = [number - low for number in numbers]
    kept = max(0, (sum(shifted) // max(1, len(shifted))).bit_length() - 1)
    runs = "".join([f"{'1' * (number >> kept)}0" for number in shifted])
    rests = "".join([f"{number & (1 << kept) - 1:0{kept}b}" for number in shifted]) if kept else ""
    text = f"1{runs}{rests}"
    head = _varint(len(numbers)) + _varint(low * 2 if low >= 0 else -low * 2 - 1) + bytes([kept])
    return head + int(text, 2).to_bytes(len(text) // 8 + 1, "big")


def _read_bits(column: bytes) -> list[int]:
    count, start = _read_varint(column, 0)
    coded, start = _read_varint(column, start)
    low, kept = (-(coded + 1) // 2 if coded & 1 else coded // 2), column[start]
    text = f"{int.from_bytes(column[start + 1 :], 'big'):b}"
    edge = len(text) - count * kept
    runs = text[1:edge].split("0")[:count]
    if not kept:
        return [low + len(run) for run in runs]
    rests = range(edge, len(text), kept)
    return [low + (len(run) << kept) + int(text[rest : rest + kept], 2) for run, rest in zip(runs, rests, strict=True)]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:  # noqa: PLR2004
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, start: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[start]
        number |= (byte & 127) << shift
        start, shift = start + 1, shift + 7
        if byte < 128:  # noqa: PLR2004
            return number, start


def _columns(packed: bytes) -> Iterator[bytes]:
    start = 1
    while start < len(packed):
        length, start = _read_varint(packed, start)
        yield packed[start : start + length]
        start += length
