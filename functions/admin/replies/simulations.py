"""Responses about simulations."""

from __future__ import annotations

from collections.abc import Iterable

from functions.admin import api
from functions.admin.replies.rules import warned
from shared.domain.moments import format_moment
from shared.domain.points import as_number
from shared.domain.rulefile import Problem
from shared.domain.simulation import Findings
from shared.usecases.simulate import SimulatedPage


def simulated(page: SimulatedPage, token: str, warnings: Iterable[Problem]) -> api.simulations.SimulateResponse:
    """A page of a simulation, and the token that holds how far it has come."""
    stretch, found = page.stretch, page.found
    every = [
        (when, each.lead, sending)
        for each in found
        for when, sent in (("now", each.now), ("before", each.sent_before), ("after", each.sent_after))
        for sending in sent
    ]
    return api.simulations.SimulateResponse(
        sha256=stretch.sha256,
        against=stretch.against,
        at=format_moment(stretch.at),
        since=format_moment(stretch.since),
        segment=stretch.segment,
        of=stretch.of,
        done=stretch.done,
        simulation=token,
        warnings=warned(warnings),
        order=api.simulations.OrderResponse(stages=list(page.stages), temperatures=list(page.temperatures)),
        findings=api.simulations.FindingsResponse.model_validate(Findings.of(found).as_json()),
        moves=[
            api.simulations.MoveResponse(
                lead=each.lead,
                name=each.name,
                stage=api.simulations.ChangeResponse(before=each.before.stage, after=each.after.stage),
                temperature=api.simulations.ChangeResponse(
                    before=each.before.temperature, after=each.after.temperature
                ),
                total=api.simulations.TotalChangeResponse(
                    before=as_number(each.before.total), after=as_number(each.after.total)
                ),
            )
            for each in found
            if each.moves
        ],
        handoffs=[
            api.simulations.ForeseenHandoffResponse.model_validate(
                {
                    "when": when,
                    "lead": lead,
                    "stage": sending.stage,
                    "epoch": sending.epoch,
                    "at": format_moment(sending.at),
                    "team": sending.owners.team,
                    "assignee": sending.owners.assignee,
                    "counter": sending.owners.counter,
                }
            )
            for when, lead, sending in every
        ],
    )
