"""Operations on noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from functions.admin import api, replies
from functions.admin.desk import Desk
from functions.admin.operations.reading import answered, own_id, told_of, validated
from shared.adapters.http_api import SINGLE_LIMIT, HttpRequest, Reply
from shared.adapters.strict_json import read_json
from shared.domain.handoff import LeadId
from shared.domain.noise import NoiseFilter, noise_filter
from shared.domain.people import Person
from shared.ports.noise import NoiseMark
from shared.usecases.noise import NoiseWord


def list_noise(_request: HttpRequest, _path: Mapping[str, str], _person: Person, desk: Desk) -> Reply:
    """`GET /v1/noise`: which addresses and agents are noise, who said so and why."""
    return answered(200, replies.noise.noise_marks(desk.noise.all()))


def mark_noise(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/noise/marks`: what an address range, an agent or a lead does counts for nothing."""
    return _said_of_noise(request, person, desk, desk.noise.mark, desk.noise.mark_lead)


def unmark_noise(request: HttpRequest, _path: Mapping[str, str], person: Person, desk: Desk) -> Reply:
    """`POST /v1/noise/unmarks`: it counts again."""
    return _said_of_noise(request, person, desk, desk.noise.unmark, desk.noise.unmark_lead)


def _said_of_noise(
    request: HttpRequest,
    person: Person,
    desk: Desk,
    say: Callable[[NoiseFilter, NoiseWord], NoiseMark],
    say_of_lead: Callable[[LeadId, NoiseWord], LeadId],
) -> Reply:
    asked = validated(api.noise.NoiseRequest, read_json(request.body(SINGLE_LIMIT)))
    word = NoiseWord(own_id(request), person, asked.why)
    if asked.lead is not None:
        return answered(202, api.noise.NoiseResponse(lead=say_of_lead(told_of(LeadId(asked.lead), desk), word)))
    if asked.address is not None:
        return answered(202, replies.noise.noise(say(noise_filter("address", asked.address), word)))
    return answered(202, replies.noise.noise(say(noise_filter("agent", asked.agent or ""), word)))
