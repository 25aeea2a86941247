"""CloudEvents 1.0 by HTTP, by which other systems tell activities without AWS: as on the bus, with a secret key.

| mode | `Content-Type` | carries |
|---|---|---|
| structured | `application/cloudevents+json` | the event as a JSON object |
| batched | `application/cloudevents-batch+json` | up to 500 of them as a list |
| binary | of the data: JSON | `data` alone; the attributes stand in headers, `ce-id` and so on, percent-encoded |

Where neither the type nor a header tells, the body does: an object is an event, a list a batch.

| attribute | becomes |
|---|---|
| `id`, `source` | together the activity's id, and `source` who tells it |
| `type` | the activity's type, as the settings' catalogue has it, else in snake_case |
| `time` | when it happened; when it was received if it is missing |
| `data`, `data_base64` | what else `ActivitySubmitted` says on the bus: who did it, properties, facts, consent |

All other attributes are left alone. The handshake by OPTIONS, in which a receiver agrees to be sent events, has no
route: where an HTTP API has CORS it answers OPTIONS itself.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.adapters.catalogue import Catalogue
from shared.adapters.http_api import BATCH_LIMIT, SINGLE_LIMIT, HttpRequest
from shared.adapters.segment import MAX_BATCH, validation_fault
from shared.adapters.strict_json import check_text, read_json, size
from shared.adapters.submitted_activities import (
    ACTIVITY_TYPE,
    SubmittedDetail,
    event_id,
    read_moment,
    read_teller,
    submitted_activity,
)
from shared.domain.activity import Activity, Json
from shared.domain.admission import Rejection, Source, Unreadable
from shared.domain.moments import Moment
from shared.domain.refusals import Forbidden, Invalid, Malformed, Refused, TooLarge, UnsupportedMedia

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"

_ANY = "application/cloudevents"
_ATTRIBUTE = "ce-"
_MAX_ID = 200
"""Characters of an event's id that a refusal repeats."""

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLACES = {"event": "type", "identity": "data", "timestamp": "time"}
"""Where an event has what is told of an activity at another place."""


class CloudEvent(BaseModel):
    """An event as CloudEvents 1.0 writes it in JSON. Extension attributes are left alone."""

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True)

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)] = Field(description="The same id of the same source again changes nothing.")
    source: Annotated[str, Field(min_length=1, max_length=1000)] = Field(description="Who tells it.")
    type: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="The activity type by the settings' catalogue, else in snake_case."
    )
    time: str | None = Field(None, description="When it happened: ISO 8601 with an offset; now when missing.")
    data: SubmittedDetail | None = None
    data_base64: str | None = Field(None, description="In place of `data`: the same JSON in base64.")


@dataclass(frozen=True, slots=True)
class CloudEvents:
    """The events of one request, unchecked: one alone, or those of a batch."""

    events: list[Json]
    batched: bool = False

    def place(self, index: int) -> str:
        """Where in the body an event stands: nowhere in particular if it came alone."""
        return f"[{index}]" if self.batched else ""


