"""`ingest`: what a website, a client or another system tells is checked, and appended to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from functions.ingest.embed import script_reply
from functions.ingest.forms import answer_form, answer_hubspot_form
from functions.ingest.intake import Intake, from_environment
from shared.adapters.faults import fault
from shared.adapters.forms import refusal_reply
from shared.adapters.http_api import BATCH_LIMIT, MAX_AGENT, SINGLE_LIMIT, HttpRequest, Reply, json_reply
from shared.adapters.routes import find
from shared.adapters.segment import SegmentReader, read_payload, segment_reply
from shared.adapters.submitted_activities import SOURCE, broken_rule, read_submitted
from shared.adapters.write_keys import key_of
from shared.domain.refusals import Refused

_log = logging.getLogger(__name__)


def lambda_handler(event: dict[str, Any], _context: object, intake: Intake | None = None) -> Any:
    """Answer a request of the HTTP API, or take a batch of the queue behind the bus."""
    if "Records" in event:
        return _from_bus(event["Records"], intake or from_environment())
    request = HttpRequest.of(event)
    try:
        route, variables = find(request.method, request.path, "ingest")
        if route.operation == "script":
            return script_reply(request)
        intake = intake or from_environment()
        if answer := _ANSWERS.get(route.operation):
            return answer(request, variables, intake)
        return _call(request, route.operation, intake)
    except Exception as error:  # noqa: BLE001 (every request gets an answer)
        return refusal_reply(error, request)


def _call(request: HttpRequest, call: str, intake: Intake) -> Reply:
    key = key_of(request.headers.get("authorization"))
    source = intake.key_source(key, request.address) if key else None
    payload = read_payload(request.body(BATCH_LIMIT if call == "batch" else SINGLE_LIMIT))
    source = source or intake.key_source(payload.get("writeKey"), request.address)
    agent = (request.told("user-agent") or "")[:MAX_AGENT]
    reader = SegmentReader(
        source,
        request.received_at,
        request.id,
        intake.catalogue,
        address=request.address,
        agent=agent,
    )
    sent = reader.read(call, payload)
    rejections = intake.ingest.submit(sent, source, agent=agent)
    return segment_reply(call, len(sent), rejections)


def _list(request: HttpRequest, _variables: Mapping[str, str], intake: Intake) -> Reply:
    # Lists are rare and cold starts are not: what reads them takes one twentieth of a cold start's CPU time.
    from shared.adapters.lists import ListReader, read_list  # noqa: PLC0415

    key = key_of(request.headers.get("authorization"))
    source = intake.keys.source(key) if key else None
    sent = read_list(request, BATCH_LIMIT)
    source = source or intake.keys.source(sent.write_key)
    reader = ListReader(sent.options, sent.headings, source, request.received_at, intake.catalogue)
    take = intake.ingest.check if sent.options.dry_run else partial(intake.ingest.submit, in_parts=True)
    return json_reply(200, reader.answer(sent.lines, take([reader.read(line) for line in sent.lines], source)))


def _events(request: HttpRequest, _variables: Mapping[str, str], intake: Intake) -> Reply:
    # Most who send activities send no such events: what reads them is no part of their cold start.
    from shared.adapters.cloud_events import CloudEventReader, as_sent, read_events  # noqa: PLC0415

    source = intake.keys.source(key_of(request.headers.get("authorization")))
    reader = CloudEventReader(source, request.received_at, intake.catalogue)
    sent = read_events(request)
    rejections = as_sent(intake.ingest.submit(reader.read(sent), source), sent)
    return segment_reply("batch" if sent.batched else "event", len(sent.events), rejections)


_ANSWERS: Mapping[str, Callable[[HttpRequest, Mapping[str, str], Intake], Reply]] = {
    "events": _events,
    "form": answer_form,
    "hubspot_form": answer_hubspot_form,
    "import": _list,
}
"""What answers each operation, but for Segment's calls and the script."""


def _from_bus(records: list[Mapping[str, Any]], intake: Intake) -> dict[str, list[dict[str, str]]]:
    failed = []
    for record in records:
        try:
            intake.take(read_submitted(record), SOURCE)
        except Exception as error:  # noqa: BLE001 (one bad message never holds up another)
            code = error.code if isinstance(error, Refused) else "failed"
            rule = broken_rule(error) if isinstance(error, Refused) else ""
            _log.error(
                "%s: %s not taken from the bus: %s%s", code, record["messageId"], fault(error), rule and f" at {rule}"
            )
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
