"""People say who is who by the `baton` command, and what becomes of the leads on the local cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

WORK, HOME = "nora@work.example", "nora@home.example"


def registered(cloud: Cloud, email: str, *webinars: str) -> None:
    for webinar in webinars:
        said = {"userId": email, "event": "Webinar Registered", "properties": {"webinar": webinar}}
        assert cloud.post("/v1/track", json.dumps(said), cloud.where["secret_key"]).status == 200


def lead_of(cloud: Cloud, email: str) -> Any:
    """The id and the score of whose address that is."""
    lead = cloud.lead(email)
    return (lead["id"], lead["score"]["total"]) if lead else (None, None)


def test_two_leads_are_merged_and_parted_again_with_the_scores_that_they_had(cloud: Cloud) -> None:
    registered(cloud, WORK, "shelf-life", "waste")
    registered(cloud, HOME, "lorries")
    cloud.becomes(lambda: (lead_of(cloud, WORK)[1], lead_of(cloud, HOME)[1]), (30, 15))
    before = {email: lead_of(cloud, email) for email in (WORK, HOME)}

    printed = cloud.printed("leads", "merge", WORK, HOME, "--why", "She told us.", "--yes")
    assert "45" in printed

    def are_one() -> bool:
        work, home = lead_of(cloud, WORK), lead_of(cloud, HOME)
        return bool(work == home and work[1] == 45)

    cloud.eventually(are_one)
    shown = cloud.printed("leads", "show", before[HOME][0])
    assert f"known as email {HOME}, email {WORK}" in shown
    assert "because She told us." in shown

    cloud.printed("leads", "unmerge", WORK, "--apart", HOME, "--yes")

    cloud.becomes(lambda: {email: lead_of(cloud, email) for email in (WORK, HOME)}, before)
    shown = cloud.printed("leads", "show", WORK)
    assert [line for line in shown.splitlines() if line.startswith("known as")] == [f"known as email {WORK}"]
    assert "said to be two people by" in shown
    assert f": email {WORK}; and email {HOME}" in shown
