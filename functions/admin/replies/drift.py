"""Responses about leads that are not what their log says."""

from __future__ import annotations

from collections.abc import Iterable

from functions.admin import api
from functions.admin.replies.fields import stamp
from shared.domain.drift import Fault
from shared.domain.moments import format_moment
from shared.ports.drift import Drift, Round
from shared.usecases.reconcile import Checked


def checked(leads: Iterable[Checked], cursor: str | None) -> api.drift.CheckLeadsResponse:
    """What was found of some leads."""
    every = list(leads)
    found = [each for each in every if each.is_there]
    return api.drift.CheckLeadsResponse(
        checked=len(found),
        drifted=[
            api.drift.CheckedLeadResponse(lead=each.lead, faults=_faults(each.faults)) for each in found if each.faults
        ],
        unsure=[each.lead for each in found if each.faults is None],
        unknown=[each.lead for each in every if not each.is_there],
        next=cursor,
    )


def drift(drifts: Iterable[Drift], round_: Round | None) -> api.drift.DriftsResponse:
    """What was found of all leads."""
    return api.drift.DriftsResponse(
        drifted=[
            api.drift.DriftResponse(
                lead=each.lead,
                faults=_faults(each.faults),
                found_at=format_moment(each.found_at),
                seen_at=format_moment(each.seen_at),
            )
            for each in drifts
        ],
        round=round_
        and api.drift.RoundResponse(
            began=format_moment(round_.began),
            checked=round_.checked,
            drifted=round_.drifted,
            last_ended=stamp(round_.before),
        ),
    )


def _faults(faults: Iterable[Fault]) -> list[api.drift.FaultResponse]:
    return [api.drift.FaultResponse(fault=each.value, words=each.in_words) for each in faults]
