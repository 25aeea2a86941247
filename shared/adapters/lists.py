"""Lists, such as the visitors of a trade show: a table with a line for each thing that somebody did.

A list comes as CSV (`sheets.py`) or as JSON objects, one for each line; `headings.py` says what its columns become.
What is in a cell stays the text that it is, but in a column of numbers (`local_numbers.py`). Columns whose headings
stand in `OWN_HEADINGS` are Baton's own and no part of a line's content.

An activity's id follows from what its line says (who, what, when, by which channel, the wording that was agreed to and
every field that becomes something), so that the same list twice, in another order, in other parts or saved by another
program changes nothing. Of lines that say the same, `copy` tells one from the other.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.adapters.answers import DENIED, GRANTED, read_fact
from shared.adapters.catalogue import Catalogue
from shared.adapters.email_addresses import email_identity, user_identity
from shared.adapters.headings import LEFT_OUT, NUMBER, mapping_of
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest
from shared.adapters.local_dates import DateOrder, read_local_date, time_zone
from shared.adapters.local_numbers import AmbiguousNumber, DecimalSign, read_local_number, whole_if_exact
from shared.adapters.names import snake_case
from shared.adapters.segment import validation_fault
from shared.adapters.sheets import COPY, LINE, MAX_COLUMNS, OWN_HEADINGS, read_sheet, too_many_columns
from shared.adapters.strict_json import check_text, decode, read_json
from shared.domain.activity import (
    ALIASED,
    BY_PEOPLE_ONLY,
    GROUPED,
    IDENTIFIED,
    Activity,
    Claims,
    Identity,
    IdentityKind,
    Json,
    strongest_first,
)
from shared.domain.admission import Rejection, Source, Unreadable
from shared.domain.moments import DAY, Moment, MomentError, format_moment
from shared.domain.refusals import Forbidden, Invalid, OverBudget, Refused, TooLarge

MAX_LINES = 500
"""Lines in one request; a longer list is sent in parts."""

_TOLERANCE = DAY
"""How far ahead a line's moment may lie: a date without an offset is a day's beginning somewhere on earth."""

_AGE = "timestamp"
"""Where an activity is told to have its moment, whatever it came in."""
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,99}")
_MAX_ID = 200
_MAX_NAME = 256
_MAX_COPY = 1_000_000_000

Text = Annotated[str, Field(min_length=1, max_length=200)]


class ListOptions(BaseModel):
    """How a list is to be read."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True, populate_by_name=True)

    kind: Text | None = Field(
        None, alias="as", description="The activity type of every line, such as trade_show; or map a column to `type`."
    )
    map: dict[str, str] = Field({}, description="What columns become, by their headings; the others are guessed.")
    dates: DateOrder | None = Field(None, description="Without it, dates that could be two days are refused.")
    decimal: DecimalSign | None = Field(
        None, description="The sign of decimals. Without it, numbers are refused that could have thousands parted."
    )
    timezone: Text = Field("UTC", description="Of dates without an offset: +01:00 or Europe/Berlin.")
    at: Text | None = Field(None, description="When it happened, for lines that do not tell.")
    channel: Text | None = None
    consent_wording: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        None, description="What the people agreed to whose consent the list tells."
    )
    consent_version: Text | None = None
    dry_run: bool = Field(default=False, description="Only say what would be refused.")


class ImportRequest(ListOptions):
    """Up to 500 lines of a list, each with its fields by their headings."""

    lines: list[dict[str, Any]] = Field(description="Fields are text, numbers, true, false or null.")
    headings: list[str] = Field([], description="Of every column, where lines leave out what is empty.")
    write_key: str | None = Field(None, alias="writeKey", description="Instead of HTTP Basic authorization.")


class ImportQuery(ListOptions):
    """The options of a list that is sent as CSV; `map` is a JSON object."""

    delimiter: Literal[",", ";", "\t", "|"] | None = Field(None, description="Found by itself when it is missing.")


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says, by heading; or `fault`, by which it is none.

    `copy` is how many lines before it say the same, counted among those of its request where it is not told.
    """

    number: int
    fields: Mapping[str, Json]
    copy: int | None = None
    fault: Refused | None = None


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list that was sent: how it is to be read, what its columns are called, and its lines."""

    options: ListOptions
    headings: list[str]
    lines: list[Line]
    write_key: str | None = None


