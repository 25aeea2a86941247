"""Forms that somebody else shows and keeps, and tells of by a webhook that they sign."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.adapters.forms import FormShape, Submission, is_id
from shared.adapters.http_api import BATCH_LIMIT, SINGLE_LIMIT, HttpRequest
from shared.adapters.segment import read_payload
from shared.adapters.strict_json import size
from shared.domain.activity import Json
from shared.domain.moments import Moment, MomentError, parse_moment
from shared.domain.refusals import Invalid, TooLarge, Unauthenticated
from shared.ports.secrets import Secrets

Payload = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class FormHost:
    """How one of them signs and speaks.

    The header `signature` holds what `written` makes of the HMAC-SHA256 of what `signed` takes of a request and its
    body. `read` makes a submission of a webhook; None if it tells of something else.

    `signed` raises Unauthenticated if the request is too old to be believed, `read` Invalid if it makes no sense.
    """

    name: str
    signature: str
    signed: Callable[[HttpRequest, bytes], bytes]
    written: Callable[[bytes], str]
    read: Callable[[Payload, FormShape, str | None], Submission | None]


class SignedForm:
    """A form that its host alone may tell of. `secret` is the name of the secret with which it signs.

    While that is replaced two stand there, parted by a space, and either is taken. `only` names the one form of which
    is heard where the host tells of several.
    """

    def __init__(self, host: FormHost, secret: str, secrets: Callable[[], Secrets], only: str | None = None) -> None:
        self._host = host
        self._secret = secret
        self._secrets = secrets
        self._only = only

    def signed(self, request: HttpRequest) -> bytes:
        """The body of a webhook, of which nothing is read before its signature is known to be right.

        A host tells what its form looks like beside what was filled in, so that it may be larger than an activity.

        Raises:
            Unauthenticated: the host has not signed it, or too long ago.
            Malformed, TooLarge: it is packed as it does not say, or larger than any.
            SecretMissing, Unavailable: the secret is not stored, or cannot be read now.
        """
        body = request.body(BATCH_LIMIT)
        self._check(request, body)
        return body

    def read(self, body: bytes, shape: FormShape) -> Submission | None:
        """The submission of which a signed body tells; None if it tells of something else.

        Raises:
            Malformed, TooLarge, Invalid: it cannot be read.
        """
        submission = self._host.read(read_payload(body), shape, self._only)
        if submission is not None and size(dict(submission.fields)) > SINGLE_LIMIT:
            msg = f"one submission has at most {SINGLE_LIMIT} bytes"
            raise TooLarge(msg)
        return submission

    def _check(self, request: HttpRequest, body: bytes) -> None:
        host, told = self._host, request.headers.get(self._host.signature)
        if not told:
            msg = f"this form takes only what {host.name} has signed, by the header {host.signature}"
            raise Unauthenticated(msg)
        signed = host.signed(request, body)
        known = self._keys()
        if not self._fits(told, signed, known):
            # Somebody may have stored a new secret a moment ago.
            newer = self._keys(anew=True)
            if newer == known or not self._fits(told, signed, newer):
                msg = f"the signature is none that {host.name} makes of this body with the form's secret"
                raise Unauthenticated(msg)

    def _keys(self, *, anew: bool = False) -> list[str]:
        return self._secrets().get(self._secret, anew=anew).split()

    def _fits(self, told: str, signed: bytes, keys: list[str]) -> bool:
        right = [self._host.written(hmac.digest(key.encode(), signed, hashlib.sha256)).encode() for key in keys]
        return any(hmac.compare_digest(each, told.encode(errors="replace")) for each in right)


def told_object(payload: Payload, name: str, at: str = "") -> Payload:
    """An object in a webhook; without it, or if it is null, an empty one.

    Raises:
        Invalid: something else stands there.
    """
    value = payload.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        msg = "this is an object"
        raise Invalid(msg, f"{at}{name}")
    return value


def told_id(payload: Payload, name: str, at: str = "") -> str:
    """The id of a submission in a webhook.

    Raises:
        Invalid: there is none that can be one.
    """
    value = payload.get(name)
    if not is_id(value):
        msg = "this is the submission's id, a text"
        raise Invalid(msg, f"{at}{name}")
    return value


def told_moment(payload: Payload, name: str, at: str = "") -> Moment:
    """When a form was sent, as a webhook tells it.

    Raises:
        Invalid: that is no moment.
    """
    value = payload.get(name)
    try:
        return parse_moment(value if isinstance(value, str) else "")
    except (MomentError, OverflowError) as error:
        msg = "this is when the form was sent, such as 2026-03-01T09:30:00Z"
        raise Invalid(msg, f"{at}{name}") from error
