"""What the settings of intake must look like, so that a slip is found when they are read and not by a visitor."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from functions.ingest.settings import (
    BudgetLimits,
    ConsentWording,
    Form,
    HubSpotHost,
    PublicWriteKey,
    SecretWriteKey,
    Settings,
    TypeformHost,
    WebflowHost,
)
from shared.adapters.environment import load

WHOLE = Settings(
    activities_table="activities",
    budgets_table="budgets",
    erasures_table="erasures",
    erasure_secret="/baton/test/erasure",
    write_keys=(
        PublicWriteKey(name="website", key="pk_web", activities=("page_viewed",), budget=1000),
        SecretWriteKey(name="crm", secret="/baton/prod/crm"),
    ),
    forms=(
        Form(
            name="contact",
            fields={"First name": "lead.first_name", "firm": "company.name", "wish": "qualification.need"},
            consent=ConsentWording(field="agree", wording="You may call me.", version="1", value="I agree"),
        ),
        Form(name="typeform", hosted_by=TypeformHost(kind="typeform", secret="/baton/prod/typeform")),
        Form(name="webflow", hosted_by=WebflowHost(kind="webflow", secret="/baton/prod/webflow", form="Contact Us")),
        Form(
            name="hubspot",
            hosted_by=HubSpotHost(kind="hubspot", portal="4711", form="319478e5-e5fd-4d39-9d13-fc1f90bf46da"),
        ),
    ),
    origins=("https://www.acme.example",),
    catalogue={"Signed Up": "trial_started"},
    budgets=BudgetLimits(key=90_000, address=None),
)


def test_a_public_key_is_used_so_much_from_one_address_unless_the_settings_say_otherwise() -> None:
    assert (BudgetLimits().sender, BudgetLimits(sender=None).sender) == (1200, None)


def test_the_function_reads_what_the_stack_was_given() -> None:
    assert load(Settings, WHOLE.environment()) == WHOLE


@pytest.mark.parametrize(
    "form",
    [
        {"name": "Contact us"},
        {"name": ""},
        {"name": "contact", "activity": "Form Submitted"},
        {"name": "contact", "email_field": ""},
        {"name": "contact", "fields": {"first": "first_name"}},
        {"name": "contact", "fields": {"first": "person.first_name"}},
        {"name": "contact", "fields": {"first": "lead."}},
        {"name": "contact", "fields": {"first": "lead.First"}},
        {"name": "contact", "fields": {"first": "consent"}},
        {"name": "contact", "fields": {"mood": "qualification.mood"}},
        {"name": "contact", "consent": {"field": "agree", "wording": "", "version": "1"}},
        {"name": "contact", "consent": {"field": "agree", "wording": "You may."}},
        {"name": "contact", "colour": "red"},
        {"name": "contact", "hosted_by": "typeform"},
        {"name": "contact", "hosted_by": {"kind": "typeform"}},
        {"name": "contact", "hosted_by": {"kind": "typeform", "secret": ""}},
        {"name": "contact", "hosted_by": {"kind": "typeform", "secret": "s", "form": "f"}},
        {"name": "contact", "hosted_by": {"kind": "hubspot", "portal": "4711"}},
        {"name": "contact", "hosted_by": {"kind": "hubspot", "portal": "4711", "form": "contact"}},
        {"name": "contact", "hosted_by": {"kind": "hubspot", "portal": "my portal", "form": "3" * 32}},
    ],
)
def test_a_form_that_cannot_be_is_refused(form: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Form.model_validate(form)


@pytest.mark.parametrize(
    "changed",
    [
        {"write_keys": [{"kind": "public", "name": "w", "key": "", "activities": []}]},
        {"write_keys": [{"kind": "public", "name": "w", "key": "pk", "activities": ["Page Viewed"]}]},
        {"write_keys": [{"kind": "public", "name": "w", "key": "pk"}]},
        {"write_keys": [{"kind": "secret", "name": "w", "secret": ""}]},
        {"write_keys": [{"kind": "other", "name": "w"}]},
        {"write_keys": [{"kind": "public", "name": "w", "key": "pk", "activities": [], "budget": 499}]},
        {"budgets": {"key": 499}},
        {"budgets": {"identity": 499}},
        {"budgets": {"sender": 499}},
        {"budgets": {"form": 0}},
        {"budgets": {"address": -1}},
        {"budgets": {"adress": 30}},
        {"forms": [{"name": "contact", "budget": 0}]},
        {"catalogue": {"Signed Up": "Trial Started"}},
        {"catalogue": {"Signed Up": "score_adjusted"}},
        {"catalogue": {"Signed Up": "identified"}},
        {"catalogue": {"Signed Up": "trial_started", "signed_up": "account_opened"}},
    ],
)
def test_keys_budgets_and_catalogue_that_cannot_be_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(WHOLE.model_dump() | changed)
