"""Segment's tracking API, which RudderStack and Customer.io speak too: its calls as activities.

| call | activity type | what else it says |
|---|---|---|
| track | the event's name in snake_case, or as the catalogue has it | `properties` |
| page, screen | `page_viewed`, `screen_viewed` | `properties.path`, `url`, `title`, if need be from `context.page` |
| identify | `identified` | `traits`, or `context.traits`, are facts of the lead, and `traits.company` of its company |
| group | `grouped` | `traits` are facts of the company, its own `email` among them |
| alias | `aliased` | `previousId` and `userId` are one person; a public key only attaches a browser |

`traits.consent` is `granted` or `denied`, or an object with that as `status` and with the `wording`, `version` and
`source` that go with it; a public key only denies. `traits.qualification` (`authority`, `budget`, `need`, `timeline`)
is for secret keys only. The person is named by `traits.email`, by a `userId` (which may be an e-mail address), by an
`anonymousId`, and, where nothing else tells who it is, by `properties.email`. From a source that joins nobody an
address beside a `userId` is no name: by an identify call it is the fact `lead.email`, by any other nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.adapters.answers import read_fact
from shared.adapters.catalogue import Catalogue
from shared.adapters.crawlers import names_itself_crawler
from shared.adapters.email_addresses import email_identity, user_identity
from shared.adapters.http_api import MAX_AGENT, SINGLE_LIMIT, Reply, error_reply, json_reply
from shared.adapters.names import snake_keys
from shared.adapters.strict_json import read_json, size
from shared.domain.activity import (
    ALIASED,
    GROUPED,
    IDENTIFIED,
    Activity,
    Claims,
    Identity,
    IdentityKind,
    Json,
    Rank,
    strongest_first,
)
from shared.domain.admission import Rejection, Source, Unreadable
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.network import network_address
from shared.domain.refusals import Invalid, Refused, TooLarge

MAX_BATCH = 500
"""Activities in one batch; the clients send at most 100."""

MAX_NAME = 256
"""Characters of what a user or a browser is called."""

MOST_IN_OTHER_LETTERS = 10
"""E-mail addresses in other letters than plain ones in one public request: to tell whether they are any takes time."""

_log = logging.getLogger(__name__)

_CONTEXT = {
    "campaign": "campaign",
    "locale": "locale",
    "page": "page",
    "referrer": "referrer",
    "timezone": "timezone",
}
_PAGE = ("path", "url", "title", "referrer", "search")
_QUALIFICATION = {"authority", "budget", "need", "timeline"}
_COMPANY = {"employee_count": "employees"}
_SHOWN = ("wording", "version", "source")
"""What may be told of a consent besides its status: what stood before the person, and who has it from them."""

_BRANCHES = frozenset({"constrained-str", "str", "int", "float"})
"""What pydantic adds to a place where several types may stand; no key is called so."""

MessageId = Annotated[str, Field(min_length=1, max_length=200)] | int
Name = Annotated[str, Field(max_length=MAX_NAME)] | int


def _empty_object(value: Json) -> Json:
    """An object, though it was empty: PHP writes an array without keys as `[]`."""
    return {} if value == [] else value


Object = Annotated[dict[str, Any], BeforeValidator(_empty_object)]


class _Call(BaseModel):
    """What every call carries. Unknown keys are left alone, as the clients send many."""

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True, populate_by_name=True)

    activity: ClassVar[str | None] = None
    channel: ClassVar[str | None] = None
    own: ClassVar[bool] = True

    message_id: MessageId | None = Field(None, alias="messageId", description="The same id again changes nothing.")
    timestamp: str | None = Field(None, description="When it happened: ISO 8601 with an offset; now when missing.")
    original_timestamp: str | None = Field(None, alias="originalTimestamp")
    user_id: Name | None = Field(None, alias="userId")
    anonymous_id: Name | None = Field(None, alias="anonymousId")
    context: Object | None = None
    properties: Object | None = None
    traits: Object | None = None
    write_key: str | None = Field(None, alias="writeKey", description="Instead of HTTP Basic authorization.")


class TrackRequest(_Call):
    """Somebody did something."""

    type: Literal["track"] = "track"
    event: Annotated[str, Field(min_length=1, max_length=200)]


class PageRequest(_Call):
    """Somebody saw a page of a website."""

    activity = "page_viewed"
    channel = "website"

    type: Literal["page"] = "page"
    name: str | None = None
    category: str | None = None


class ScreenRequest(_Call):
    """Somebody saw a screen of an app."""

    activity = "screen_viewed"
    channel = "app"

    type: Literal["screen"] = "screen"
    name: str | None = None
    category: str | None = None


class IdentifyRequest(_Call):
    """Who somebody is, and what is known of them and of their company."""

    activity = IDENTIFIED
    own = False

    type: Literal["identify"] = "identify"


class GroupRequest(_Call):
    """Which company somebody belongs to, and what is known of it."""

    activity = GROUPED
    own = False

    type: Literal["group"] = "group"
    group_id: Name | None = Field(None, alias="groupId")


class AliasRequest(_Call):
    """Two names of one person."""

    activity = ALIASED
    own = False

    type: Literal["alias"] = "alias"
    previous_id: Name | None = Field(None, alias="previousId", description="`anonymousId` when missing.")


class BatchRequest(BaseModel):
    """Up to 500 calls at once, each with its `type`."""

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True, populate_by_name=True)

    batch: list[
        Annotated[
            TrackRequest | PageRequest | ScreenRequest | IdentifyRequest | GroupRequest | AliasRequest,
            Field(discriminator="type"),
        ]
    ] = Field(max_length=MAX_BATCH)
    context: Object | None = Field(None, description="Goes for every call that has none.")
    write_key: str | None = Field(None, alias="writeKey", description="Instead of HTTP Basic authorization.")


_CALLS: dict[str, type[_Call]] = {
    "track": TrackRequest,
    "page": PageRequest,
    "screen": ScreenRequest,
    "identify": IdentifyRequest,
    "group": GroupRequest,
    "alias": AliasRequest,
}


class SegmentReader:
    """Reads the calls of one request. `request_id` names those that carry neither an id nor a moment of their own.

    `address` and `agent` are the network address and the program that sent the request. A server sends for others: with
    a secret key they count for nothing, and the call's own `context.ip` and `context.userAgent` tell of the person.
    """

    def __init__(
        self,
        source: Source,
        received_at: Moment,
        request_id: str,
        catalogue: Catalogue,
        *,
        address: str | None = None,
        agent: str | None = None,
    ) -> None:
        self._source = source
        self._received_at = received_at
        self._request_id = request_id
        self._catalogue = catalogue
        self._in_other_letters: set[str] = set()
        self._address = address
        self._agent = agent

    def read(self, call: str, payload: Mapping[str, Json]) -> list[Activity | Unreadable]:
        """The activities of a request to `/v1/{call}`; for `batch` one for each of its messages, in their order.

        Raises:
            Invalid: the batch as a whole is not one.
            TooLarge: it holds more than `MAX_BATCH` messages.
        """
        if call != "batch":
            return [self._message({**payload, "type": call}, 0, "")]
        messages = payload.get("batch")
        if not isinstance(messages, list):
            msg = "a batch holds a list of messages under `batch`"
            raise Invalid(msg, "batch")
        if len(messages) > MAX_BATCH:
            msg = f"a batch holds at most {MAX_BATCH} messages"
            raise TooLarge(msg, "batch")
        common = payload.get("context")
        oversize = size(payload) > SINGLE_LIMIT
        read: list[Activity | Unreadable] = []
        for index, message in enumerate(messages):
            at = f"batch[{index}]"
            if oversize and size(_alone(message)) > SINGLE_LIMIT:
                read.append(Unreadable(_id(message), TooLarge(f"one activity has at most {SINGLE_LIMIT} bytes", at)))
            elif isinstance(message, dict) and isinstance(common, dict) and "context" not in message:
                read.append(self._message({**message, "context": common}, index, at))
            else:
                read.append(self._message(message, index, at))
        return read

    def _message(self, message: Json, index: int, at: str) -> Activity | Unreadable:
        try:
            call = _validated(message)
            self._count_other_letters(call)
            return self._activity(call, message, index)
        except Refused as reason:
            reason.at = ".".join(filter(None, (at, reason.at))) or None
            return Unreadable(_id(message), reason.alone())

    def _count_other_letters(self, call: _Call) -> None:
        if self._source.rank >= Rank.TRUSTED:
            return
        for text in _maybe_addresses(call):
            if text.isascii() or text in self._in_other_letters:
                continue
            if len(self._in_other_letters) == MOST_IN_OTHER_LETTERS:
                msg = f"with a public key a batch names at most {MOST_IN_OTHER_LETTERS} addresses in other letters"
                raise TooLarge(msg)
            self._in_other_letters.add(text)

    def _activity(self, call: _Call, message: Mapping[str, Json], index: int) -> Activity:
        moment = call.timestamp or call.original_timestamp
        return Activity(
            id=_hash(message, moment or f"{self._request_id}.{index}")
            if call.message_id is None
            else str(call.message_id),
            type=call.activity or self._type(call),
            occurred_at=_moment(moment) if moment else self._received_at,
            received_at=self._received_at,
            identities=_identities(call, joins=self._source.joins),
            rank=self._source.rank,
            channel=_channel(call),
            source=self._source.name,
            properties=_properties(call),
            context=self._context(call.context or {}),
            claims=_claims(call, joins=self._source.joins),
            own=call.own,
        )

    def _context(self, told: Mapping[str, Json]) -> dict[str, Json]:
        context = {ours: told[theirs] for theirs, ours in _CONTEXT.items() if told.get(theirs)}
        is_public = self._source.rank < Rank.TRUSTED
        agent = told.get("userAgent")
        if not isinstance(agent, str) or not agent.strip():
            agent = self._browser(told) if is_public else None
        address = self._address if is_public else network_address(told.get("ip"))
        if agent:
            context["user_agent"] = agent[:MAX_AGENT]
        return context | ({"address": address} if address else {})

    def _browser(self, told: Mapping[str, Json]) -> str | None:
        """The program that sent a public request, as far as it tells of the person.

        A library that names itself is in an app, whose requests no browser sends: what fetches pages for it says
        nothing, unless it is a crawler that says so by name.
        """
        if told.get("library") and not names_itself_crawler(self._agent or ""):
            return None
        return self._agent

    def _type(self, call: _Call) -> str:
        return self._catalogue.type_of(call.event if isinstance(call, TrackRequest) else "")


def read_payload(body: bytes) -> dict[str, Json]:
    """The JSON object that a request carries.

    Raises:
        Malformed, TooLarge: the body cannot be read.
        Invalid: it is JSON and no object.
    """
    payload = read_json(body)
    if not isinstance(payload, dict):
        msg = "the body is a JSON object"
        raise Invalid(msg)
    return payload


def refusals(rejections: Iterable[Rejection]) -> list[dict[str, Json]]:
    """What was not taken of what was sent, and why, as an answer lists it."""
    return [
        {
            "index": rejection.index,
            "message_id": rejection.id,
            "code": rejection.reason.code,
            "reason": rejection.reason.message,
            "at": rejection.reason.at,
        }
        for rejection in rejections
    ]


def segment_reply(call: str, sent: int, rejections: Sequence[Rejection]) -> Reply:
    """Exactly 200 when anything was taken, with what was not; the first reason as an error when nothing was."""
    refused = refusals(rejections)
    if refused:
        _log.info(
            "refused %d of %d: %s", len(refused), sent, ", ".join(sorted({each.reason.code for each in rejections}))
        )
    if refused and len(refused) == sent:
        reason = rejections[0].reason
        if call == "batch":
            reason.details["refused"] = refused
        return error_reply(reason)
    return json_reply(200, {"success": True} | ({"refused": refused} if refused else {}))


def validation_fault(error: ValidationError, model: type[BaseModel] | None = None) -> Invalid:
    """The first thing that a model has against what was sent, or before it a key that there is not.

    Such a key is told with the nearest one of the `model`: what is missing is often what it was meant for.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    place = [str(part) for part in first["loc"] if part not in _BRANCHES]
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = _no_such_key(place[-1], _keys_at(model, place[:-1]))
    return Invalid(message, ".".join(place) or None)


