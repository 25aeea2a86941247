"""Crawlers, monitors and other programs that nobody of interest sits before, known by their user agents."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawlerdetect import CrawlerDetect

_LOOKED_AT = 300
"""Characters of an agent: the patterns take time by the square of a long one's, and a bot says soon who it is."""

_REMEMBERED = 4096

_CRAWLER = re.compile(r"bot|crawl|spider|slurp|headless|lighthouse|facebookexternalhit|\+https?://", re.IGNORECASE)
"""How crawlers call themselves, or where they say who they are."""

_APP = re.compile(r"okhttp|\bdart/|cfnetwork|dalvik", re.IGNORECASE)
"""What apps send by; one may be called ChatBot."""


@lru_cache(maxsize=_REMEMBERED)
def is_crawler(agent: str) -> bool:
    """Whether a user agent is a bot's. Remembered, because a new one takes half a millisecond."""
    return bool(_patterns().is_crawler(agent[:_LOOKED_AT]))


def names_itself_crawler(agent: str) -> bool:
    """Whether a user agent is a crawler's that says so, and not just a program's that many things are made with."""
    seen = agent[:_LOOKED_AT]
    return _CRAWLER.search(seen) is not None and _APP.search(seen) is None and is_crawler(seen)


@cache
def _patterns() -> CrawlerDetect:
    """Made when the first agent comes: to compile them takes longer than the rest of a cold start's reading."""
    from crawlerdetect import CrawlerDetect  # noqa: PLC0415

    return CrawlerDetect()
