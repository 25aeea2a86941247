"""Crawlers, monitors and other programs that nobody of interest sits before, known by their user agents."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawlerdetect import CrawlerDetect

_LOOKED_AT = 300
"""Characters of an agent: the patterns take time by the square of a long one's, and a bot says soon who it is."""

_REMEMBERED = 4096


@lru_cache(maxsize=_REMEMBERED)
def is_crawler(agent: str) -> bool:
    """Whether a user agent is a bot's. Remembered, because a new one takes half a millisecond."""
    return bool(_patterns().is_crawler(agent[:_LOOKED_AT]))


@cache
def _patterns() -> CrawlerDetect:
    """Made when the first agent comes: to compile them takes longer than the rest of a cold start's reading."""
    from crawlerdetect import CrawlerDetect  # noqa: PLC0415

    return CrawlerDetect()