def read_list(request: HttpRequest, limit: int) -> ListRequest:
    """The list that a request carries: a JSON object with `lines`, or CSV with its options in the query.

    Raises:
        Malformed, TooLarge, Invalid: the list as a whole cannot be read.
    """
    body = request.body(limit)
    is_csv = "csv" in request.headers.get("content-type", "").lower()
    if not is_csv and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _from_json(read_json(body))
    return _from_csv(decode(body), request.query())


def _from_json(payload: Json) -> ListRequest:
    if isinstance(payload, dict) and isinstance(payload.get("lines"), list) and len(payload["lines"]) > MAX_LINES:
        raise _too_many()
    try:
        asked = ImportRequest.model_validate(payload)
    except ValidationError as error:
        raise validation_fault(error, ImportRequest) from error
    lines = []
    headings = dict.fromkeys(asked.headings)
    for place, fields in enumerate(asked.lines, start=1):
        number = _whole(fields, LINE, place)
        lines.append(Line(place if number is None else number, fields, _whole(fields, COPY, place)))
        headings.update(dict.fromkeys(fields))
    told = _told(headings)
    if len(told) > MAX_COLUMNS:
        raise too_many_columns()
    return ListRequest(asked, told, lines, asked.write_key)


def _from_csv(text: str, query: Mapping[str, str]) -> ListRequest:
    told: dict[str, Any] = dict(query)
    if "map" in told:
        told["map"] = read_json(query["map"].encode())
    if "dry_run" in told:
        told["dry_run"] = {"true": True, "false": False}.get(query["dry_run"], query["dry_run"])
    try:
        asked = ImportQuery.model_validate(told)
    except ValidationError as error:
        raise validation_fault(error, ImportQuery) from error
    sheet = read_sheet(io.StringIO(text, newline=""), asked.delimiter)
    lines: list[Line] = []
    for row in sheet.rows:
        if len(lines) == MAX_LINES:
            raise _too_many()
        try:
            lines.append(Line(row.number, sheet.fields(row)))
        except Refused as reason:
            lines.append(Line(row.number, {}, fault=reason))
    return ListRequest(asked, _told(sheet.headings), lines)


def _told(headings: Iterable[str]) -> list[str]:
    """The headings under which a line says something."""
    return [name for name in headings if name not in OWN_HEADINGS]


def _too_many() -> TooLarge:
    return TooLarge(f"a request holds at most {MAX_LINES} lines of a list", "lines")


def _whole(fields: Mapping[str, Json], name: str, place: int) -> int | None:
    value = fields.get(name)
    if value is None or (type(value) is int and 0 <= value <= _MAX_COPY):
        return value
    msg = f"{name} is a whole number"
    raise Invalid(msg, f"lines[{place - 1}].{name}")