def read_events(request: HttpRequest) -> CloudEvents:
    """The events that a request carries, unchecked.

    Raises:
        Malformed, TooLarge: the request cannot be read, or holds more than `MAX_BATCH` events.
        Invalid: it is JSON and neither an event nor a batch.
        UnsupportedMedia: its events are in another format than JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith(_ANY) and kind not in {STRUCTURED, BATCHED}:
        msg = f"events are read as {STRUCTURED} or {BATCHED}, or as JSON with their attributes in `ce-` headers"
        raise UnsupportedMedia(msg, "content-type")
    if not kind.startswith(_ANY) and any(name.startswith(_ATTRIBUTE) for name in request.headers):
        return CloudEvents([_binary(request)])
    body = request.body(SINGLE_LIMIT if kind == STRUCTURED else BATCH_LIMIT)
    told = read_json(body)
    if isinstance(told, list) and kind != STRUCTURED:
        if len(told) > MAX_BATCH:
            msg = f"a batch holds at most {MAX_BATCH} events"
            raise TooLarge(msg)
        return CloudEvents(told, batched=True)
    if not isinstance(told, dict) or kind == BATCHED:
        msg = "a batch is a JSON list of events" if kind == BATCHED else "an event is a JSON object"
        raise Invalid(msg)
    return CloudEvents([told])


class CloudEventReader:
    """Reads the events of one request.

    Raises:
        Forbidden: its source may not send events.
    """

    def __init__(self, source: Source, received_at: Moment, catalogue: Catalogue) -> None:
        if not (source.joins and source.asserts):
            msg = "events are sent with a secret key: what they say of people is believed"
            raise Forbidden(msg)
        self._received_at = received_at
        self._catalogue = catalogue

    def read(self, sent: CloudEvents) -> list[Activity | Unreadable]:
        """The activities of the events, in their order."""
        return [self._read(event, sent.place(index)) for index, event in enumerate(sent.events)]

    def _read(self, event: Json, place: str) -> Activity | Unreadable:
        try:
            return self._activity(event)
        except Refused as reason:
            reason.at = ".".join(filter(None, (place, reason.at))) or None
            return Unreadable(_told_id(event), reason.alone())

    def _activity(self, told: Json) -> Activity:
        if not isinstance(told, dict):
            msg = "an event is a JSON object"
            raise Invalid(msg)
        if size(told) > SINGLE_LIMIT:
            msg = f"one event has at most {SINGLE_LIMIT} bytes"
            raise TooLarge(msg)
        try:
            event = CloudEvent.model_validate(_with_data(told))
        except ValidationError as error:
            raise validation_fault(error, CloudEvent) from error
        kind = self._type(event.type)
        occurred_at = read_moment(event.time, "time") if event.time else self._received_at
        source = read_teller(event.source)
        try:
            return submitted_activity(
                event.data or SubmittedDetail(),
                kind,
                id_=event_id(event.source, event.id),
                source=source,
                occurred_at=occurred_at,
                received_at=self._received_at,
            )
        except Refused as reason:
            reason.at = ".".join(filter(None, ("data", reason.at)))
            raise

    def _type(self, told: str) -> str:
        try:
            kind = self._catalogue.type_of(told)
        except Refused as reason:
            reason.at = "type"
            raise
        if not re.fullmatch(ACTIVITY_TYPE, kind):
            msg = "the type makes no activity type, such as invoice_paid; the settings' `catalogue` can give it one"
            raise Invalid(msg, "type")
        return kind


def as_sent(rejections: Iterable[Rejection], sent: CloudEvents) -> list[Rejection]:
    """The rejections of events in their sender's words: the id, and the place of the fault, that the event has."""
    told = []
    for rejection in rejections:
        if found := _PLACES.get(rejection.reason.at or ""):
            rejection.reason.at = ".".join(filter(None, (sent.place(rejection.index), found)))
        told.append(replace(rejection, id=_told_id(sent.events[rejection.index])))
    return told


def _binary(request: HttpRequest) -> Json:
    """An event whose attributes are headers and whose data is the body, as it would be structured."""
    event: dict[str, Json] = {
        name.removeprefix(_ATTRIBUTE): _attribute(name, value)
        for name, value in request.headers.items()
        if name.startswith(_ATTRIBUTE)
    }
    body = request.body(SINGLE_LIMIT)
    return event | {"data": _data(body, "data") if body.strip() else None, "data_base64": None}


def _attribute(name: str, value: str) -> str:
    """What a header says: quotes undone, then what is percent-encoded."""
    quoted = _QUOTED.fullmatch(value)
    try:
        text = unquote(re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value, errors="strict")
    except UnicodeDecodeError as error:
        msg = "the header is percent-encoded and not UTF-8"
        raise Malformed(msg, name) from error
    check_text(text, name)
    return text


def _with_data(event: Mapping[str, Json]) -> Mapping[str, Json]:
    """The event with its data as JSON, however it came."""
    packed = event.get("data_base64")
    if not isinstance(packed, str):
        return event
    if event.get("data") is not None:
        msg = "an event has `data` or `data_base64`"
        raise Invalid(msg, "data_base64")
    try:
        body = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        msg = "it is not base64"
        raise Malformed(msg, "data_base64") from error
    return {**event, "data": _data(body, "data_base64"), "data_base64": None}


def _data(body: bytes, at: str) -> Json:
    try:
        return read_json(body)
    except Refused as reason:
        reason.at = ".".join(filter(None, (at, reason.at)))
        raise


def _told_id(event: Json) -> str | None:
    told = event.get("id") if isinstance(event, dict) else None
    return told[:_MAX_ID] if isinstance(told, str) else None
