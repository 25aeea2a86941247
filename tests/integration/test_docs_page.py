"""The page at `/docs` in a real browser: it shows every route, and asks nobody for anything."""

from __future__ import annotations

import base64
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from functions.admin.handler import lambda_handler
from shared.adapters.routes import ROUTES
from tests.http_requests import http_event

pytestmark = pytest.mark.browser


class Website:
    """`admin` on a port of this machine."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                reply: dict[str, Any] = lambda_handler(
                    http_event("GET", self.path, headers=dict(self.headers.items())), None, None
                )
                body = base64.b64decode(reply["body"]) if reply.get("isBase64Encoded") else reply["body"].encode()
                self.send_response(reply["statusCode"])
                for name, value in reply["headers"].items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the standard library's name)
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def website() -> Iterator[Website]:
    running = Website()
    yield running
    running.close()


def test_the_page_shows_every_route_and_loads_nothing_else(website: Website, tmp_path: Path) -> None:
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
