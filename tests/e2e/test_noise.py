"""People say what is noise by the `baton` command, and what becomes of the leads on the local cloud."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

COLLEAGUE, VISITOR = "colleague@ours.example", "visitor@theirs.example"
SCANNED, SCANNER = "198.51.100.64", "198.51.100.64/28"


def registered(cloud: Cloud, email: str, webinar: str, address: str = "192.0.2.7") -> None:
    said = {"userId": email, "event": "Webinar Registered", "properties": {"webinar": webinar}}
    told = json.dumps(said | {"context": {"ip": address}})
    assert cloud.post("/v1/track", told, cloud.where["secret_key"]).status == 200


def points_of(cloud: Cloud, email: str) -> float | None:
    lead = cloud.lead(email)
    return lead["score"]["total"] if lead else None


def test_a_colleague_and_a_scanner_count_for_nothing_until_that_is_taken_back(cloud: Cloud) -> None:
    registered(cloud, COLLEAGUE, "shelf-life")
    registered(cloud, VISITOR, "shelf-life")
    registered(cloud, VISITOR, "lorries", SCANNED)
    cloud.becomes(lambda: (points_of(cloud, COLLEAGUE), points_of(cloud, VISITOR)), (15, 30))

    cloud.printed("noise", "mark", "--lead", COLLEAGUE, "--why", "She tests the forms.")
    cloud.printed("noise", "mark", "--address", SCANNER, "--why", "Our own scanner.")

    cloud.becomes(lambda: (points_of(cloud, COLLEAGUE), points_of(cloud, VISITOR)), (0, 15))
    assert "because She tests the forms." in cloud.printed("leads", "show", COLLEAGUE)
    assert SCANNER in cloud.printed("noise", "list")

    cloud.printed("noise", "unmark", "--lead", COLLEAGUE)
    cloud.printed("noise", "unmark", "--address", SCANNER)

    cloud.becomes(lambda: (points_of(cloud, COLLEAGUE), points_of(cloud, VISITOR)), (15, 30))
