"""Nobody but Baton can say what a simulation found, and nobody for longer than a day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.adapters.page_links import PageLinks
from shared.adapters.simulation_tokens import SignedSimulations
from shared.domain.handoff import HandoffKey, LeadId
from shared.domain.moments import DAY, Moment
from shared.domain.refusals import Invalid
from shared.domain.simulation import MOST_SEGMENTS, Stretch
from shared.ports.errors import SecretMissing
from tests.fakes import FixedClock, InMemorySecrets

CLOCK = FixedClock()
HALF = Stretch("ab" * 32, 3, CLOCK.now(), Moment(CLOCK.now() - DAY), 1, 2).with_page("a place", 25, 3, 4)
DONE = HALF.with_page(None, 5, 1, 0)
OLD, NEW = "o" * 43, "n" * 43


def simulations(secret: str = NEW, clock: FixedClock = CLOCK) -> SignedSimulations:
    return SignedSimulations(InMemorySecrets(page=secret), "page", clock)


def test_a_token_tells_how_far_a_segment_is_and_what_was_found() -> None:
    for stretch in (HALF, DONE, replace(DONE, notify=True)):
        assert simulations().stretch(simulations().sign(stretch)) == stretch


def test_the_tokens_of_all_segments_tell_what_the_simulation_found() -> None:
    both = " ".join(simulations().sign(each) for each in (replace(DONE, segment=0), DONE))
    found = simulations().read(both)

    assert (found.sha256, found.against, found.leads, found.share) == ("ab" * 32, 3, 60, 1.0)
    assert (found.handoffs_before, found.handoffs_after) == (8, 8)
    assert (found.since, found.notify) == (HALF.since, False)


@pytest.mark.parametrize("token", ["", "  ", "a", "a.b", "é", "x" * 5000])
def test_what_nobody_signed_is_refused(token: str) -> None:
    with pytest.raises(Invalid) as refused:
        simulations().read(token)
    assert refused.value.at == "simulation"


def test_every_changed_token_is_refused() -> None:
    token = simulations().sign(DONE)
    for place in range(len(token) - 1):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Invalid, match="no simulation of Baton's"):
            simulations().stretch(changed)


def test_a_link_to_a_page_is_no_simulation() -> None:
    link = PageLinks(InMemorySecrets(page=NEW), "page").link(HandoffKey(LeadId("lead-1"), "mql", 1), CLOCK.now())

    with pytest.raises(Invalid, match="no simulation of Baton's"):
        simulations().stretch(link.rpartition("/")[2])


def test_a_token_is_good_for_a_day() -> None:
    token, later = simulations().sign(DONE), FixedClock()
    later.advance(DAY - 1)
    assert simulations(clock=later).stretch(token) == DONE

    later.advance(1)
    with pytest.raises(Invalid, match="older than 24 hours"):
        simulations(clock=later).stretch(token)


def test_while_the_secret_is_replaced_tokens_of_both_are_read() -> None:
    old = simulations(OLD).sign(DONE)

    assert simulations(f"{NEW} {OLD}").stretch(old) == DONE
    with pytest.raises(Invalid):
        simulations(NEW).stretch(old)
    with pytest.raises(SecretMissing):
        simulations("short").sign(DONE)


def test_more_segments_than_there_can_be_are_refused_before_they_are_read() -> None:
    with pytest.raises(Invalid, match=f"at most {MOST_SEGMENTS} segments"):
        simulations().read(" ".join(["x"] * (MOST_SEGMENTS + 1)))