class ListReader:
    """Reads the lines of one list. `mapping` says for each heading what the column is, `at` when lines occurred that
    do not tell.

    Raises:
        Forbidden: its source may not send lists, or no source may say what it says.
        Invalid: the options lack what such a list needs, or contradict each other.
    """

    def __init__(
        self,
        options: ListOptions,
        headings: Iterable[str],
        source: Source,
        received_at: Moment,
        catalogue: Catalogue,
    ) -> None:
        if not (source.joins and source.asserts):
            msg = "a list is sent with a secret key: what it says of people is believed"
            raise Forbidden(msg)
        self.mapping = mapping_of(headings, options.map)
        self._options = options
        self._source = source
        self._received_at = received_at
        self._catalogue = catalogue
        self._columns = {target.removesuffix(NUMBER): name for name, target in self.mapping.items() if target}
        self._zone = _zone(options.timezone)
        self._seen: Counter[str] = Counter()
        self.at = self._moment(options.at, "at") if options.at else None
        self._check()

    def read(self, line: Line) -> Activity | Unreadable:
        """The activity that a line tells."""
        if line.fault:
            return Unreadable(None, line.fault)
        try:
            return self._activity(line)
        except Refused as reason:
            return Unreadable(None, reason.alone())

    def answer(self, lines: Sequence[Line], rejections: Iterable[Rejection]) -> dict[str, Json]:
        """What the sender is told: of `lines` those that were rejected, each with the place of the fault in it.

        Where there was no budget left for some, `retry_after` tells in how many seconds there is.
        """
        rejections = list(rejections)
        waits = [each.reason.details["retry_after"] for each in rejections if isinstance(each.reason, OverBudget)]
        refused = [
            {
                "line": lines[rejection.index].number,
                "code": rejection.reason.code,
                "message": rejection.reason.message,
                "at": self._columns.get("occurred_at", "at") if rejection.reason.at == _AGE else rejection.reason.at,
            }
            for rejection in rejections
        ]
        return {
            "success": True,
            "dry_run": self._options.dry_run,
            "lines": len(lines),
            "taken": len(lines) - len(refused),
            "refused": refused,
            "map": self.mapping,
            **({"retry_after": max(waits)} if waits else {}),
        }

    def _check(self) -> None:
        kind = self._options.kind
        if kind is None and "type" not in self._columns:
            msg = "say what the people did: `as` names the activity type, such as trade_show"
            raise Invalid(msg, "as")
        if kind is not None:
            _check_type(kind)
        if self.at is None and "occurred_at" not in self._columns:
            msg = "say when it happened: map a column to occurred_at, or give `at`, such as 2026-03-01"
            raise Invalid(msg, "at")
        if "consent" in self._columns and not (self._options.consent_wording and self._options.consent_version):
            msg = (
                f"the column {self._columns['consent']!r} tells consent: say what people agreed to with "
                "`consent_wording` and `consent_version`, or leave the column out"
            )
            raise Invalid(msg, "consent_wording")

    def _activity(self, line: Line) -> Activity:
        fields = self._fields(line)
        told = self._text(fields, "type") or ""
        kind = self._kind(told)
        identities = self._identities(fields)
        moment = self._occurred_at(fields)
        consent = self._consent(fields)
        own_id = self._text(fields, "id")
        if own_id is not None and len(own_id) > _MAX_ID:
            msg = f"an id has at most {_MAX_ID} characters"
            raise Invalid(msg, self._columns["id"])
        facts: dict[str, dict[str, Json]] = {"lead": {}, "company": {}, "qualification": {}, "properties": {}}
        for target, value in fields.items():
            about, dot, what = target.partition(".")
            if dot:
                facts[about][what] = read_fact(value) if about == "qualification" else value
        said = facts.pop("properties")
        channel = self._text(fields, "channel") or self._options.channel
        if consent == "granted":
            said = said | {
                "consent": {"wording": self._options.consent_wording, "version": self._options.consent_version}
            }
        # Imported again with another channel or wording, the line says something else, and is not taken for known.
        content = _content([told or kind, channel, consent, said.get("consent")], identities, moment, fields)
        copy = line.copy
        if copy is None:
            copy = self._seen[content]
            self._seen[content] += 1
        return Activity(
            id=own_id or _id(content, copy),
            type=kind,
            occurred_at=moment,
            received_at=self._received_at,
            identities=identities,
            rank=self._source.rank,
            channel=channel,
            source=self._source.name,
            properties=said,
            claims=Claims(**facts, consent=consent),
            own=kind != IDENTIFIED,
        )

    def _fields(self, line: Line) -> dict[str, Json]:
        """What the line says by target, in the order of the columns, without what says nothing."""
        if sum(len(str(value).encode("utf-8", "surrogatepass")) for value in line.fields.values()) > SINGLE_LIMIT:
            msg = f"one line has at most {SINGLE_LIMIT} bytes"
            raise TooLarge(msg)
        fields: dict[str, Json] = {}
        for name, target in self.mapping.items():
            value = line.fields.get(name)
            if isinstance(value, str):
                check_text(value, name)
                value = value.strip()
            elif isinstance(value, dict | list):
                msg = "a field of a list holds text, a number, true or false"
                raise Invalid(msg, name)
            if target != LEFT_OUT and value is not None and value != "":
                fields[target.removesuffix(NUMBER)] = self._number(value, name) if target.endswith(NUMBER) else value
        return fields

    def _number(self, value: Json, at: str) -> Json:
        if isinstance(value, float):
            return whole_if_exact(value)
        try:
            return read_local_number(value, self._options.decimal) if isinstance(value, str) else value
        except AmbiguousNumber as error:
            raise Invalid(str(error), at) from error

    def _text(self, fields: Mapping[str, Json], target: str) -> str | None:
        value = fields.get(target)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            msg = "it is text"
            raise Invalid(msg, self._columns[target])
        return str(value)

    def _kind(self, told: str) -> str:
        if not told:
            if self._options.kind is None:
                msg = "the line does not tell what happened"
                raise Invalid(msg, self._columns["type"])
            return self._options.kind
        if told == IDENTIFIED:
            return IDENTIFIED  # as with `as`; the name of an event it cannot be
        try:
            kind = self._catalogue.type_of(told)
            _check_type(kind)
        except Refused as reason:
            reason.at = self._columns["type"]
            raise
        return kind

    def _identities(self, fields: Mapping[str, Json]) -> tuple[Identity, ...]:
        named: list[Identity] = []
        if address := self._text(fields, "email"):
            named.append(email_identity(address, self._columns["email"]))
        for kind in (IdentityKind.USER_ID, IdentityKind.ANONYMOUS_ID):
            if name := self._text(fields, kind.value):
                if len(name) > _MAX_NAME:
                    msg = f"a name has at most {_MAX_NAME} characters"
                    raise Invalid(msg, self._columns[kind.value])
                by_user = user_identity(name) if kind is IdentityKind.USER_ID else None
                named.append(by_user or Identity(kind, name))
        if not named:
            columns = [self._columns[kind.value] for kind in IdentityKind if kind.value in self._columns]
            msg = f"the line names nobody: nothing stands under {' or '.join(map(repr, columns))}"
            raise Invalid(msg, columns[0])
        return strongest_first(tuple(named))

    def _occurred_at(self, fields: Mapping[str, Json]) -> Moment:
        told = self._text(fields, "occurred_at")
        if told is not None:
            return self._moment(told, self._columns["occurred_at"])
        if self.at is None:
            msg = "the line does not tell when it happened"
            raise Invalid(msg, self._columns["occurred_at"])
        return self.at

    def _moment(self, text: str, at: str) -> Moment:
        try:
            moment = read_local_date(text, self._options.dates, self._zone)
        except MomentError as error:
            raise Invalid(str(error), at) from error
        if moment > self._received_at + _TOLERANCE:
            msg = f"{text.strip()[:40]!r} is {format_moment(moment)}, and a list tells what has happened already"
            raise Invalid(msg, at)
        return moment

    def _consent(self, fields: Mapping[str, Json]) -> Literal["granted", "denied"] | None:
        told = fields.get("consent")
        if told is None:
            return None
        word = str(told).casefold()
        if word in GRANTED:
            return "granted"
        if word in DENIED:
            return "denied"
        msg = f"{str(told)[:40]!r} is neither a yes nor a no: write granted or denied"
        raise Invalid(msg, self._columns["consent"])


