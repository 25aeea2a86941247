"""How new rules go live: drafts, words, publishing and rolling back, at the handler and as sequences of anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from functions.admin.handler import lambda_handler
from shared.adapters.yaml12 import load_yaml
from shared.domain.drafts import Draft, Terms
from shared.domain.moments import DAY, HOUR, SECOND, Moment, format_moment, parse_moment
from shared.domain.people import Person, Role
from shared.domain.refusals import Refused, Unmet
from shared.domain.simulation import Stretch
from shared.ports.errors import Conflict
from shared.ports.rules import RuleVersion
from shared.usecases.drafts import DraftRules
from shared.usecases.publish import PublishingWish, PublishRules, document_sha256
from tests.desk import ROSTERS, InMemoryDesk, a_desk
from tests.fakes import FixedClock, InMemoryRuleVersions
from tests.http_requests import NOW, answer, http_event
from tests.people import activity, email
from tests.unit.test_score import House

TWO_WORDS = Terms((Role.MARKETING, Role.SALES), handoff_budget=15)
MIA, BO, ANA, ADA = "mia marketing", "bo sales", "ana analyst", "ada admin"
BOTH = "kim marketing sales"


def file_of(name: str) -> dict[str, Any]:
    document = {"name": name, "behaviour": [{"id": "demo", "on": "demo_requested", "points": 60}]}
    return {"document": document, "text": json.dumps(document), "note": f"The rules of {name}."}


class Office:
    """People who change rules together. A person is a name and roles: `mia marketing`."""

    def __init__(self, terms: Terms = TWO_WORDS) -> None:
        self.house: InMemoryDesk = a_desk(terms)

    def ask(self, who: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        name, *roles = who.split()
        claims = {"sub": f"id-{name}", "email": f"{name}@acme.example", "cognito:groups": f"[{' '.join(roles)}]"}
        reply = lambda_handler(http_event(method, path, body, claims=claims), None, self.house.desk)
        return {"status": reply["statusCode"], **answer(reply)}

    def draft(self, who: str, name: str) -> int:
        made = self.ask(who, "POST", "/v1/rules/drafts", file_of(name))
        assert made["status"] == 201, made
        number: int = made["number"]
        return number

    def propose(self, who: str, number: int) -> dict[str, Any]:
        return self.ask(who, "POST", f"/v1/rules/drafts/{number}/proposals", {})

    def approve(self, who: str, number: int, role: str | None = None) -> dict[str, Any]:
        return self.ask(who, "POST", f"/v1/rules/drafts/{number}/approvals", {"role": role} if role else {})

    def withdraw(self, who: str, number: int) -> dict[str, Any]:
        return self.ask(who, "POST", f"/v1/rules/drafts/{number}/withdrawals", {})

    def publish(self, who: str, number: int, **wish: Any) -> dict[str, Any]:
        return self.ask(who, "POST", f"/v1/rules/drafts/{number}/publications", wish)

    def roll_back(self, who: str, number: int | None = None, note: str = "") -> dict[str, Any]:
        told = {"note": note} | ({"number": number} if number else {})
        return self.ask(who, "POST", "/v1/rules/rollbacks", told)

    def approved(self, name: str) -> int:
        """A draft of a rule file with both words."""
        number = self.draft(ANA, name)
        self.propose(ANA, number)
        self.approve(MIA, number)
        assert self.approve(BO, number)["state"] == "approved"
        return number

    def simulated(self, name: str, before: int = 0, after: int = 0, **of: Any) -> str:
        """The token of a simulation that found so many handoffs under the active rules, and under these."""
        now = self.house.clock.now()
        stretch = Stretch(
            sha256=document_sha256(file_of(name)["document"]),
            against=self.active["number"],
            at=now,
            since=Moment(now - of.pop("days", 90) * DAY),
            segment=of.pop("segment", 0),
            of=of.pop("of", 1),
            done=True,
            leads=of.pop("leads", 100),
            handoffs_before=before,
            handoffs_after=after,
            notify=of.pop("notify", False),
        )
        return self.house.simulations.sign(stretch)

    def went_live(self, name: str) -> int:
        """A rule file was drafted, approved and published."""
        number = self.approved(name)
        done = self.publish(MIA, number, simulation=self.simulated(name))
        assert done["status"] == 201, done
        version: int = done["number"]
        return version

    @property
    def active(self) -> dict[str, Any]:
        return self.ask(MIA, "GET", "/v1/rules")


@pytest.fixture
def office() -> Office:
    """Version 1 holds; two words are needed for another."""
    office = Office()
    office.went_live("first")
    return office


# --- the way of a draft ---


def test_a_draft_goes_live_by_the_words_of_marketing_and_sales(office: Office) -> None:
    number = office.draft(ANA, "second")
    made = office.ask(BO, "GET", f"/v1/rules/drafts/{number}")
    assert (made["state"], made["author"], made["based_on"]) == ("draft", "ana@acme.example", 1)
    assert made["missing"] == ["marketing", "sales"]
    assert made["document"] == file_of("second")["document"]

    assert office.propose(ANA, number)["state"] == "proposed"
    half = office.approve(MIA, number)
    assert (half["state"], half["missing"]) == ("proposed", ["sales"])
    whole = office.approve(BO, number)
    assert (whole["state"], whole["missing"]) == ("approved", [])

    done = office.publish(MIA, number, simulation=office.simulated("second"))
    assert (done["status"], done["number"], done["draft"], done["author"]) == (201, 2, number, "ana@acme.example")
    assert (done["publisher"], office.ask(BO, "GET", "/v1/rules/2")["publisher"]) == ("mia@acme.example",) * 2
    assert done["note"] == "The rules of second."
    assert [(each["name"], each["role"]) for each in done["approvals"]] == [
        ("mia@acme.example", "marketing"),
        ("bo@acme.example", "sales"),
    ]
    assert office.active["name"] == "second"
    after = office.ask(ANA, "GET", f"/v1/rules/drafts/{number}")
    assert (after["state"], after["version"]) == ("published", 2)
    assert [(step["state"], step["who"]) for step in after["steps"]] == [
        ("proposed", "ana@acme.example"),
        ("approved", "bo@acme.example"),
        ("published", "mia@acme.example"),
    ]
    assert all(step["at"] == NOW for step in after["steps"])


def test_the_first_rules_need_words_and_nothing_to_compare_with() -> None:
    office = Office()
    number = office.draft(MIA, "first")
    refused = office.publish(MIA, number)
    assert (refused["status"], refused["code"]) == (409, "unmet")

    office.propose(MIA, number)
    office.approve(MIA, number)
    office.approve(BO, number)

    assert office.publish(MIA, number)["number"] == 1


@pytest.mark.parametrize(
    ("given", "missing"), [((), ["marketing", "sales"]), ((MIA,), ["sales"]), ((BO,), ["marketing"])]
)
def test_a_draft_without_every_word_is_not_published_and_the_roles_are_named(
    office: Office, given: tuple[str, ...], missing: list[str]
) -> None:
    number = office.draft(ANA, "second")
    office.propose(ANA, number)
    for who in given:
        office.approve(who, number)

    refused = office.publish(MIA, number, force="It is urgent.")

    assert (refused["status"], refused["code"], refused["details"]["missing"]) == (409, "unmet", missing)
    assert " and ".join(missing) in refused["message"]
    assert office.active["number"] == 1


def test_the_same_person_gives_one_word_whatever_their_roles(office: Office) -> None:
    number = office.draft(BOTH, "second")
    office.propose(BOTH, number)

    which = office.approve(BOTH, number)
    assert (which["status"], which["details"]["roles"]) == (422, ["marketing", "sales"])
    assert office.approve(BOTH, number, "sales")["missing"] == ["marketing"]
    again = office.approve(BOTH, number, "marketing")
    assert (again["status"], again["message"]) == (
        409,
        f"you have given your word for draft {number} already; every role needs another person's",
    )
    assert office.approve(MIA, number)["state"] == "approved"


def test_the_same_person_gives_one_word_under_another_id_too(office: Office) -> None:
    number = office.draft(ANA, "second")
    office.propose(ANA, number)
    path = f"/v1/rules/drafts/{number}/approvals"
    for subject, name, role, status in (
        ("id-of-one-client", "kim@acme.example", "marketing", 201),
        ("id-of-another-client", "Kim@acme.example", "sales", 409),
        ("id-of-another-client", "bo@acme.example", "sales", 201),
    ):
        claims = {"sub": subject, "email": name, "cognito:groups": f"[{role}]"}
        reply = lambda_handler(http_event("POST", path, {}, claims=claims), None, office.house.desk)
        assert reply["statusCode"] == status, answer(reply)


def test_a_word_stands_though_who_gave_it_has_the_role_no_more(office: Office) -> None:
    number = office.draft(MIA, "second")
    office.propose(MIA, number)
    assert office.approve(MIA, number)["missing"] == ["sales"]

    moved_on = "mia sales"
    assert "already" in office.approve(moved_on, number)["message"]
    assert office.approve(BO, number)["state"] == "approved"
    wish = {"simulation": office.simulated("second")}
    assert office.publish(moved_on, number, **wish)["status"] == 403
    assert office.publish("eve marketing", number, **wish)["status"] == 201


def test_a_word_is_given_by_a_role_that_is_asked_and_had(office: Office) -> None:
    number = office.draft(ANA, "second")
    office.propose(ANA, number)

    assert office.approve(ANA, number)["status"] == 403
    refused = office.approve(ADA, number)
    assert (refused["status"], refused["message"]) == (
        403,
        "your role admin gives no word that is missing; marketing or sales does",
    )
    assert office.approve(ADA, number, "admin")["status"] == 422
    assert office.approve(MIA, number, "sales")["status"] == 403
    office.approve(MIA, number)
    taken = office.approve(BOTH, number, "marketing")
    assert taken["status"] == 409
    assert "stands already: mia@acme.example's" in taken["message"]
    assert office.approve("eve marketing", number)["status"] == 403


def test_a_word_for_an_older_draft_does_not_count_for_a_changed_one(office: Office) -> None:
    office.approved("second")
    changed = office.draft(ANA, "second, and more")
    office.propose(ANA, changed)

    refused = office.publish(MIA, changed, simulation=office.simulated("second, and more"))

    assert refused["details"]["missing"] == ["marketing", "sales"]
    assert office.active["number"] == 1


def test_nobody_gives_a_word_before_a_draft_is_proposed_or_after_it_has_all(office: Office) -> None:
    number = office.draft(ANA, "second")
    early = office.approve(MIA, number)
    assert (early["status"], "propose it first" in early["message"]) == (409, True)
    office.propose(ANA, number)
    office.approve(MIA, number)
    office.approve(BO, number)

    assert "every word that it needs" in office.approve("eve sales", number)["message"]


def test_of_two_who_propose_the_second_is_told(office: Office) -> None:
    number = office.draft(ANA, "second")

    assert office.propose(ANA, number)["status"] == 201
    assert (office.propose(BO, number)["status"], office.propose(MIA, number)["code"]) == (409, "conflict")


def test_a_withdrawn_draft_goes_no_further_and_says_what_to_do(office: Office) -> None:
    number = office.draft(ANA, "second")
    office.propose(ANA, number)
    office.approve(MIA, number)
    assert office.withdraw(ANA, number)["state"] == "withdrawn"

    for refused in (
        office.approve(BO, number),
        office.propose(ANA, number),
        office.withdraw(MIA, number),
        office.publish(MIA, number, force="Why not."),
    ):
        assert refused["status"] == 409
        assert refused["message"] == f"draft {number} is withdrawn: draft the file again to go on with it"


def test_a_draft_is_withdrawn_by_its_author_or_by_who_is_there_for_the_rules(office: Office) -> None:
    assert office.withdraw(BO, office.draft(ANA, "second"))["status"] == 403
    for who in (ANA, MIA, ADA):
        assert office.withdraw(who, office.draft(ANA, "second"))["status"] == 201


def test_what_was_published_is_not_published_again(office: Office) -> None:
    number = office.approved("second")
    wish = {"simulation": office.simulated("second")}
    office.publish(MIA, number, **wish)

    again = office.publish(ADA, number, **wish)

    assert (again["status"], again["message"]) == (
        409,
        f"draft {number} is published already: it holds since version 2",
    )
    assert office.withdraw(ANA, number)["status"] == 409
    assert office.active["number"] == 2


def test_of_two_approved_drafts_the_second_is_drafted_again_on_what_holds_by_then(office: Office) -> None:
    one, two = office.approved("one"), office.approved("two")
    office.publish(MIA, one, simulation=office.simulated("one"))
    assert office.ask(ANA, "GET", f"/v1/rules/drafts/{two}")["is_stale"]

    refused = office.publish(MIA, two, simulation=office.simulated("two"), force="Now.")

    assert (refused["status"], refused["details"]) == (409, {"based_on": 1, "active": 2})
    assert "draft the file again" in refused["message"]
    assert office.active["name"] == "one"


def test_what_holds_already_is_not_drafted(office: Office) -> None:
    refused = office.ask(ANA, "POST", "/v1/rules/drafts", file_of("first"))

    assert (refused["status"], "as version 1" in refused["message"]) == (422, True)


@pytest.mark.parametrize(("one", "other"), [(True, 1), (0, False)])
def test_a_file_that_asks_for_true_does_not_hold_already_where_one_that_asks_for_1_does(one: Any, other: Any) -> None:
    desk, mia = Office(Terms()).house.desk, Person("id-mia", "mia", frozenset({Role.MARKETING}))

    def asking(value: Any) -> dict[str, Any]:
        rule = {"id": "a", "on": "seen", "points": 1, "where": {"properties.is_new": {"is": value}}}
        return {"behaviour": [rule]}

    def publish(value: Any) -> tuple[int, bool]:
        done = desk.rules.publish(asking(value), "One text.", "", mia, PublishingWish(force="So."))
        return done.version.number, done.is_new

    assert publish(one) == (1, True)
    with pytest.raises(Refused, match="hold already"):
        desk.drafts.draft(asking(one), "One text.", "", mia)
    assert desk.drafts.draft(asking(other), "One text.", "", mia).draft.based_on == 1
    assert [publish(other), publish(other)] == [(2, True), (2, False)]
    assert desk.rules.roll_back(None, "", mia).version.restores == 1


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(file_of("another")["document"]),
        json.dumps(file_of("second")["document"]).replace("60", "600"),
        "name: second # and no more",
        "no rule file",
        "name: second\nname: second",
        "\x1b[2J",
        "[" * 20_000,
    ],
)
@pytest.mark.parametrize("path", ["/v1/rules/drafts", "/v1/rules"])
def test_a_text_that_says_something_else_than_its_document_is_refused(path: str, text: str) -> None:
    office = Office(Terms())

    refused = office.ask(MIA, "POST", path, {**file_of("second"), "text": text})

    assert (refused["status"], refused["details"]) == (422, {"at": "text"})
    assert "the text says something else than the document" in refused["message"]
    assert office.house.versions.drafts(1) == []
    assert office.active["number"] == 0


def test_a_text_may_say_it_in_its_own_words(office: Office) -> None:
    text = "# Ours.\nname: second\nbehaviour: [{points: 60.0, id: demo, on: [demo_requested]}]\n"

    made = office.ask(ANA, "POST", "/v1/rules/drafts", {**file_of("second"), "text": text})

    assert made["status"] == 201
    assert office.ask(BO, "GET", f"/v1/rules/drafts/{made['number']}")["text"] == text


def test_a_file_that_is_no_rule_file_is_no_draft(office: Office) -> None:
    refused = office.ask(ANA, "POST", "/v1/rules/drafts", {"document": {"name": "x", "behavior": []}})

    assert (refused["status"], refused["details"]["problems"][0]["at"]) == (422, "behavior")


def test_a_draft_that_names_a_team_which_the_settings_do_not_have_says_so(office: Office) -> None:
    document = {"stages": [{"name": "mql", "enter": {"activity": "seen"}}], "handoff": {"mql": {"to": "inside-saless"}}}

    (warning,) = office.ask(ANA, "POST", "/v1/rules/drafts", {"document": document})["warnings"]

    assert warning["hint"] == "did you mean 'inside-sales'?"


def test_what_a_draft_or_a_publish_says_in_vain_is_a_warning() -> None:
    rule = {"id": "a", "on": "handoff_rejected", "points": -5, "where": {"properties.reason": {"is": "no_buget"}}}
    office = Office(Terms())

    for path, more in (("/v1/rules/drafts", {}), ("/v1/rules", {"force": "There is nobody yet."})):
        (warning,) = office.ask(ADA, "POST", path, {"document": {"behaviour": [rule]}, **more})["warnings"]
        assert (warning["at"], warning["hint"]) == ("behaviour.0.where.properties.reason", "did you mean 'no_budget'?")


def test_drafts_are_listed_newest_first_with_what_the_settings_ask(office: Office) -> None:
    for name in ("a", "b", "c"):
        office.draft(ANA, name)

    def page(query: str) -> dict[str, Any]:
        path = "/v1/rules/drafts"
        event = http_event("GET", path, claims={"sub": "id-ana", "cognito:groups": "[analyst]"})
        return dict(answer(lambda_handler(event | {"rawQueryString": query}, None, office.house.desk)))

    first = page("limit=3")
    assert [each["number"] for each in first["drafts"]] == [4, 3, 2]
    assert (first["next"], first["approvals"], first["handoff_budget"]) == (2, ["marketing", "sales"], 15)
    rest = page("limit=3&next=2")
    assert ([each["number"] for each in rest["drafts"]], rest["next"]) == ([1], None)


@pytest.mark.parametrize("number", ["7", "0", "one", "9" * 30])
@pytest.mark.parametrize("way", ["", "/proposals", "/approvals", "/withdrawals", "/publications"])
def test_a_draft_that_nobody_made_is_not_found(office: Office, number: str, way: str) -> None:
    method = "POST" if way else "GET"

    assert office.ask(MIA, method, f"/v1/rules/drafts/{number}{way}", {})["status"] == 404


# --- at the same time ---


def overtaken(office: Office, monkeypatch: pytest.MonkeyPatch, method: str, by: Callable[[], Any]) -> None:
    """Somebody else writes just before the next write."""
    write = getattr(office.house.versions, method)

    def late(*told: Any) -> None:
        monkeypatch.setattr(office.house.versions, method, write)
        by()
        write(*told)

    monkeypatch.setattr(office.house.versions, method, late)


def test_who_proposes_at_the_same_time_as_another_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.draft(ANA, "second")
    overtaken(office, monkeypatch, "store", lambda: office.propose(BO, number))

    late = office.propose(ANA, number)

    assert (late["status"], "proposed already" in late["message"]) == (409, True)


def test_a_word_that_comes_while_the_draft_is_withdrawn_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.draft(ANA, "second")
    office.propose(ANA, number)
    overtaken(office, monkeypatch, "store", lambda: office.withdraw(ANA, number))

    assert "is withdrawn" in office.approve(MIA, number)["message"]
    assert office.ask(MIA, "GET", f"/v1/rules/drafts/{number}")["approvals"] == []


def test_two_words_at_the_same_time_both_count(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.draft(ANA, "second")
    office.propose(ANA, number)
    overtaken(office, monkeypatch, "store", lambda: office.approve(BO, number))

    whole = office.approve(MIA, number)

    assert (whole["state"], {each["role"] for each in whole["approvals"]}) == ("approved", {"marketing", "sales"})


def test_a_person_who_presses_twice_at_once_gives_one_word(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.draft(ANA, "second")
    office.propose(ANA, number)

    def a_moment_before() -> None:
        office.house.clock.advance(-SECOND)
        office.approve(MIA, number)

    overtaken(office, monkeypatch, "store", a_moment_before)

    assert office.approve(MIA, number)["status"] == 409
    assert len(office.ask(MIA, "GET", f"/v1/rules/drafts/{number}")["approvals"]) == 1


def test_two_who_draft_at_the_same_time_get_two_numbers(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    overtaken(office, monkeypatch, "store", lambda: office.draft(BO, "theirs"))

    number = office.draft(ANA, "ours")

    names = [office.ask(ANA, "GET", f"/v1/rules/drafts/{each}")["name"] for each in (number - 1, number)]
    assert names == ["theirs", "ours"]


def test_of_two_who_publish_at_the_same_time_the_second_is_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = office.approved("one"), office.approved("two")
    wishes = {one: {"simulation": office.simulated("one")}, two: {"simulation": office.simulated("two")}}
    overtaken(office, monkeypatch, "publish", lambda: office.publish(ADA, one, **wishes[one]))

    late = office.publish(MIA, two, **wishes[two])

    assert (late["status"], late["details"]) == (409, {"based_on": 1, "active": 2})
    assert (office.active["number"], office.active["name"]) == (2, "one")


def test_of_two_who_publish_one_draft_the_second_is_told_that_it_holds(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.approved("second")
    wish = {"simulation": office.simulated("second")}
    overtaken(office, monkeypatch, "publish", lambda: office.publish(ADA, number, **wish))

    late = office.publish(MIA, number, **wish)

    assert (late["status"], "holds since version 2" in late["message"]) == (409, True)
    assert office.active["number"] == 2


def test_a_draft_that_is_withdrawn_while_it_is_published_stays_withdrawn(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.approved("second")
    simulation = office.simulated("second")
    overtaken(office, monkeypatch, "publish", lambda: office.withdraw(ANA, number))

    assert "is withdrawn" in office.publish(MIA, number, simulation=simulation)["message"]
    assert office.active["number"] == 1


def test_who_is_overtaken_again_and_again_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def always(_draft: Draft) -> None:
        raise Conflict("somebody wrote it meanwhile")

    monkeypatch.setattr(office.house.versions, "store", always)

    assert office.ask(ANA, "POST", "/v1/rules/drafts", file_of("second"))["status"] == 409


# --- settings that come to want other words ---


def moved(office: Office, terms: Terms) -> Office:
    """The same rules, where the settings want other words by now."""
    other = Office(terms)
    other.house = InMemoryDesk(versions=office.house.versions, terms=terms)
    return other


def test_a_draft_that_lacks_a_word_by_now_says_so_and_is_approved_by_that_word() -> None:
    before = Office(Terms((Role.MARKETING,)))
    number = before.draft(ANA, "first")
    before.propose(ANA, number)
    assert before.approve(MIA, number)["state"] == "approved"

    after = moved(before, TWO_WORDS)
    path = f"/v1/rules/drafts/{number}"
    told = after.ask(MIA, "GET", path)
    assert (told["state"], told["missing"]) == ("proposed", ["sales"])
    assert "whoever has that role approves it" in after.publish(MIA, number)["message"]
    assert "proposed already: whoever has that role" in after.propose(ANA, number)["message"]
    given = after.approve(BO, number)
    assert given["state"] == "approved"
    assert [(step["state"], step["who"][:3]) for step in given["steps"]] == [
        ("proposed", "ana"),
        ("approved", "mia"),
        ("approved", "bo@"),
    ]
    assert after.publish(MIA, number)["status"] == 201


def test_a_word_that_leaves_another_missing_tells_no_step_back() -> None:
    before = Office(Terms((Role.MARKETING,)))
    number = before.draft(ANA, "first")
    before.propose(ANA, number)
    before.approve(MIA, number)

    given = moved(before, Terms((Role.MARKETING, Role.SALES, Role.ADMIN))).approve(BO, number)

    assert (given["state"], given["missing"]) == ("proposed", ["admin"])
    assert [step["state"] for step in given["steps"]] == ["proposed", "approved"]


def test_a_draft_that_needs_fewer_words_by_now_has_all_that_it_needs() -> None:
    before = Office(TWO_WORDS)
    number = before.draft(ANA, "first")
    before.propose(ANA, number)
    before.approve(MIA, number)

    after = moved(before, Terms((Role.MARKETING,)))
    assert after.ask(MIA, "GET", f"/v1/rules/drafts/{number}")["state"] == "approved"
    assert "approved already: publish it" in after.propose(ANA, number)["message"]


# --- simulations and the budget ---


def test_nothing_is_published_that_nobody_simulated(office: Office) -> None:
    number = office.approved("second")

    refused = office.publish(MIA, number)

    assert (refused["status"], refused["code"], refused["details"]) == (409, "unmet", {"needs": "simulation"})
    assert office.active["number"] == 1


@pytest.mark.parametrize(("after", "status"), [(115, 201), (116, 409), (40, 201)])
def test_more_handoffs_than_the_budget_need_a_reason(office: Office, after: int, status: int) -> None:
    number = office.approved("second")

    done = office.publish(MIA, number, simulation=office.simulated("second", before=100, after=after))

    assert done["status"] == status
    if status == 409:
        assert "116 handoffs instead of 100" in done["message"]
        assert done["details"] == {
            "needs": "force",
            "handoffs_before": 100,
            "handoffs_after": 116,
            "handoff_budget": 15,
        }


@pytest.mark.parametrize("shown", ["none", "too many", "forged"])
def test_a_reason_goes_beyond_the_budget_and_is_kept(office: Office, shown: str) -> None:
    number = office.approved("second")
    tokens = {"none": "", "too many": office.simulated("second", before=10, after=90), "forged": "x.y"}

    done = office.publish(MIA, number, simulation=tokens[shown], force="The fair is on Monday.")

    assert (done["status"], done["forced"]) == (201, "The fair is on Monday.")
    assert office.ask(BO, "GET", "/v1/rules/2")["forced"] == "The fair is on Monday."


@pytest.mark.parametrize("nothing", ["  \n", " \u200b ", "\u200d", "...", "\u2060\ufe0f"])
def test_what_nobody_can_read_is_neither_a_reason_nor_a_note(office: Office, nothing: str) -> None:
    number = office.approved("second")
    person = Person("id-mia", "mia", frozenset({Role.MARKETING}))

    refused = office.publish(MIA, number, force=nothing)
    assert (refused["status"], refused["details"]) == (422, {"at": "force"})
    assert "one letter or digit" in refused["message"]
    with pytest.raises(Unmet):
        office.house.desk.rules.publish_draft(number, person, PublishingWish(force=nothing))
    for path in ("/v1/rules/drafts", "/v1/rules/rollbacks"):
        told = {"note": nothing} | ({"document": {"name": "x"}} if path.endswith("drafts") else {})
        assert office.ask(MIA, "POST", path, told)["details"] == {"at": "note"}
    assert office.publish(MIA, number, force="値上げ")["forced"] == "値上げ"


def test_a_reason_that_nothing_asked_for_is_not_kept_as_one(office: Office) -> None:
    number = office.approved("second")

    done = office.publish(MIA, number, simulation=office.simulated("second"), force="To be sure.")

    assert done["forced"] == ""


def test_a_simulation_counts_for_its_own_file_against_the_active_version_for_a_day(office: Office) -> None:
    of_another = office.simulated("another")
    early = office.simulated("second")
    office.went_live("meanwhile")
    number = office.approved("second")

    assert "of another rule file" in office.publish(MIA, number, simulation=of_another)["message"]
    assert "against version 1" in office.publish(MIA, number, simulation=early)["message"]
    today = office.simulated("second")
    office.house.clock.advance(24 * HOUR)
    assert office.publish(MIA, number, simulation=today)["status"] == 422
    assert office.publish(MIA, number, simulation=today + "x")["status"] == 422
    assert office.active["number"] == 2


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ({"notify": True}, "the simulation is with notify, and this publishes without notify"),
        ({"days": 89}, "looks back over less than 90 days"),
        ({"of": 8, "leads": 1000}, "of some segments alone"),
        ({"of": 100, "leads": 99}, "a sample of at least 100 of them"),
        ({"of": 100, "segment": 17, "leads": 1000}, "of some segments alone"),
    ],
)
def test_who_publishes_does_not_choose_what_the_simulation_looks_at(
    office: Office, way: dict[str, Any], why: str
) -> None:
    number = office.approved("second")

    refused = office.publish(MIA, number, simulation=office.simulated("second", **way))

    assert (refused["status"], refused["details"]) == (409, {"needs": "simulation"})
    assert why in refused["message"]
    assert office.publish(MIA, number, simulation=office.simulated("second", of=100))["status"] == 201


def test_handing_over_what_the_rules_alone_move_is_simulated_so_and_counts(office: Office) -> None:
    number = office.approved("second")
    quiet = office.simulated("second", before=100, after=110)
    assert "simulate with notify" in office.publish(MIA, number, simulation=quiet, notify=True)["message"]

    too_many = office.simulated("second", before=100, after=130, notify=True)
    refused = office.publish(MIA, number, simulation=too_many, notify=True)
    assert "130 handoffs, with those that publishing itself sends, instead of 100" in refused["message"]

    few = office.simulated("second", before=100, after=110, notify=True)
    assert office.publish(MIA, number, simulation=few, notify=True)["notify"] is True


def test_a_simulation_is_of_what_a_file_says_and_its_text_lends_it_to_no_other(office: Office) -> None:
    office.went_live("meanwhile")
    drafts, ana = office.house.desk.drafts, Person("id-ana", "ana", frozenset({Role.ANALYST}))
    number = drafts.draft(file_of("second")["document"], file_of("another")["text"], "", ana).draft.number
    office.propose(ANA, number)
    office.approve(MIA, number)
    office.approve(BO, number)

    assert "of another rule file" in office.publish(MIA, number, simulation=office.simulated("another"))["message"]
    assert office.publish(MIA, number, simulation=office.simulated("second"))["status"] == 201


def test_a_blank_text_is_the_document_as_json(office: Office) -> None:
    for text in (None, "", " \n\t"):
        document = {"name": f"Ж {text!r}"}
        number = office.ask(ANA, "POST", "/v1/rules/drafts", {"document": document, "text": text})["number"]
        assert office.ask(ANA, "GET", f"/v1/rules/drafts/{number}")["text"] == json.dumps(document, ensure_ascii=False)


@pytest.mark.parametrize("strange", ["\x7f", "\x92", "\x85", "\u2028", "\ufeff", "\uffff", "\U0001f600", "\\", '"'])
def test_a_draft_without_a_text_is_kept_with_one_that_says_the_same(office: Office, strange: str) -> None:
    document = {"name": "x", "description": f"a {strange} b"}
    number = office.ask(ANA, "POST", "/v1/rules/drafts", {"document": document})["number"]

    assert load_yaml(office.ask(ANA, "GET", f"/v1/rules/drafts/{number}")["text"]) == document


# --- a team of one ---


def test_where_words_are_needed_a_file_is_not_published_at_once(office: Office) -> None:
    refused = office.ask(MIA, "POST", "/v1/rules", file_of("second") | {"force": "Now."})

    assert (refused["status"], refused["code"]) == (409, "unmet")
    assert refused["details"]["missing"] == ["marketing", "sales"]
    assert "draft the file, propose it, have it approved" in refused["message"]


def test_a_team_of_one_publishes_a_draft_without_a_word() -> None:
    office = Office(Terms())
    number = office.draft(MIA, "first")
    assert office.publish(MIA, number)["number"] == 1
    second = office.draft(MIA, "second")
    assert "want nobody's word" in office.approve(MIA, second)["message"]

    assert office.publish(MIA, second, simulation=office.simulated("second"))["number"] == 2


def test_a_team_of_one_publishes_a_file_once_it_was_simulated() -> None:
    office = Office(Terms())
    office.ask(MIA, "POST", "/v1/rules", file_of("first"))

    unseen = office.ask(MIA, "POST", "/v1/rules", file_of("second"))
    assert unseen["details"] == {"needs": "simulation"}
    told = file_of("second") | {"simulation": office.simulated("second", notify=True), "notify": True}
    done = office.ask(MIA, "POST", "/v1/rules", told)

    assert (done["status"], done["number"], done["notify"]) == (201, 2, True)


# --- rolling back ---


def test_a_rollback_is_a_publish_of_the_version_before_and_needs_no_words(office: Office) -> None:
    office.went_live("second")

    back = office.roll_back(MIA, note="It called everybody.")

    assert (back["status"], back["number"], back["restores"], back["name"]) == (201, 3, 1, "first")
    assert (back["note"], back["author"]) == ("It called everybody.", "mia@acme.example")
    assert back["publisher"] == "mia@acme.example"
    assert {each["role"] for each in back["approvals"]} == {"marketing", "sales"}
    assert office.active["text"] == file_of("first")["text"]
    assert [event.detail["version"] for event in office.house.versions.outbox] == [1, 2, 3]


def test_a_preview_of_a_rollback_tells_where_it_would_lead_and_publishes_nothing(office: Office) -> None:
    office.went_live("second")
    office.went_live("third")
    asked = {"note": "", "preview": True}

    told = office.ask(MIA, "POST", "/v1/rules/rollbacks", asked)
    assert (told["status"], told["version"], told["warnings"]) == (200, 2, [])
    assert office.ask(MIA, "POST", "/v1/rules/rollbacks", {**asked, "number": 1})["version"] == 1
    assert office.ask(MIA, "POST", "/v1/rules/rollbacks", {**asked, "number": 9})["status"] == 404
    assert office.ask(ANA, "POST", "/v1/rules/rollbacks", asked)["status"] == 403
    assert office.active["number"] == 3


def test_rolling_back_twice_goes_back_further_and_by_number_anywhere(office: Office) -> None:
    office.went_live("second")
    office.went_live("third")

    assert [office.roll_back(MIA)["restores"] for _ in range(2)] == [2, 1]
    beyond = office.roll_back(MIA)
    assert (beyond["status"], "no version before" in beyond["message"]) == (404, True)
    forth = office.roll_back(MIA, 3)
    assert (forth["number"], forth["restores"], forth["name"]) == (6, 3, "third")


def test_going_back_to_a_rollback_names_the_version_whose_file_it_is(office: Office) -> None:
    office.went_live("second")
    office.roll_back(MIA)
    office.went_live("fourth")

    assert office.roll_back(MIA, 3)["restores"] == 1


def test_a_rollback_to_what_holds_or_never_was_is_refused(office: Office) -> None:
    office.went_live("second")
    office.roll_back(MIA)

    assert office.roll_back(MIA, 9)["status"] == 404
    for number in (1, 3):
        assert "hold already" in office.roll_back(MIA, number)["message"]


def test_a_rollback_while_somebody_publishes_is_decided_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.went_live("second")
    number = office.approved("third")
    simulation = office.simulated("third")
    overtaken(office, monkeypatch, "publish", lambda: office.publish(ADA, number, simulation=simulation))

    assert office.roll_back(MIA)["status"] == 409
    assert (office.active["number"], office.active["name"]) == (3, "third")


def test_a_draft_is_not_published_over_a_rollback_of_the_same_moment(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.went_live("second")
    number = office.approved("third")
    simulation = office.simulated("third")
    overtaken(office, monkeypatch, "publish", lambda: office.roll_back(ADA))

    late = office.publish(MIA, number, simulation=simulation)

    assert (late["status"], late["details"]) == (409, {"based_on": 2, "active": 3})
    assert (office.active["name"], office.ask(MIA, "GET", f"/v1/rules/drafts/{number}")["state"]) == (
        "first",
        "approved",
    )


def test_a_draft_from_before_a_rollback_is_drafted_again(office: Office) -> None:
    office.went_live("second")
    number = office.approved("third")
    office.roll_back(MIA)

    assert office.publish(MIA, number, force="Now.")["details"] == {"based_on": 2, "active": 3}


KINDS = st.sampled_from(["demo_requested", "page_viewed", "mouse_moved"])
BEFORE = {
    "name": "before",
    "behaviour": [
        {"id": "demo", "on": "demo_requested", "points": 25, "decay": {"half_life": "30d"}},
        {"id": "view", "on": "page_viewed", "points": 1.5, "cap": 6},
    ],
}
AFTER = {
    "name": "after",
    "behaviour": [
        {"id": "demo", "on": "demo_requested", "points": 40, "repeat": "once"},
        {"id": "mouse", "on": "mouse_moved", "points": 0.1, "decay": {"linear": {"lose": "50%", "every": "10d"}}},
    ],
}


@given(did=st.lists(st.tuples(KINDS, st.integers(0, 60 * DAY)), min_size=1, max_size=12))
def test_rolling_back_restores_every_score_exactly(did: list[tuple[str, int]]) -> None:
    house, ada = House(BEFORE), email("ada@lead.example")
    began = parse_moment("2026-01-01T00:00:00Z")
    house.take(
        *(
            activity(f"a{number}", ada, type=kind, at=format_moment(Moment(began + after)))
            for number, (kind, after) in enumerate(did)
        )
    )
    lead = house.lead(ada)
    rules = PublishRules(house.versions, house.clock, ROSTERS, a_desk().simulations, Terms())
    mia = Person("id-mia", "mia", frozenset({Role.MARKETING}))

    rules.publish(AFTER, json.dumps(AFTER), "", mia, PublishingWish(force="So."))
    house.clock.advance(HOUR)
    house.score.touch(lead.lead)
    assert house.lead(ada).rules_version == 2
    rules.roll_back(None, "", mia)
    house.clock.advance(HOUR)
    house.score.touch(lead.lead)

    back = house.lead(ada)
    assert back.rules_version == 3
    assert back.state == lead.state
    at = house.clock.now()
    assert house.rulebook.active().rules.score(back.state, at) == house.rulebook.version(1).rules.score(lead.state, at)


# --- whatever people do ---

NAMES = ("mia", "bo", "ana", "kim")
PEOPLE = {
    "mia": frozenset({Role.MARKETING}),
    "bo": frozenset({Role.SALES}),
    "ana": frozenset({Role.ANALYST}),
    "kim": frozenset({Role.MARKETING, Role.SALES, Role.ADMIN}),
}
WHO = st.sampled_from(NAMES)
WHICH = st.integers(1, 3)
FILES = st.sampled_from(["a", "b", "c"])


class Everybody(RuleBasedStateMachine):
    """People draft, propose, approve, withdraw, publish and roll back in any order."""

    def __init__(self) -> None:
        super().__init__()
        house = a_desk(TWO_WORDS)
        self.versions: InMemoryRuleVersions = house.versions
        self.clock: FixedClock = house.clock
        self.publishing = PublishRules(self.versions, self.clock, ROSTERS, house.simulations, TWO_WORDS)
        self.drafts = DraftRules(self.versions, self.clock, TWO_WORDS, self.publishing.warnings)
        self.words: dict[str, set[tuple[str, Role]]] = {}
        """By the text of a draft, and its number: who gave which word for exactly that, as the answers said."""
        self.greatest = 0
        self.agreed: set[str] = set()

    def person(self, name: str) -> Person:
        return Person(f"id-{name}", name, PEOPLE[name])

    @rule(who=WHO, name=FILES)
    def draft(self, who: str, name: str) -> None:
        told = file_of(name)
        with suppress(Refused):
            self.drafts.draft(told["document"], told["text"], "", self.person(who))

    @rule(who=WHO, number=WHICH)
    def propose(self, who: str, number: int) -> None:
        with suppress(Refused):
            self.drafts.propose(number, self.person(who))

    @rule(who=WHO, number=WHICH, role=st.sampled_from([None, Role.MARKETING, Role.SALES, Role.ADMIN]))
    def approve(self, who: str, number: int, role: Role | None) -> None:
        with suppress(Refused):
            draft = self.drafts.approve(number, self.person(who), role).draft
            said = draft.approvals[-1]
            assert said.person == f"id-{who}"
            assert said.role in PEOPLE[who]
            given = self.words.setdefault(f"{number} {draft.text}", set())
            assert who not in {name for name, _ in given}
            given.add((who, said.role))

    @rule(who=WHO, number=WHICH)
    def insist(self, who: str, number: int) -> None:
        for role in (Role.MARKETING, Role.SALES):
            self.approve(who, number, role)

    @rule(who=WHO, number=WHICH)
    def withdraw(self, who: str, number: int) -> None:
        with suppress(Refused):
            self.drafts.withdraw(number, self.person(who))

    @rule(who=WHO, number=WHICH)
    def publish(self, who: str, number: int) -> None:
        with suppress(Refused):
            published = self.publishing.publish_draft(
                number, self.person(who), PublishingWish(force="Because.")
            ).version
            given = self.words.get(f"{number} {published.text}", set())
            assert {role for _, role in given} >= {Role.MARKETING, Role.SALES}
            assert len({name for name, _ in given}) >= 2
            self.agreed.add(published.text)

    @rule(who=WHO, name=FILES)
    def publish_at_once(self, who: str, name: str) -> None:
        told = file_of(name)
        with suppress(Refused):
            self.publishing.publish(
                told["document"], told["text"], "", self.person(who), PublishingWish(force="Because.")
            )

    @rule(who=WHO, number=st.one_of(st.none(), WHICH))
    def roll_back(self, who: str, number: int | None) -> None:
        with suppress(Refused):
            self.publishing.roll_back(number, "", self.person(who))

    @invariant()
    def what_holds_was_agreed_on_by_two(self) -> None:
        active = self.publishing.active()
        assert active.number == 0 or active.text in self.agreed

    @invariant()
    def the_number_only_rises(self) -> None:
        number = self.versions.active_number()
        assert number >= self.greatest
        self.greatest = number

    @invariant()
    def a_version_is_never_changed(self) -> None:
        seen: dict[int, RuleVersion] = self.__dict__.setdefault("seen", {})
        for version in self.versions.all():
            assert seen.setdefault(version.number, version) == version


TestEverybody = Everybody.TestCase
TestEverybody.settings = settings(stateful_step_count=40)
