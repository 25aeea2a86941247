"""A link opens the page of one handoff, for a while, and nobody but Baton can make one."""

from __future__ import annotations

import pytest

from shared.adapters.page_links import LinkExpired, LinkForged, PageLink, PageLinks
from shared.domain.handoff import HandoffKey, LeadId
from shared.domain.moments import DAY, SECOND, Moment, parse_moment
from shared.ports.errors import SecretMissing
from tests.fakes import InMemorySecrets

KEY = HandoffKey(LeadId("lead-7"), "mql", 2)
AT = parse_moment("2026-03-02T09:00:00Z")
OLD, NEW = "o" * 43, "n" * 43


def links(secret: str = NEW, base: str = "https://api.example.com", days: int = 30) -> PageLinks:
    return PageLinks(InMemorySecrets(page=secret), "page", base, days=days)


def token(of: PageLinks, at: Moment = AT, key: HandoffKey = KEY) -> str:
    return of.link(key, at).rpartition("/")[2]


def test_a_link_leads_to_the_page_below_the_address_and_tells_its_handoff() -> None:
    link = links(base="https://api.example.com/").link(KEY, AT)
    assert link.startswith("https://api.example.com/handoffs/")
    assert links().read(link.rpartition("/")[2], AT) == PageLink(KEY, Moment(AT + 30 * DAY))


def test_a_link_names_to_whom_it_was_sent() -> None:
    for whom in (("inside-sales",), ("inside-sales", "bo"), ()):
        made = links().link(KEY, AT, *whom).rpartition("/")[2]
        assert links().read(made, AT) == PageLink(KEY, Moment(AT + 30 * DAY), *whom)


def test_the_link_of_one_moment_is_always_the_same_so_that_a_message_sent_twice_is_the_same() -> None:
    assert links().link(KEY, AT) == links().link(KEY, AT)


def test_a_stage_of_any_name_stands_in_a_link_that_needs_no_escaping() -> None:
    key = HandoffKey(LeadId("lead-7"), 'süß / "<stage>"?#', 1)
    made = token(links(), key=key)
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert links().read(made, AT).key == key


def test_a_link_is_good_until_the_second_in_which_it_expires() -> None:
    made, end = token(links(days=2)), AT + 2 * DAY
    assert links().read(made, Moment(end - SECOND)).until == end
    with pytest.raises(LinkExpired):
        links().read(made, Moment(end))


def test_every_changed_cut_or_foreign_token_is_forged_and_never_expired() -> None:
    made = token(links(days=1))
    changed = [
        made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :] for place in range(len(made) - 1)
    ]
    foreign = ["", ".", "a.b", made[:-5], made * 400, "..", "é", token(links(OLD)), made.split(".")[0]]
    for wrong in changed + foreign:
        with pytest.raises(LinkForged):
            links().read(wrong, Moment(AT + 365 * DAY))


def test_while_the_secret_is_replaced_links_of_both_are_read_and_new_ones_are_signed_with_the_new_one() -> None:
    rotating = links(f"{NEW} {OLD}")
    assert rotating.read(token(links(OLD)), AT).key == KEY
    assert rotating.read(token(links(NEW)), AT).key == KEY
    assert links(NEW).read(token(rotating), AT).key == KEY
    with pytest.raises(LinkForged):
        links(NEW).read(token(links(OLD)), AT)


@pytest.mark.parametrize("secret", ["", " ", "short", f"{NEW} short"])
def test_no_link_is_signed_with_a_secret_that_somebody_could_guess(secret: str) -> None:
    with pytest.raises(SecretMissing, match="page"):
        links(secret).link(KEY, AT)


class RememberingSecrets(InMemorySecrets):
    """Tells what was stored when it was first asked, unless it is to look anew."""

    def __init__(self, **secrets: str) -> None:
        super().__init__(**secrets)
        self.remembered = dict(self.stored)
        self.looked = 0

    def get(self, name: str, *, anew: bool = False) -> str:
        self.looked += anew
        return super().get(name) if anew else self.remembered[name]


def test_a_link_that_a_newer_secret_has_signed_is_read_at_once() -> None:
    secrets = RememberingSecrets(page=OLD)
    warm = PageLinks(secrets, "page")
    secrets.stored["page"] = f"{NEW} {OLD}"

    assert warm.read(token(links(OLD)), AT).key == KEY
    assert secrets.looked == 0
    assert warm.read(token(links(NEW)), AT).key == KEY
    with pytest.raises(LinkForged):
        warm.read(token(links("x" * 43)), AT)
