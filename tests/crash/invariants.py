"""What must hold after any story, whatever went wrong on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from shared.domain.events import HandoffAnswered, HandoffFollowedUp
from shared.domain.handoff import LeadId
from tests.crash.faults import INTERLEAVED
from tests.crash.stories import Story
from tests.crash.world import TERMS, Arrived, World, key_of
from tests.people import email


def violations(world: World, story: Story) -> list[str]:
    """Everything that does not hold; empty when all is well."""
    return [
        *world.violations,
        *_handoffs(world, story),
        *_paths(world, story),
        *_told(world, story),
        *_events(world),
        *_follow_ups(world),
        *_answers(world, story),
        *_deadlines(world),
        *_rules(world, story),
        *(f"something still waits for {channel.text}" for channel in world.missed.waiting()),
        *([f"{len(world.dead)} messages were given up"] if len(world.dead) != story.given_up else []),
    ]


def _handoffs(world: World, story: Story) -> list[str]:
    """One handoff for each (lead, stage, epoch), and none but those."""
    found = {world.named(key) for key in world.committed()}
    return [f"{key} was never handed over" for key in sorted({*story.handoffs} - found)] + [
        f"{key} was handed over, and should not have been" for key in sorted(found - {*story.handoffs})
    ]


def _paths(world: World, story: Story) -> list[str]:
    """Every lead has gone its way, once, and every entry has its number."""
    found = [f"{name} is no lead" for name in sorted(story.path.keys() - set(map(world.name, world.leads.records)))]
    for lead in world.leads.records:
        transitions = world.stages.transitions(lead)
        path = tuple(each.to_stage for each in transitions)
        if path != story.path.get(world.name(lead), ()):
            found.append(f"{world.name(lead)} went {' > '.join(path)}")
        epochs = Counter[str]()
        for each in transitions:
            epochs[each.to_stage] += 1
            if each.epoch != epochs[each.to_stage]:
                found.append(f"{world.name(lead)} entered {each.to_stage} as number {each.epoch}")
    return found


def _told(world: World, story: Story) -> list[str]:
    """Each channel has each handoff, under its id; it repeats only where a fault came between sending and marking."""
    times = Counter(replace(each, id=world.named(each.id)) for each in world.arrived)
    due = {Arrived(team, name, key) for key, team, names in story.told for name in names}
    found = [
        f"{each.team} was never told of {each.id} by {each.channel}" for each in sorted(due - times.keys(), key=str)
    ]
    found += [
        f"{each.team} was told of {each.id} by {each.channel}"
        for each in sorted(times.keys() - due, key=str)
        if each.id not in story.either
    ]
    repeated = sum(times.values()) - len(times)
    if repeated > sum(kind not in INTERLEAVED for kind in world.faults.happened):
        found.append(f"{repeated} repetitions, more than there were faults")
    return found


def _events(world: World) -> list[str]:
    """The bus has heard of every transition and handoff, each under one id that says one thing."""
    found = [
        f"the event {id_} says two things" for id_, told in world.heard.items() if any(each != told[0] for each in told)
    ]
    happened = [
        f"{lead}.transition.{each.number}" for lead in world.leads.records for each in world.stages.transitions(lead)
    ]
    happened += [f"{key}.requested" for key in world.committed()]
    happened += [each.id for each in (*world.versions.outbox, *world.rescoring.outbox)]
    return found + [f"nobody heard of {world.named(each)}" for each in happened if each not in world.heard]


def _follow_ups(world: World) -> list[str]:
    """Each was announced once, as it was done, and none after the answer."""
    found, answered = [], set()
    announced: dict[str, list[str]] = defaultdict(list)
    for event in world.handoffs.outbox:
        if event.name in (HandoffAnswered.NAME, HandoffFollowedUp.NAME):
            key = key_of(event)
            if event.name == HandoffAnswered.NAME:
                answered.add(key)
                continue
            announced[key].append(event.detail["kind"])
            if key in answered:
                found.append(f"{world.named(key)} was followed up after it was answered")
    for committed in world.handoffs.committed:
        record = world.handoffs.record(committed)
        done = [each.kind for each in record.done] if record else []
        if done != announced[committed.text] or len(done) != len(set(done)):
            found.append(
                f"of {world.named(committed.text)} were done: {done}, and announced: {announced[committed.text]}"
            )
    return found


def _answers(world: World, story: Story) -> list[str]:
    """One answer wins and is in the log once; whoever else answered was told of it."""
    found = []
    given = [
        record.answer for key in world.handoffs.committed if (record := world.handoffs.record(key)) and record.answer
    ]
    events = [each for each in world.handoffs.outbox if each.name == HandoffAnswered.NAME]
    activities = [
        each
        for name in story.path
        for each in world.log.under(email(f"{name}@engines.example"))
        if "handoff" in each.type
    ]
    if not len(given) == len(events) == len(activities):
        found.append(f"{len(given)} answers, {len(events)} events and {len(activities)} activities of them")
    if len(given) + len(world.too_late) != story.answers:
        found.append(f"{story.answers} people answered, {len(given)} won, {len(world.too_late)} were told")
    if any(each not in given for each in world.too_late.values()):
        found.append("somebody was told of another answer than the one that won")
    return found


def _deadlines(world: World) -> list[str]:
    """What time alone will change is booked, no later than it changes; and nothing that a tick found due was left."""
    now = world.clock.now()
    found = [f"{world.name(lead)} is still due" for page in world.leads.due(world.ticked, 100) for lead in page]
    for lead, record in world.leads.records.items():
        if record.merged_into:
            continue
        rules = world.rulebook().version(record.rules_version).rules
        journey = world.stages.records[lead].journey if lead in world.stages.records else None
        booked = [each for each in (record.due, _stage_due(world, lead)) if each is not None]
        changes = [rules.next_change(record.state, now)]
        if journey:
            changes.append(rules.journey_change(record.state, journey, now))
        found += [
            f"{world.name(lead)} changes at a moment that nobody has booked"
            for change in changes
            if change and (not booked or min(booked) > change.at)
        ]
    for key in world.handoffs.committed:
        handoff = world.handoffs.record(key)
        waiting = [] if handoff is None or handoff.answer else handoff.handoff.follow_ups[len(handoff.done) :]
        booked_for = _stage_due(world, world.live(key.lead))
        if waiting and (booked_for is None or booked_for > waiting[0].at):
            found.append(f"nobody has booked the {waiting[0].kind} of {world.named(key.text)}")
    return found


def _rules(world: World, story: Story) -> list[str]:
    """Each version is there once, with the words that it needs, and that it holds for all leads was told once."""
    found, versions = [], world.versions.all()
    if len(versions) != story.versions:
        found.append(f"{len(versions)} versions, and not {story.versions}")
    told = Counter(each.id for each in (*world.versions.outbox, *world.rescoring.outbox))
    found += [f"{id_} was told {times} times" for id_, times in told.items() if times > 1]
    found += [f"nobody told that version {each} holds" for each in story.applied if not told[f"rules-applied-{each}"]]
    published = {each.number: each.version for each in world.versions.drafts(100) if each.state == "published"}
    if published != {each.draft: each.number for each in versions if each.draft}:
        found.append(f"of the drafts these say that they are versions: {published}")
    found += [
        f"version {each.number} has the words of {[approval.role for approval in each.approvals]}"
        for each in versions
        if each.draft and sorted(approval.role for approval in each.approvals) != sorted(TERMS.approvals)
    ]
    return found


def _stage_due(world: World, lead: LeadId) -> int | None:
    record = world.stages.records.get(lead)
    return record.due if record else None