def _keys_at(model: type[BaseModel] | None, place: Sequence[str]) -> list[str]:
    """The keys of the object at a place in what a model describes; none where they are not known."""
    for step in place:
        kind = model.model_fields[step].annotation if model and step in model.model_fields else None
        parts = (each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, BaseModel))
        model = next(parts, None)
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def _no_such_key(strange: str, known: Sequence[str]) -> str:
    # Hardly anybody misspells a key, and cold starts are many.
    from difflib import get_close_matches  # noqa: PLC0415

    near = get_close_matches(strange[:100], known, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(known)}" if known else ""
    return f"there is no `{strange[:100]}` here{hint}"


def claimed_consent(value: Json, at: str) -> Literal["granted", "denied"] | None:
    """What a `consent` says: one of two words, or an object with it as `status`.

    Raises:
        Invalid: it is neither of the two words, or such an object holds anything else than texts of what was shown.
    """
    if isinstance(value, dict):
        strange = sorted(value.keys() - {"status", *_SHOWN})
        if strange or any(not isinstance(value.get(name, ""), str | int) for name in _SHOWN):
            msg = f"consent as an object has a status, and as texts {', '.join(_SHOWN)}"
            raise Invalid(msg, f"{at}.{strange[0]}" if strange else at)
        if "status" not in value:
            msg = "consent as an object has a status, `granted` or `denied`"
            raise Invalid(msg, f"{at}.status")
        return claimed_consent(value["status"], f"{at}.status")
    if value is None:
        return None
    if value == "granted":
        return "granted"
    if value == "denied":
        return "denied"
    msg = "consent is `granted` or `denied`"
    raise Invalid(msg, at)


