"""The harness finds fault with designs that are broken on purpose: so what it does not find in ours means something."""

from __future__ import annotations

from functools import partial
from itertools import product

import pytest

from tests.crash.broken_designs import BROKEN, Broken
from tests.crash.faults import KINDS, MAY_CONFLICT, Fault
from tests.crash.invariants import violations
from tests.crash.play import play
from tests.crash.stories import STORIES


def found_in(broken: Broken) -> str | None:
    """The first violation that the harness finds where a design is weak, None when it finds none."""
    for deliveries, newest_first in product((1, 2), (False, True)):
        tell = partial(play, broken.story, designs=broken.designs, deliveries=deliveries, newest_first=newest_first)
        quiet = tell()
        if wrong := violations(quiet, STORIES[broken.story]):
            return f"without any fault, {deliveries} deliveries: {wrong[0]}"
        for kind, (number, call) in product(KINDS, enumerate(quiet.faults.calls)):
            if call not in broken.calls or (kind == "conflict" and call not in MAY_CONFLICT):
                continue
            if wrong := violations(tell([Fault(number, kind)]), STORIES[broken.story]):
                return f"{kind}, {call}: {wrong[0]}"
    return None


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_design_is_caught(name: str) -> None:
    found = found_in(BROKEN[name])
    print(f"{name}: {found}")  # noqa: T201 - by what
    assert found is not None
