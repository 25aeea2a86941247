"""Erasing a person: nothing older is held, whatever comes when and whoever is interrupted; what is newer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.activity import Claims, Identity, Rank
from shared.domain.admission import trusted_source
from shared.domain.erasure import is_erased, names_in
from shared.domain.handoff import LeadId
from shared.domain.moments import HOUR, MINUTE, SECOND, Moment, format_moment, parse_moment
from shared.domain.people import Person, Role
from shared.domain.refusals import Invalid, NotFound
from shared.domain.rescores import UnappliedActivities
from shared.domain.state import ScoreState
from shared.ports.activities import ActivityKey
from shared.ports.leads import LeadRecord
from shared.usecases.erase import PAUSE, AskForErasure, ErasePeople, ErasureRequest, ReplayErasures
from shared.usecases.erased import LATEST_REMEMBERED_FOR, ErasedPeople
from shared.usecases.ingest import Ingest
from shared.usecases.late import still_held
from shared.usecases.merge import RuleWhoIsWho, Ruling
from shared.usecases.qualify import QualificationTold, QualifyLead
from shared.usecases.renew import renew
from shared.usecases.rescore import first_checkpoints
from shared.usecases.spending import Spending
from tests.fakes import InMemoryBudgets, InMemoryQueue
from tests.fakes.erasures import InMemoryErasures
from tests.fakes.rescoring import InMemoryRescoring
from tests.fakes.traces import InMemoryTraces
from tests.people import activity, browser, email, merged, unmerged, user
from tests.unit.test_score import ADA, ADA_S_ID, BOB, LAPTOP, RULES, House

MIA = Person("id-mia", "Mia", frozenset({Role.ADMIN}))
PHONE = browser("phone")
SERVER = trusted_source("server")
BEFORE = "2026-03-01T09:00:00Z"


class Died(BaseException):
    """The process is gone."""


class Dying:
    """A port whose calls are numbered; the process dies before, or just after, one of them."""

    def __init__(self, port: Any, fate: Fate) -> None:
        self._port, self._fate = port, fate

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **named: self._fate.around(getattr(self._port, name), *given, **named)


class Fate:
    def __init__(self, at: int = -1, *, after: bool = False) -> None:
        self.at, self.after, self.calls = at, after, 0

    def around(self, call: Any, *given: Any, **named: Any) -> Any:
        number, self.calls = self.calls, self.calls + 1
        if number == self.at and not self.after:
            raise Died
        answer = call(*given, **named)
        if number == self.at:
            raise Died
        return answer


class Office(House):
    """A house where people are erased."""

    def __init__(self) -> None:
        super().__init__()
        self.erasures = InMemoryErasures()
        self.rescoring = InMemoryRescoring()
        self.traces = InMemoryTraces(self.log, self.leads, rescoring=self.rescoring)
        self.work, self.touches = InMemoryQueue(), InMemoryQueue()
        self.asking = AskForErasure(self.log, self.leads, self.erasures, self.work, self.clock)
        self.erased = ErasedPeople(self.erasures, self.clock)
        self.ingest = Ingest(
            self.log,
            Spending(InMemoryBudgets),
            retention_days=700,
            is_bot=lambda _agent: False,
            email_kind=lambda _address: "work",
            erased=self.erased,
        )

    def process(self, fate: Fate | None = None) -> ErasePeople:
        """A fresh process of the function."""
        fate = fate or Fate()
        return ErasePeople(
            Dying(self.log, fate),
            Dying(self.leads, fate),
            Dying(self.traces, fate),
            Dying(self.erasures, fate),
            score=Dying(self.touches, fate),
            work=Dying(self.work, fate),
            clock=self.clock,
        )

    def ask(self, who: Any = ADA, name: str = "1", why: str = "She asked by letter.") -> Any:
        return self.asking.ask(self.lead(who).lead, ErasureRequest(name, MIA, why))

    def finish(self) -> None:
        """Let every pass come, and do all that they ask of `score`."""
        for _ in range(10):
            waiting, self.work.messages = self.work.messages, []
            for message in waiting:
                self.process().go_on(str(message["erasure"]))
            self.score_what_was_asked()
            if not self.work.messages:
                return
            self.clock.advance(PAUSE)
        pytest.fail("the erasure never ends")

    def score_what_was_asked(self) -> None:
        """What the function `score` does with its queue."""
        asked, self.touches.messages = self.touches.messages, []
        for message in asked:
            if "renew" in message:
                renew(self.log, self.leads, LeadId(str(message["renew"])), self.score.touch)
                self.score.touch(LeadId(str(message["renew"])), rebuild=True)
                continue
            named: Any = message["activity"]
            key = ActivityKey(Identity.of_key(named["identity"]), named["id"])
            if logged := self.log.at(key):
                assert self.score.apply([logged]) == []

    def submit(self, *activities: Any) -> list[Any]:
        """Take in what a server sends, and score it."""
        before = set(self.log._log)
        refused = self.ingest.submit(activities, SERVER)
        new = [each for key, each in self.log._log.items() if key not in before]
        assert self.score.apply(new) == []
        return refused

    def held(self) -> str:
        """Everything that any store holds, but the tombstones."""
        told = [self.log._log, self.leads.records, self.leads._whose, self.leads._attached, self.erasures.erasures]
        return repr([*told, self.rescoring.all()])


@pytest.fixture
def office() -> Office:
    office = Office()
    office.take(activity("b1", BOB, user("u-bob"), at=BEFORE))
    return office


def lived(office: Office) -> None:
    """Ada did things by name and without, in two browsers; Bob has his own."""
    office.take(
        activity("a1", LAPTOP, at=BEFORE),
        activity("a2", ADA, LAPTOP, at=BEFORE, claims=Claims(lead={"first_name": "Augusta"}, consent="granted")),
        activity("a3", ADA, ADA_S_ID, at=BEFORE),
        activity("a4", ADA_S_ID, PHONE, at=BEFORE, type="demo_requested"),
        activity("a5", PHONE, at="2026-03-01T10:00:00Z"),
        activity("b2", BOB, browser("tablet"), at=BEFORE),
    )


CANARIES = ("ada@", "u-ada", "laptop", "phone", "Augusta")


def test_nothing_stays_of_the_person_and_all_of_everybody_else(office: Office) -> None:
    lived(office)
    bob = office.lead(BOB)

    office.ask()
    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert office.lead(BOB) == bob
    assert len(office.log) == 2
    (erasure,) = office.erasures.all()
    assert erasure.done_at is not None
    assert (erasure.who, erasure.why, erasure.names) == ("Mia", "She asked by letter.", frozenset())


def test_a_rescore_that_stands_in_the_log_of_the_person_remembers_no_name_of_theirs(office: Office) -> None:
    lived(office)
    for number, log in enumerate([ADA, ADA_S_ID, LAPTOP, BOB]):
        begun = first_checkpoints(f"job-{number}", UnappliedActivities(Moment(0)), office.clock.now(), 1)
        office.rescoring.begin([replace(each, after=f"{log.key} b1") for each in begun])
    assert [canary for canary in CANARIES if canary in repr(office.rescoring.all())] == ["ada@", "u-ada", "laptop"]

    office.ask()
    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert [each.after for each in office.rescoring.all()] == [None, None, None, f"{BOB.key} b1"]


def test_what_is_sent_again_is_taken_for_taken_and_dropped(office: Office) -> None:
    lived(office)
    office.ask()
    office.finish()

    again = activity("a2", ADA, LAPTOP, at=BEFORE)
    assert office.submit(again, activity("a9", LAPTOP, at=BEFORE), activity("b3", BOB, at=BEFORE)) == []

    assert again not in office.log
    assert len(office.log) == 3
    assert office.lead(ADA) is None


def test_what_happens_later_begins_a_new_lead_with_nothing_of_the_old_one(office: Office) -> None:
    lived(office)
    old = office.lead(ADA).lead
    erasure = office.ask()
    office.finish()

    office.clock.advance(HOUR)
    office.submit(activity("a10", ADA, LAPTOP, at=format_moment(Moment(erasure.erased_at + 1))))

    assert office.lead(ADA).lead != old
    assert office.points(ADA) == 1


def test_the_fast_clock_of_a_client_revives_nobody(office: Office) -> None:
    ahead = format_moment(Moment(office.clock.now() + 4 * MINUTE))
    office.take(activity("a1", ADA, at=ahead))

    assert office.ask().erased_at == parse_moment(ahead)


def test_of_a_shared_browser_the_other_person_keeps_what_is_theirs(office: Office) -> None:
    office.take(
        activity("a1", ADA, LAPTOP, at="2026-03-01T09:00:00Z"),
        activity("a2", LAPTOP, at="2026-03-01T09:30:00Z"),
        activity("b2", BOB, LAPTOP, at="2026-03-01T10:00:00Z"),
        activity("b3", LAPTOP, at="2026-03-01T10:30:00Z"),
    )
    assert office.points(BOB) == 3

    office.ask()
    office.finish()

    assert sorted(each.id for each in office.log._log.values()) == ["b1", "b2", "b3"]
    assert office.points(BOB) == 3
    office.submit(activity("late", LAPTOP, at="2026-03-01T09:40:00Z"))
    assert office.points(BOB) == 3
    office.submit(activity("b4", BOB, LAPTOP, at="2026-03-01T09:50:00Z"))
    assert office.points(BOB) == 4


def test_a_lead_that_was_parted_from_the_person_forgets_their_names(office: Office) -> None:
    lived(office)
    rulings = RuleWhoIsWho(office.log, office.leads, office.clock)
    office.clock.advance(HOUR)
    for ruling in (
        lambda: rulings.merge(office.lead(ADA).lead, office.lead(BOB).lead, Ruling("1", MIA, "")),
        lambda: rulings.unmerge(office.lead(ADA).lead, [ADA, ADA_S_ID], Ruling("2", MIA, "")),
    ):
        office.clock.advance(HOUR)
        office.score.apply([ruling().activity])
    points = office.points(BOB)
    office.take(activity("b9", BOB, ADA_S_ID, at="2026-03-01T11:00:00Z"))
    assert "u-ada" in repr(office.lead(BOB))

    office.ask()
    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert office.points(BOB) == points + 1


@pytest.mark.parametrize("led_along", [True, False])
@pytest.mark.parametrize("beside", [(), (email("cat@engines.example"),)])
def test_what_went_into_a_lead_from_which_the_person_was_parted_forgets_them_too(
    office: Office, beside: tuple[Identity, ...], *, led_along: bool
) -> None:
    office.take(activity("a1", ADA, at=BEFORE))
    office.take(activity("a2", ADA_S_ID, *beside, at=BEFORE))
    stayed = office.lead(ADA_S_ID).lead
    for each in (ADA, ADA_S_ID):
        office.take(merged(f"m-{each.key}", BOB, each, at=BEFORE))
    records = office.leads.records
    before = records[stayed]
    office.take(unmerged("m3", [ADA, ADA_S_ID], [BOB, *beside], at="2026-03-01T10:00:00Z"))
    ada, bob = office.lead(ADA), office.lead(BOB)
    assert records[stayed].merged_into == ada.lead
    if not led_along:
        # Of those who went together an earlier release led the first alone to where they went.
        records[stayed] = replace(before, version=records[stayed].version)
        records[ada.lead] = replace(ada, absorbed=())
        records[bob.lead] = replace(bob, absorbed=(stayed,))
    points = office.points(BOB)

    office.ask()
    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    left = records.get(stayed)
    assert (left.identities if left else frozenset()) == (frozenset() if led_along else frozenset(beside))
    assert office.points(BOB) == points


def test_a_repair_in_the_middle_of_an_erasure_gives_nobody_a_name_of_the_person(office: Office) -> None:
    office.take(activity("a1", ADA, ADA_S_ID, at=BEFORE))
    office.take(unmerged("m1", [ADA], [user("u-bob")], at=BEFORE))
    office.take(activity("b2", BOB, ADA_S_ID, at="2026-03-01T10:00:00Z"))
    bob = office.lead(BOB)
    office.ask()
    (waiting,), office.work.messages = office.work.messages, []
    office.process().go_on(str(waiting["erasure"]))

    office.score.repair(bob.lead)

    assert office.leads.whose([ADA, ADA_S_ID]) == {}
    office.finish()
    assert not [canary for canary in CANARIES if canary in office.held()]
    assert office.lead(BOB).identities == bob.identities


def test_a_lead_in_the_format_of_another_release_forgets_the_names_of_a_person_beside_it_too(office: Office) -> None:
    lived(office)
    rulings = RuleWhoIsWho(office.log, office.leads, office.clock)
    ada, bob = office.lead(ADA), office.lead(BOB)
    office.clock.advance(HOUR)
    office.score.apply([rulings.merge(ada.lead, bob.lead, Ruling("1", MIA, "")).activity])
    office.clock.advance(HOUR)
    office.score.apply([rulings.unmerge(ada.lead, [ADA, ADA_S_ID], Ruling("2", MIA, "")).activity])
    points = office.points(BOB)
    assert "u-ada" in repr(office.lead(BOB))
    office.leads.foreign = {office.lead(BOB).lead}

    office.ask()
    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert office.points(BOB) == points


def test_whoever_asks_again_asks_for_the_same_and_a_lost_message_is_sent_again(office: Office) -> None:
    lived(office)
    lead = office.lead(ADA).lead
    office.work.fails = True
    with pytest.raises(Exception, match="did not answer"):
        office.ask()
    office.work.fails = False

    first = office.asking.ask(lead, ErasureRequest("1", MIA, "She asked by letter."))
    office.finish()
    again = office.asking.ask(lead, ErasureRequest("1", MIA, "She asked by letter."))

    assert first.id == again.id
    assert again.done_at is not None
    assert len(office.erasures.erasures) == 1


def test_whom_nobody_knows_is_not_erased(office: Office) -> None:
    with pytest.raises(NotFound):
        office.asking.ask(LeadId("x"), ErasureRequest("1", MIA, ""))


@pytest.mark.parametrize("why", ["ADA@engines.example wrote", "Augusta asked", "it is u-ada"])
def test_a_reason_that_would_keep_a_name_is_refused_and_nothing_happens(office: Office, why: str) -> None:
    lived(office)

    with pytest.raises(Invalid):
        office.ask(why=why)

    assert (office.erasures.tombstones, office.work.messages) == ({}, [])


def test_an_ordinary_activity_is_asked_nothing(office: Office) -> None:
    lived(office)
    office.ask()
    office.finish()
    office.clock.advance(HOUR)
    office.submit(activity("b5", BOB, at=format_moment(office.clock.now())))

    assert office.erasures.asked == 0


def test_what_a_function_took_that_did_not_know_yet_is_found_by_the_next_pass(office: Office) -> None:
    lived(office)
    office.submit(activity("b5", BOB, at=BEFORE))
    office.ask()
    office.process().go_on(str(office.work.messages.pop()["erasure"]))
    office.clock.advance(LATEST_REMEMBERED_FOR - SECOND)
    late = activity("late", ADA, LAPTOP, at=BEFORE)
    office.submit(late)
    assert late in office.log

    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert all(record.identities for record in office.leads.records.values())


def test_of_leads_that_are_made_and_joined_of_what_comes_late_nothing_stays(office: Office) -> None:
    lived(office)
    office.ask()
    assert pass_done(office, str(office.work.messages[0]["erasure"]))
    for each in (ADA,), (ADA_S_ID,), (ADA, ADA_S_ID):
        office.take(activity(f"late-{len(office.log)}", *each, at=BEFORE))
    assert [each.merged_into for each in office.leads.records.values()] == [None, None, office.lead(ADA).lead]

    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert list(office.leads.records.values()) == [office.lead(BOB)]


def test_whoever_turns_out_to_have_used_the_person_s_browser_keeps_nothing_of_what_is_erased(office: Office) -> None:
    office.take(
        activity("a1", LAPTOP, at="2026-03-01T09:45:00Z"), activity("a2", ADA, LAPTOP, at="2026-03-01T10:00:00Z")
    )
    office.ask()
    office.take(activity("b2", BOB, LAPTOP, at="2026-03-01T09:30:00Z"))
    assert office.lead(BOB).state.entries.keys() == {"a1", "b1", "b2"}

    office.finish()

    assert office.lead(BOB).state.entries.keys() == {"b1", "b2"}


def test_whoever_used_a_browser_to_which_the_person_came_late_has_again_what_was_done_there_without_a_name(
    office: Office,
) -> None:
    office.take(activity("p1", PHONE, at="2026-03-01T09:30:00Z"), activity("a1", ADA, at=BEFORE))
    office.ask()
    office.take(activity("late", ADA, PHONE, at=BEFORE))
    office.take(activity("b2", BOB, PHONE, at="2026-03-01T10:00:00Z"))
    assert office.lead(BOB).state.entries.keys() == {"b1", "b2"}

    office.finish()

    assert office.lead(BOB).state.entries.keys() == {"b1", "b2", "p1"}


def test_a_lead_that_was_loaded_before_and_written_after_is_found_by_the_next_pass(office: Office) -> None:
    lived(office)
    late = activity("late", ADA, LAPTOP, at=BEFORE)
    office.log.append([late])
    office.ask()
    office.process().go_on(str(office.work.messages[0]["erasure"]))
    assert office.score.apply([late]) == []
    assert office.lead(ADA) is not None

    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]


def test_a_lead_that_is_written_while_the_last_pass_goes_on_is_found_by_one_more(office: Office) -> None:
    lived(office)
    late = activity("late", ADA, at=BEFORE)
    office.ask()
    name = str(office.work.messages.pop()["erasure"])
    office.process().go_on(name)
    office.clock.advance(PAUSE)
    # `score` has claimed the name for a new lead, and is about to write it.
    office.leads.claim(ADA, LeadId("slow"))
    office.process().go_on(name)
    state = office.rulebook.active().rules.absorb(ScoreState.empty(), [late])
    office.leads.save(LeadRecord(LeadId("slow"), frozenset({ADA}), state))

    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]


def test_a_touch_of_whom_nobody_holds_any_more_makes_no_lead(office: Office) -> None:
    lived(office)
    old = office.lead(ADA).lead
    office.ask()
    office.finish()

    office.score.touch(old)

    assert office.leads.load(old) is None


def test_the_next_pass_waits_for_its_time_however_often_it_is_asked_for(office: Office) -> None:
    lived(office)
    office.ask()
    name = str(office.work.messages.pop()["erasure"])
    office.process().go_on(name)
    assert office.work.delays == [60]
    office.clock.advance(20 * SECOND)
    late = activity("late", ADA, at=BEFORE)
    office.log.append([late])

    again = office.process().go_on(name)

    assert again is not None
    assert (again.passes, office.work.delays) == (1, [60, 40])
    assert late in office.log
    office.clock.advance(40 * SECOND)
    office.process().go_on(name)
    assert late not in office.log


def test_names_that_the_lead_was_given_since_are_erased_too(office: Office) -> None:
    lived(office)
    office.ask()
    office.take(activity("a11", ADA, user("u-augusta"), at=BEFORE))

    office.finish()

    assert "augusta" not in office.held()
    office.submit(activity("a12", user("u-augusta"), at=BEFORE))
    assert office.lead(user("u-augusta")) is None


class Meanwhile(Fate):
    """Something happens right before one of the calls of a process."""

    def __init__(self, at: int, happens: Callable[[], None]) -> None:
        super().__init__()
        self.here, self.happens = at, happens

    def around(self, call: Any, *given: Any, **named: Any) -> Any:
        if self.calls == self.here:
            self.happens()
        return super().around(call, *given, **named)


def joined_while_erased(neighbour: Identity, passes: int, at: int, *, first: bool, ruled: bool) -> tuple[Office, int]:
    """Ada is said to be somebody else just before she is erased, and `score` joins the two at some call of a pass.

    Answers how many calls the pass has, too.
    """
    office = Office()
    theirs = [
        activity("n1", neighbour, user("u-else"), at=BEFORE),
        activity("n2", neighbour, browser("pad"), at=BEFORE),
    ]
    office.take(*theirs if first else ())
    lived(office)
    office.take(*theirs)
    office.clock.advance(HOUR)
    if ruled:
        rulings = RuleWhoIsWho(office.log, office.leads, office.clock)
        said = rulings.merge(office.lead(ADA).lead, office.lead(neighbour).lead, Ruling("1", MIA, "")).activity
    else:
        said = replace(activity("link", ADA, neighbour, type="identified"), occurred_at=office.clock.now())
        office.log.append([said])
    office.clock.advance(SECOND)
    office.ask()

    def join() -> None:
        assert office.score.apply(still_held(office.log, [said], office.clock.now())) == []

    for _ in range(passes):
        assert pass_done(office, str(office.work.messages.pop()["erasure"]))
        office.score_what_was_asked()
        office.clock.advance(PAUSE)
    fate = Meanwhile(at, join)
    office.process(fate).go_on(str(office.work.messages.pop()["erasure"]))
    office.finish()
    return office, fate.calls


@pytest.mark.parametrize(
    ("name", "first", "ruled"),
    [("aaron", True, True), ("aaron", False, False), ("zoe", True, False), ("zoe", False, True)],
)
@pytest.mark.parametrize("passes", [0, 1])
def test_whoever_is_joined_to_the_person_at_any_call_of_a_pass_is_whole_and_nothing_of_the_person_stays(
    name: str,
    passes: int,
    *,
    first: bool,
    ruled: bool,
) -> None:
    neighbour = email(f"{name}@engines.example")
    alone = Office()
    alone.take(
        activity("n1", neighbour, user("u-else"), at=BEFORE), activity("n2", neighbour, browser("pad"), at=BEFORE)
    )
    _, calls = joined_while_erased(neighbour, passes, -1, first=first, ruled=ruled)
    # Of the second pass the last call says that nothing was found: the erasure is over, two minutes after the merge.
    for at in range(calls - passes):
        office, _ = joined_while_erased(neighbour, passes, at, first=first, ruled=ruled)
        assert not [canary for canary in CANARIES if canary in office.held()], at
        assert office.lead(neighbour).identities == {neighbour, user("u-else")}, at
        alone.clock.moment = office.clock.now()
        assert office.points(neighbour) == alone.points(neighbour), at


def test_a_lead_beside_that_goes_into_another_one_before_it_is_renewed_takes_no_name_of_the_person_along(
    office: Office,
) -> None:
    lived(office)
    zoe = email("zoe@engines.example")
    office.take(activity("z1", zoe))
    office.ask()
    office.take(activity("late", ADA, zoe, at=BEFORE))
    assert pass_done(office, str(office.work.messages[0]["erasure"]))
    office.take(merged("m", BOB, zoe))

    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert office.lead(zoe).identities == {zoe, BOB, user("u-bob")}


def test_who_was_joined_to_the_person_is_parted_under_the_rules_of_now(office: Office) -> None:
    lived(office)
    zoe = email("zoe@engines.example")
    office.take(activity("z1", zoe))
    lead = office.lead(zoe).lead
    office.ask()
    office.take(activity("m", ADA, zoe, at=BEFORE))
    assert office.leads.records[lead].merged_into
    office.publish(RULES)
    office.clock.advance(MINUTE)
    for each in office.leads.records:
        office.score.touch(each)

    office.process().go_on(str(office.work.messages.pop()["erasure"]))

    assert {each.rules_version for each in office.leads.records.values() if not each.merged_into} == {2}
    assert office.leads.records[lead].identities == {zoe}


def test_whom_a_backup_brings_back_is_erased_again_and_who_came_by_themselves_is_not(office: Office) -> None:
    lived(office)
    backup = dict(office.log._log), dict(office.leads.records), dict(office.leads._whose), dict(office.leads._attached)
    office.ask()
    office.finish()
    office.clock.advance(HOUR)
    replaying = ReplayErasures(office.log, office.leads, office.erasures, office.work, office.clock)
    office.submit(activity("a10", ADA, at=format_moment(office.clock.now())))
    everybody = {ADA, ADA_S_ID, LAPTOP, PHONE, BOB}
    assert replaying.replay(everybody, "Mia") == 0

    office.log._log.update(backup[0])
    office.leads.records.update(backup[1])
    office.leads._whose.update(backup[2])
    office.leads._attached.update(backup[3])
    assert replaying.replay(everybody, "Mia") == 4
    office.finish()

    assert "Augusta" not in office.held()
    assert "phone" not in office.held()
    assert office.points(ADA) == 1
    assert office.points(BOB) == 2


def pass_done(office: Office, name: str, fate: Fate | None = None) -> bool:
    """Do a pass, in which the process may die: then the queue delivers its message again."""
    try:
        office.process(fate).go_on(name)
    except Died:
        office.work.messages.append({"erasure": name})
        return False
    return True


def rang(office: Office, name: str) -> Any:
    """Mia writes down what Ada said to her on the telephone; answers the activity, which is scored."""
    told = QualificationTold(name, {"need": "Augusta wants engines"}, note="Rang Augusta.")
    said = QualifyLead(office.log, office.leads, office.clock).qualify(office.lead(ADA).lead, told, MIA)[1]
    assert office.score.apply([said]) == []
    return said


@pytest.mark.parametrize("passes", [0, 1])
def test_what_people_say_while_somebody_is_erased_brings_nobody_back(office: Office, passes: int) -> None:
    lived(office)
    office.ask()
    office.clock.advance(SECOND)
    leads = office.leads.records.copy(), office.leads._whose.copy()
    if passes:
        office.process().go_on(str(office.work.messages.pop()["erasure"]))
        # Whoever says it loaded the lead before.
        office.leads.records.update(leads[0])
        office.leads._whose.update(leads[1])
    rang(office, "1")

    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]


def test_what_people_say_beside_a_lead_while_somebody_is_erased_names_nobody(office: Office) -> None:
    lived(office)
    rulings = RuleWhoIsWho(office.log, office.leads, office.clock)
    aaron = email("aaron@engines.example")
    office.take(activity("c1", aaron, at=BEFORE))
    office.clock.advance(HOUR)
    ruled = rulings.merge(office.lead(ADA).lead, office.lead(aaron).lead, Ruling("1", MIA, ""))
    assert office.score.apply([ruled.activity]) == []
    office.clock.advance(HOUR)
    apart = rulings.unmerge(office.lead(ADA).lead, [aaron], Ruling("2", MIA, ""))
    assert office.score.apply([apart.activity]) == []
    office.ask()
    office.clock.advance(SECOND)
    office.log.append([replace(apart.activity, id="again", occurred_at=office.clock.now())])

    office.finish()

    assert not [canary for canary in CANARIES if canary in office.held()]
    assert office.points(aaron) == 1


def test_what_people_say_of_whoever_came_back_stays_and_what_they_said_before_goes(office: Office) -> None:
    lived(office)
    office.ask()
    office.clock.advance(SECOND)
    before = rang(office, "1")
    office.clock.advance(SECOND)
    office.submit(activity("a10", ADA, at=format_moment(office.clock.now())))
    office.clock.advance(SECOND)
    after = rang(office, "2")

    office.finish()

    assert before not in office.log
    assert after in office.log
    assert office.points(ADA) == 1


@pytest.mark.parametrize("passes", [0, 1])
@pytest.mark.parametrize("after", [False, True])
def test_whoever_dies_at_any_call_is_taken_up_again(after: bool, passes: int) -> None:  # noqa: FBT001
    at, died = 0, True
    while died:
        office = Office()
        office.take(activity("b1", BOB, LAPTOP, at="2026-03-01T12:00:00Z"))
        lived(office)
        office.ask()
        name = str(office.work.messages.pop()["erasure"])
        if passes:
            pass_done(office, name)
            office.clock.advance(PAUSE)
            office.take(activity("late", ADA, LAPTOP, at=BEFORE))
        died = not pass_done(office, name, Fate(at, after=after))
        office.finish()
        assert not [canary for canary in ("ada@", "u-ada", "phone", "Augusta") if canary in office.held()], at
        assert sorted(each.id for each in office.log._log.values()) == ["b1", "b2"], at
        assert all(erasure.done_at for erasure in office.erasures.all()), at
        at += 1
    assert at > 10


@pytest.mark.parametrize("came_first", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_whoever_dies_while_others_are_parted_from_the_person_makes_them_anew_all_the_same(
    *, after: bool, came_first: bool
) -> None:
    zoe = email("zoe@engines.example")
    at, died = 0, True
    while died:
        office = Office()
        office.take(*[activity("z1", zoe, at=BEFORE)] if came_first else ())
        lived(office)
        office.take(activity("z1", zoe, at=BEFORE))
        office.ask()
        office.take(activity("late", zoe, ADA_S_ID, at=BEFORE))
        died = not pass_done(office, str(office.work.messages.pop()["erasure"]), Fate(at, after=after))
        office.finish()
        assert not [canary for canary in CANARIES if canary in office.held()], at
        assert office.lead(zoe).identities == {zoe}, at
        assert office.lead(zoe).state.entries.keys() == {each.id for each in office.log.under(zoe)}, at
        at += 1
    assert at > 10


@pytest.mark.parametrize("after", [False, True])
def test_whoever_asks_again_after_the_asking_died_at_any_call_has_it_done(after: bool) -> None:  # noqa: FBT001
    at, died = 0, True
    while died:
        office = Office()
        lived(office)
        fate = Fate(at, after=after)
        asking = AskForErasure(
            Dying(office.log, fate),
            Dying(office.leads, fate),
            Dying(office.erasures, fate),
            Dying(office.work, fate),
            office.clock,
        )
        lead, request = office.lead(ADA).lead, ErasureRequest("1", MIA, "By letter.")
        died = False
        try:
            asking.ask(lead, request)
        except Died:
            died = True
            office.asking.ask(lead, request)
        office.finish()
        assert not [canary for canary in CANARIES if canary in office.held()], at
        assert len(office.erasures.all()) == 1
        at += 1
    assert at > 5


class Story:
    """An office to which things happen: activities come, somebody asks for an erasure, a pass is done, time goes by.

    Activities are scored when a stream delivers them, which is sometimes later than a pass.
    """

    NAMES: ClassVar = {
        "known": (ADA,),
        "both": (ADA, LAPTOP),
        "alone": (LAPTOP,),
        "two names": (ADA_S_ID, ADA),
        "bob": (BOB,),
    }

    def __init__(self) -> None:
        self.office = Office()
        self.office.take(activity("b0", BOB, at=BEFORE), activity("a0", ADA, LAPTOP, at=BEFORE))
        self.sent = list(self.office.log._log.values())
        self.streaming: list[Any] = []
        self.said: dict[str, Any] = {}

    def go_on(self, number: int, step: str, amount: int) -> None:
        office = self.office
        if step in self.NAMES:
            at = format_moment(Moment(office.clock.now() + amount * SECOND))
            self.sent.append(activity(f"s{number}", *self.NAMES[step], at=at))
            self.streaming.append(self.sent[-1])
            assert office.ingest.submit([self.sent[-1]], SERVER) == []
        elif step == "say" and office.lead(ADA):
            office.clock.advance(SECOND)
            said = rang(office, str(number))
            self.said[said.id] = said
        elif step == "ask" and office.lead(ADA):
            office.ask(name=str(number))
        elif step == "pass" and office.work.messages:
            office.process().go_on(str(office.work.messages.pop(0)["erasure"]))
        elif step == "wait":
            office.clock.advance((amount + 4) * 10 * SECOND)
        elif step == "deliver":
            self.deliver()

    def deliver(self) -> None:
        office = self.office
        assert office.score.apply(still_held(office.log, self.streaming, office.clock.now())) == []
        self.streaming.clear()

    def end(self) -> tuple[Office, list[Any]]:
        """What was under way arrives, the erasures end, and everything is sent once more."""
        self.deliver()
        self.office.score_what_was_asked()
        self.office.finish()
        self.office.clock.advance(PAUSE)
        assert self.office.ingest.submit(self.sent, SERVER) == []
        assert self.office.score.apply([each for each in self.sent if each in self.office.log]) == []
        return self.office, self.sent


@settings(deadline=None)
@example([("ask", 0), ("say", 0)])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*Story.NAMES, "ask", "pass", "wait", "deliver", "say"]),
            st.integers(-3, 3),
        ),
        max_size=14,
    )
)
def test_nothing_older_is_held_and_everything_newer_is_whatever_comes_in_whatever_order(
    steps: list[tuple[str, int]],
) -> None:
    story = Story()
    for number, (step, amount) in enumerate(steps):
        story.go_on(number, step, amount)
    office, sent = story.end()

    expected = {each.id for each in sent if not is_erased(each, office.erasures.tombstones)}
    held = {each.id: each for each in office.log._log.values()}
    assert held.keys() - story.said.keys() == expected
    said = held.keys() & story.said.keys()
    # What people say holds of whoever is there, and of nobody who is not.
    assert not said or any(ADA in held[each].identities for each in expected)
    assert not any(is_erased(held[each], office.erasures.tombstones) for each in said)
    assert office.erasures.tombstones or said == story.said.keys()
    expected |= said
    for record in office.leads.records.values():
        assert record.state.entries.keys() <= expected
    for each in sent:
        if each.id in expected and each.known_identities:
            assert each.id in office.lead(each.identity).state.entries
    assert all(not erasure.names for erasure in office.erasures.all())


def test_an_activity_is_erased_by_any_of_its_names_until_the_moment_itself() -> None:
    one = activity("a1", ADA, LAPTOP, at=BEFORE)
    at = one.occurred_at
    assert is_erased(one, {"anonymous_id:laptop": at})
    assert not is_erased(one, {"anonymous_id:laptop": Moment(at - 1)})
    assert not is_erased(one, {"alone:anonymous_id:laptop": at})
    assert is_erased(activity("a2", LAPTOP, at=BEFORE), {"alone:anonymous_id:laptop": at})
    assert names_in(activity("a2", LAPTOP)) == {"anonymous_id:laptop", "alone:anonymous_id:laptop"}


def test_a_public_activity_of_an_erased_person_is_dropped_like_a_server_s(office: Office) -> None:
    lived(office)
    office.ask()
    office.finish()
    told = replace(activity("p1", ADA, at=BEFORE), rank=Rank.PUBLIC)
    office.submit(told)

    assert office.lead(ADA) is None


def test_an_erasure_of_no_such_name_is_nothing_to_do(office: Office) -> None:
    assert office.process().go_on("erasure-x") is None