def claimed_qualification(value: Json, at: str) -> dict[str, Json]:
    """What a `qualification` says, each of its texts read as `answers.read_fact` does.

    Raises:
        Invalid: it is no object, or holds another key than the four facts.
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or not value.keys() <= _QUALIFICATION:
        msg = f"qualification is an object of {', '.join(sorted(_QUALIFICATION))}"
        raise Invalid(msg, at)
    return {name: read_fact(said) for name, said in value.items()}


def _validated(message: Json) -> _Call:
    kind = message.get("type") if isinstance(message, dict) else None
    model = _CALLS.get(kind) if isinstance(kind, str) else None
    if model is None:
        msg = f"a message is an object whose `type` is one of {', '.join(_CALLS)}"
        raise Invalid(msg, "type")
    try:
        return model.model_validate(message)
    except ValidationError as error:
        raise validation_fault(error) from error


def _identities(call: _Call, *, joins: bool) -> tuple[Identity, ...]:
    named: list[Identity] = []
    if user := user_identity(_user_id(call)):
        named.append(user)
    if isinstance(call, AliasRequest):
        named.extend(_before(call, joins=joins))
    addresses = _addresses(call)
    if joins or not user:
        named.extend(identity for identity, _ in addresses)
    if not named:
        named.extend(identity for identity, _ in _email(call.properties, "properties.email"))
    if browser := _text(call.anonymous_id):
        named.append(Identity(IdentityKind.ANONYMOUS_ID, browser))
    return strongest_first(tuple(named))


def _before(call: AliasRequest, *, joins: bool) -> Iterator[Identity]:
    """What somebody was called before: a user id or a browser's anonymous id, as no client tells which.

    It is taken for both. Of who `joins` no known identities it is taken for the browser alone, which at most attaches
    what that browser did; unless it is an address, or another browser stands beside it.
    """
    previous, browser = _text(call.previous_id), _text(call.anonymous_id)
    if not previous:
        if not browser:
            msg = "an alias says what somebody was called before: `previousId`, or `anonymousId`"
            raise Invalid(msg, "previousId")
        return
    if previous in {browser, _text(call.user_id)}:
        return
    known = user_identity(previous)
    is_browser = not browser and known is not None and known.kind is IdentityKind.USER_ID
    if known is not None and (joins or not is_browser):
        yield known
    if is_browser:
        yield Identity(IdentityKind.ANONYMOUS_ID, previous)


def _user_id(call: _Call) -> str:
    """The user id, unless it is only what the browser is called."""
    text = _text(call.user_id)
    return "" if text == _text(call.anonymous_id) else text


def _maybe_addresses(call: _Call) -> list[str]:
    """What may be an e-mail address in a call."""
    holders = (call.traits, (call.context or {}).get("traits"), call.properties)
    told = [call.user_id, call.previous_id if isinstance(call, AliasRequest) else None]
    told += [holder.get("email") for holder in holders if isinstance(holder, Mapping)]
    return [text for text in told if isinstance(text, str) and "@" in text]


def _addresses(call: _Call) -> list[tuple[Identity, str]]:
    """The person's addresses, each as identity and as it was told; of a group the traits are the company's."""
    of_call = () if isinstance(call, GroupRequest) else _email(call.traits, "traits.email")
    return [*of_call, *_email((call.context or {}).get("traits"), "context.traits.email")]


def _email(holder: Json, at: str) -> Sequence[tuple[Identity, str]]:
    address = holder.get("email") if isinstance(holder, Mapping) else None
    if address is None or address == "":
        return ()
    if not isinstance(address, str):
        msg = "an e-mail address is text"
        raise Invalid(msg, at)
    return ((email_identity(address, at), address.strip()),)


def _text(name: str | int | None) -> str:
    return "" if name is None else str(name).strip()


def _moment(text: str) -> Moment:
    try:
        return parse_moment(text)
    except (MomentError, OverflowError) as error:
        msg = f"{text[:40]!r} is not a moment: write a date and time with an offset, such as 2026-03-01T09:30:00Z"
        raise Invalid(msg, "timestamp") from error


def _channel(call: _Call) -> str | None:
    told = (call.properties or {}).get("channel")
    return told if isinstance(told, str) else call.channel


def _properties(call: _Call) -> dict[str, Json]:
    told = dict(call.properties or {})
    if isinstance(call, IdentifyRequest):
        consent = _traits(call).get("consent")
        shown = {name: consent[name] for name in _SHOWN if name in consent} if isinstance(consent, dict) else {}
        return told | ({"consent": shown} if shown else {})
    if not isinstance(call, PageRequest | ScreenRequest):
        return told
    page = (call.context or {}).get("page")
    seen = {name: page[name] for name in _PAGE if page.get(name)} if isinstance(page, dict) else {}
    whole: dict[str, Json] = seen | {"name": call.name, "category": call.category} | told
    if "path" not in whole and isinstance(whole.get("url"), str):
        whole["path"] = _path(whole["url"])
    return {name: value for name, value in whole.items() if value is not None}


def _path(url: str) -> str | None:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return None


def _claims(call: _Call, *, joins: bool) -> Claims:
    claims = _told(call)
    if joins or not isinstance(call, IdentifyRequest) or not _user_id(call) or claims.lead.get("email"):
        return claims
    if not (addresses := _addresses(call)):
        return claims
    return replace(claims, lead={**claims.lead, "email": addresses[0][1]})


def _traits(call: _Call) -> dict[str, Json]:
    traits = snake_keys(call.traits or {})
    told_beside = (call.context or {}).get("traits")
    if isinstance(call, IdentifyRequest) and isinstance(told_beside, dict):
        return snake_keys(told_beside) | traits
    return traits


def _told(call: _Call) -> Claims:
    traits = _traits(call)
    if isinstance(call, GroupRequest):
        of_group = {"id": call.group_id} if call.group_id is not None else {}
        return Claims(company=_company(traits | of_group))
    if not isinstance(call, IdentifyRequest):
        return Claims()
    consent = claimed_consent(traits.pop("consent", None), "traits.consent")
    qualification = claimed_qualification(_empty_object(traits.pop("qualification", None)), "traits.qualification")
    company = traits.pop("company", None)
    return Claims(
        lead=traits,
        company=_company({"name": company} if isinstance(company, str) else company),
        consent=consent,
        qualification=qualification,
    )


def _company(traits: Json) -> dict[str, Json]:
    if not isinstance(traits, Mapping):
        return {}
    return {str(_COMPANY.get(name) or name): value for name, value in traits.items()}


def _alone(message: Json) -> Json:
    """A batch's message as it would be sent by itself: the address says the type then."""
    return {name: value for name, value in message.items() if name != "type"} if isinstance(message, dict) else message


def _id(message: Json) -> str | None:
    told = message.get("messageId") if isinstance(message, dict) else None
    return str(told)[:200] if isinstance(told, str | int) and not isinstance(told, bool) else None


def _hash(message: Mapping[str, Json], when: str) -> str:
    content = {name: value for name, value in message.items() if name not in {"sentAt", "writeKey"}}
    canonical = json.dumps([when, content], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
