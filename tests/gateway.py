"""An HTTP API on a port of this machine: every request becomes an event, and its reply an answer."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.adapters.clock import SystemClock
from tests.http_requests import http_event


class Gateway:
    """`asked` are the paths, `statuses` what was answered."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.asked: list[str] = []
        self.statuses: list[int] = []
        self.url = ""
        self._answer = answer

    @contextmanager
    def listening(self) -> Iterator[Gateway]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on("GET")

            def do_POST(self) -> None:
                self._pass_on("POST", self.rfile.read(int(self.headers["content-length"])))

            def _pass_on(self, method: str, *body: bytes) -> None:
                headers = dict(self.headers.items())
                reply = gateway._reply(http_event(method, self.path, *body, headers=headers, at=SystemClock().now()))
                encoded = reply.get("isBase64Encoded")
                content = base64.b64decode(reply["body"]) if encoded else reply["body"].encode()
                self.send_response(reply["statusCode"])
                for name, value in reply["headers"].items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the standard library's name)
                """Nothing on the terminal."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()

    def _reply(self, event: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(event["rawPath"])
        reply = self._answer(event)
        self.statuses.append(reply["statusCode"])
        return reply
