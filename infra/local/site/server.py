"""Serve the sample website on this machine. Run as `python -m infra.local.site.server`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from infra.local.ports import LOOPBACK

PAGES = Path(__file__).parent / "pages"
FORM = "demo-request"
"""The form on `/demo`; the settings configure it under this name."""

_TITLES = {
    "/": ("home", "Stock planning for food wholesalers"),
    "/pricing": ("pricing", "Pricing"),
    "/blog": ("blog", "Blog"),
    "/blog/waste-is-a-forecast": ("blog-waste", "Waste is a forecast that nobody made"),
    "/blog/five-questions-for-monday": ("blog-monday", "Five questions for Monday morning"),
    "/demo": ("demo", "See it with your own numbers"),
    "/thanks": ("thanks", "Thank you"),
}
_FILES = {"/style.css": "text/css", "/consent.js": "text/javascript"}


@dataclass(frozen=True)
class Site:
    """The pages, which post to an API with a public write key."""

    api: str
    write_key: str
    origin: str

    @property
    def policy(self) -> str:
        """What the pages may load and where they may send: a strict policy, beside which the embed script works."""
        parts = urlsplit(self.api)
        api = f"{parts.scheme}://{parts.netloc}"
        return (
            f"default-src 'none'; script-src 'self' {api}; connect-src {api}; form-action {api} {self.origin}; "
            "style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
        )

    def answer(self, path: str) -> tuple[HTTPStatus, str, str]:
        """Status, content type and text for a path."""
        if path in _FILES:
            return HTTPStatus.OK, _FILES[path], (PAGES / path.removeprefix("/")).read_text(encoding="utf-8")
        known = _TITLES.get(path.rstrip("/") or "/")
        name, title = known or ("missing", "There is no such page")
        values = {name: escape(value) for name, value in self._values(title).items()}
        body = _filled(f"{name}.html", values)
        page = _filled("frame.html", {**values, "body": body})
        return HTTPStatus.OK if known else HTTPStatus.NOT_FOUND, "text/html", page

    def _values(self, title: str) -> Mapping[str, str]:
        return {
            "title": title,
            "api": self.api,
            "write_key": self.write_key,
            "form": f"{self.api}/v1/forms/{FORM}",
            "next": f"{self.origin}/thanks",
        }


def _filled(name: str, values: Mapping[str, str]) -> str:
    return Template((PAGES / name).read_text(encoding="utf-8")).substitute(values)


def serve(port: int, site: Site) -> ThreadingHTTPServer:
    """A server that is bound and not running yet."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, text = site.answer(urlsplit(self.path).path)
            body = text.encode()
            self.send_response(status)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.send_header("cache-control", "no-store")
            self.send_header("content-security-policy", site.policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
            """Print nothing."""

    return ThreadingHTTPServer((LOOPBACK, port), Handler)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--write-key", required=True)
    parser.add_argument("--origin", required=True)
    chosen = parser.parse_args()
    serve(chosen.port, Site(chosen.api, chosen.write_key, chosen.origin)).serve_forever()


if __name__ == "__main__":
    main()
