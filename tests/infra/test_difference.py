"""The stack here and the stack on AWS differ only by their settings and by one list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.unknown import UNKNOWN_TO_THE_EMULATOR
from infra.settings import Settings, read_settings
from tests.infra.template import Template


@pytest.fixture(scope="module")
def local_on_aws(synthesised: Callable[[Settings], Template]) -> Template:
    """The local settings on AWS, where alone nobody may call local receivers."""
    settings = read_settings("local")
    return synthesised(settings.model_copy(update={"runs_on": "aws"}))


def test_the_emulator_gets_everything_but_what_it_does_not_know(local: Template, local_on_aws: Template) -> None:
    here, there = local.document["Resources"], local_on_aws.document["Resources"]
    left_out = {name: there[name]["Type"] for name in there if name not in here}
    assert set(here) <= set(there)
    assert set(left_out.values()) <= UNKNOWN_TO_THE_EMULATOR
    assert not [r["Type"] for r in here.values() if r["Type"] in UNKNOWN_TO_THE_EMULATOR]


def test_what_both_have_is_the_same_but_for_the_asset(local: Template, local_on_aws: Template) -> None:
    here, there = _without_asset(local), _without_asset(local_on_aws)
    assert {name: there[name] for name in here} == here
    assert local.document["Outputs"] == local_on_aws.document["Outputs"]


def test_two_sets_of_settings_differ_in_values_and_not_in_what_there_is(prod: Template, local_on_aws: Template) -> None:
    here, there = (Counter(r["Type"] for r in t.document["Resources"].values()) for t in (local_on_aws, prod))
    assert there - here == {"AWS::SNS::Subscription": len(read_settings("prod").alarm_emails)}
    assert here - there == {}


def test_production_calls_no_local_receiver_and_the_local_stack_may(prod: Template, local: Template) -> None:
    assert _environment(prod, "notify")["ALLOW_LOCAL_RECEIVERS"] == "false"
    assert _environment(local, "notify")["ALLOW_LOCAL_RECEIVERS"] == "true"


def test_the_asset_is_the_only_difference_between_two_functions_code(local: Template, local_on_aws: Template) -> None:
    assert _codes(local).isdisjoint(_codes(local_on_aws))


def _environment(template: Template, verb: str) -> dict[str, Any]:
    variables = template.resource(template.functions()[verb])["Properties"]["Environment"]["Variables"]
    return dict(variables)


def _codes(template: Template) -> set[str]:
    return {json.dumps(function["Code"]) for function in template.of_type("AWS::Lambda::Function").values()}


def _without_asset(template: Template) -> dict[str, Any]:
    resources = json.loads(json.dumps(template.document["Resources"]))
    for resource in resources.values():
        resource["Properties"].pop("Code", None)
    return dict(resources)
