"""The page at `/docs` in a real browser: it shows every route, and asks nobody for anything."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.admin.handler import lambda_handler
from shared.adapters.routes import ROUTES
from tests.gateway import Gateway

pytestmark = pytest.mark.browser


@pytest.fixture
def website() -> Iterator[Gateway]:
    """`admin` on a port of this machine."""
    with Gateway(lambda event: lambda_handler(event, None, None)).listening() as running:
        yield running


def test_the_page_shows_every_route_and_loads_nothing_else(website: Gateway, tmp_path: Path) -> None:
    browser = subprocess.run(
        [
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=20000",
            f"--user-data-dir={tmp_path}",
            "--dump-dom",
            f"{website.url}/docs",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    shown = re.findall(r'<span[^>]*data-path="([^"]+)"', browser.stdout)

    assert sorted(shown) == sorted(route.path for route in ROUTES)
    assert website.asked == ["/docs"]
    assert "Content Security Policy" not in browser.stderr
