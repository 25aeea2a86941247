"""Typeform's webhooks: an answer is a field under its question's `ref`, a hidden field or variable under its name.

The body is told at https://www.typeform.com/developers/webhooks/example-payload/, how it is signed at
https://www.typeform.com/developers/webhooks/secure-your-webhooks/.

| answer | becomes |
|---|---|
| choice | its label, or what the person wrote as another |
| choices | the list of those |
| payment | the amount, and nothing of the card |
| any other | what it holds: text, a number, true or false, a date, an address |

The address is the answer whose `ref` the settings name, else the first answer of the type `email`. The hidden field
`anonymous_id` names the browser, where the page that shows the form passes it on. How many points a quiz gave is
`score`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from shared.adapters.form_hosts import FormHost, Payload, told_id, told_moment, told_object
from shared.adapters.forms import FormShape, Submission
from shared.adapters.http_api import HttpRequest
from shared.domain.activity import Json
from shared.domain.refusals import Invalid

_AT = "form_response."


def _signed(_request: HttpRequest, body: bytes) -> bytes:
    return body


def _written(digest: bytes) -> str:
    return f"sha256={base64.b64encode(digest).decode()}"


def _read(payload: Payload, shape: FormShape, _only: str | None) -> Submission | None:
    if payload.get("event_type") != "form_response":
        # What somebody has begun is told as `form_response_partial`, and told whole once they send it.
        return None
    response = told_object(payload, "form_response")
    return Submission(
        id=told_id(payload, "event_id"), fields=_fields(response, shape), at=told_moment(response, "submitted_at", _AT)
    )


def _fields(response: Payload, shape: FormShape) -> Mapping[str, Json]:
    answers, address = _answers(response)
    hidden = dict(told_object(response, "hidden", _AT))
    browser = hidden.pop("anonymous_id", None)
    if shape.email_field not in answers and address is not None:
        answers[shape.email_field] = answers.pop(address)
    return dict(_variables(response)) | ({"_anonymous_id": browser} if browser else {}) | hidden | answers


def _answers(response: Payload) -> tuple[dict[str, Json], str | None]:
    """The answers by their questions, and under which of them the first address stands."""
    answers: dict[str, Json] = {}
    address = None
    for place, answer in enumerate(_objects(response, "answers")):
        question = answer.get("field")
        ref = (question.get("ref") or question.get("id")) if isinstance(question, dict) else None
        if not isinstance(ref, str):
            msg = "an answer tells its question by `field.ref`"
            raise Invalid(msg, f"{_AT}answers[{place}].field")
        answers[ref] = _value(answer)
        if address is None and answer.get("type") == "email":
            address = ref
    return answers, address


def _value(answer: Payload) -> Json:
    kind = answer.get("type")
    told = answer.get(kind) if isinstance(kind, str) else None
    if not isinstance(told, dict):
        return told
    if kind == "choice":
        return told.get("label") or told.get("other")
    if kind == "choices":
        labels = told.get("labels")
        other = told.get("other")
        return [*(labels if isinstance(labels, list) else []), *([other] if other else [])]
    return told.get("amount") if kind == "payment" else told


def _variables(response: Payload) -> Iterator[tuple[str, Json]]:
    points = told_object(response, "calculated", _AT).get("score")
    if points is not None:
        yield "score", points
    for variable in _objects(response, "variables"):
        name, kind = variable.get("key"), variable.get("type")
        if isinstance(name, str) and isinstance(kind, str):
            yield name, variable.get(kind)


def _objects(response: Payload, name: str) -> list[Payload]:
    told = response.get(name) or []
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        msg = "this is a list of objects"
        raise Invalid(msg, f"{_AT}{name}")
    return told


TYPEFORM = FormHost("Typeform", "typeform-signature", _signed, _written, _read)
