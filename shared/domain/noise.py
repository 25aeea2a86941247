"""Noise: activities that nobody of interest did. They are kept, and count for nothing."""

from __future__ import annotations

BOT = "bot"
"""The mark of an activity whose user agent is a bot's."""
