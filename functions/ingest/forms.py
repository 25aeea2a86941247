"""What is answered to forms: those of pages, and those that somebody else shows."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from functions.ingest.intake import Intake
from shared.adapters.form_hosts import SignedForm
from shared.adapters.forms import FormShape, form_refusal, form_reply, is_robot, read_fields, read_form, read_submission
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply, error_reply, json_reply
from shared.adapters.hubspot import hubspot_refusal, hubspot_reply, read_hubspot
from shared.adapters.segment import refusals
from shared.domain.admission import Rejection
from shared.domain.refusals import Invalid, Malformed, NotFound, TooLarge

_log = logging.getLogger(__name__)


def answer_form(request: HttpRequest, variables: Mapping[str, str], intake: Intake) -> Reply:
    """Take a form of a page, or the webhook of who shows it, and answer whatever happens."""
    shape = intake.forms.get(variables["form"])
    if shape is None:
        msg = "no form of that name is configured"
        return form_refusal(NotFound(msg), request)
    signed = intake.signed_forms.get(shape.name)
    try:
        return _answer_webhook(request, shape, signed, intake) if signed else _answer_page(request, shape, intake)
    except Exception as error:  # noqa: BLE001 (a page's form is refused in the form in which it would be thanked for)
        return error_reply(error) if signed else form_refusal(error, request)


def answer_hubspot_form(request: HttpRequest, variables: Mapping[str, str], intake: Intake) -> Reply:
    """Take a form as HubSpot's API takes it, and answer as that does, if it is not taken too."""
    place = (variables["portal"], variables["form"].lower())
    shape = intake.forms.get(intake.hubspot_forms.get(place, ""))
    if shape is None:
        msg = "no form of that portal and id is configured"
        return hubspot_refusal(NotFound(msg), request)
    try:
        submission = read_hubspot(request, shape)
        source = intake.form_source(shape.name, request.address)
        intake.take(read_submission(shape, submission, request.received_at, source), source)
    except Exception as error:  # noqa: BLE001 (pages read HubSpot's kinds of errors)
        return hubspot_refusal(error, request, shape.email_field)
    return hubspot_reply()


def _answer_page(request: HttpRequest, shape: FormShape, intake: Intake) -> Reply:
    fields = read_fields(request, SINGLE_LIMIT)
    if not is_robot(fields):
        source = intake.form_source(shape.name, request.address)
        intake.take(read_form(shape, fields, request, source), source)
    return form_reply(fields, request, intake.origins)


def _answer_webhook(request: HttpRequest, shape: FormShape, signed: SignedForm, intake: Intake) -> Reply:
    body = signed.signed(request)
    try:
        submission = signed.read(body, shape)
        if submission is None:
            return json_reply(200, {"success": True, "ignored": True})
        # All that a host tells comes from the host's own addresses, so that the budget of the form alone counts.
        source = intake.form_sources[shape.name]
        intake.take(read_submission(shape, submission, request.received_at, source), source)
    except (Malformed, Invalid, TooLarge) as reason:
        # It stays as wrong however often it comes, and a host gives up a webhook that fails again and again: nobody
        # is to stop a form by what they write into it.
        _log.warning("refused of the form %s: %s", shape.name, reason.code)
        return json_reply(200, {"success": True, "refused": refusals([Rejection(0, None, reason)])})
    return json_reply(200, {"success": True})