def _check_type(kind: str) -> None:
    if kind in BY_PEOPLE_ONLY:
        msg = f"no list tells {kind}: signed-in people decide it"
        raise Forbidden(msg, "as")
    if kind in {GROUPED, ALIASED}:
        msg = f"no list tells {kind}: `identified` tells facts of people and companies, and who is who"
        raise Invalid(msg, "as")
    if not _TYPE.fullmatch(kind):
        meant = snake_case(kind)
        hint = f"write {meant}" if _TYPE.fullmatch(meant) else "write it in small letters, such as trade_show"
        msg = f"{kind[:100]!r} is no activity type: {hint}"
        raise Invalid(msg, "as")


def _content(said: list[Json], identities: tuple[Identity, ...], moment: Moment, fields: Mapping[str, Json]) -> str:
    """What a line says, as one text, which is the same whether a value came as JSON or as a cell of CSV."""
    spoken_for = {"email", "user_id", "anonymous_id", "occurred_at", "type", "id", "channel", "consent"}
    rest = {target: _written(value) for target, value in fields.items() if target not in spoken_for}
    return json.dumps([said, [identity.key for identity in identities], moment, rest], sort_keys=True)


def _written(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _id(content: str, copy: int) -> str:
    return hashlib.sha256(f"{copy} {content}".encode()).hexdigest()[:32]


def _zone(name: str) -> tzinfo:
    try:
        return time_zone(name)
    except MomentError as error:
        raise Invalid(str(error), "timezone") from error
