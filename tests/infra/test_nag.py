"""cdk-nag finds nothing but what is acknowledged, each on one resource; what is acknowledged is really found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from infra import acknowledgement
from infra.app import build
from infra.settings import Settings, parse_settings, read_settings
from tests.infra.conftest import UNBUILT
from tests.infra.template import Template

Findings = set[tuple[str, str]]


def test_a_queue_that_takes_plain_text_fails_the_synthesis(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    sqs.Queue(Stack(app, "Careless"), "Queue")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


def test_each_acknowledgement_answers_a_finding_and_each_finding_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledged: Findings = set()

    class Recorder:
        def __init__(self, construct: Any) -> None:
            self._path = construct.node.path

        @classmethod
        def of(cls, construct: Any) -> Recorder:
            return cls(construct)

        def acknowledge(self, *findings: Any) -> None:
            acknowledged.update((self._path, _rule(finding.id)) for finding in findings)

    monkeypatch.setattr(acknowledgement, "Validations", Recorder)
    app = build(read_settings("prod"), context=UNBUILT, outdir=str(tmp_path))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    found = _found(tmp_path / "validation-report.json")
    answered = {
        (place, rule): [path for path, found_rule in found if rule == found_rule and path.startswith(f"{place}/")]
        for place, rule in acknowledged
    }
    assert [place for place, paths in answered.items() if len(paths) != 1] == []
    assert {(paths[0], rule) for (_, rule), paths in answered.items()} == found


def test_an_acknowledgement_gives_its_reason_in_a_sentence(prod: Template) -> None:
    reasons = [
        reason
        for entries in prod.metadata.values()
        for entry in entries
        if entry["type"] == Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for reason in entry["data"].values()
    ]
    assert reasons
    for reason in reasons:
        assert re.fullmatch(r"[A-Z].{40,}\.", reason), reason


def test_nothing_is_acknowledged_for_the_whole_stack(prod: Template) -> None:
    whole = [
        path for path, entries in prod.metadata.items() if path.count("/") < 2 for e in entries if _acknowledges(e)
    ]
    assert whole == []


@pytest.mark.parametrize(
    "change",
    [
        "sign_in: {kind: oidc, issuer: 'https://login.example.com', audience: [baton], roles_claim: groups}",
        "domain: {name: leads.example.com, certificate: 'arn:aws:acm:eu-central-1:123456789012:certificate/1'}",
        "deletion_protection: false",
    ],
)
def test_other_settings_are_as_clean(synthesised: Callable[[Settings], Template], change: str) -> None:
    settings = parse_settings("teams: {default: {slack: sales-channel}}\n" + change, "other")
    assert synthesised(settings).functions()


def _acknowledges(entry: dict[str, Any]) -> bool:
    return bool(entry["type"] == Validations.ACKNOWLEDGED_RULES_METADATA_KEY)


def _rule(identifier: str) -> str:
    return identifier.rpartition("::")[2] if "[" not in identifier else re.sub(r"^\w+::(?=\w+-)", "", identifier)


def _found(report: Path) -> Findings:
    return {
        (construct["constructPath"], _rule(violation["ruleName"]))
        for plugin in json.loads(report.read_text())["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }
