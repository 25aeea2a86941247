"""Time that hostile requests take: each body many times through the handler of intake, one call and a batch alike.

Run it with `python -m tests.bench.hostile`. It prints a table and asserts nothing: figures on one machine compare with
each other only. It is the time of this process's CPU; the log is in memory, so that what is taken costs no storing.
"""

from __future__ import annotations

import gc
import gzip
import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from functions.ingest.handler import lambda_handler
from functions.ingest.intake import Intake, configured
from functions.ingest.settings import BudgetLimits, Form, PublicWriteKey, SecretWriteKey, Settings
from shared.adapters.crawlers import is_crawler
from shared.adapters.email_addresses import _mailbox
from shared.adapters.http_api import BATCH_LIMIT, SINGLE_LIMIT
from shared.adapters.segment import MAX_BATCH
from tests.fakes import InMemoryActivities, InMemoryBudgets, InMemorySecrets
from tests.http_requests import http_event

TIMES = {"/v1/track": 300, "/v1/identify": 300, "/v1/forms/contact": 300, "/v1/batch": 60}
BUDGET_MS = 50
"""What the slowest request of a hundred may take."""

PARTS = {"content-type": "multipart/form-data; boundary=x"}
SETTINGS = Settings(
    activities_table="activities",
    budgets_table="budgets",
    erasures_table="erasures",
    erasure_secret="erasure",
    write_keys=(
        PublicWriteKey(name="website", key="pk_web", activities=("x", "identified")),
        SecretWriteKey(name="crm", secret="crm"),
    ),
    forms=(Form(name="contact", fields={"first": "lead.first_name"}),),
    budgets=BudgetLimits(key=None, identity=None, sender=None, form=None, address=None),
)
HONEST = {"type": "track", "event": "x", "userId": "ada@example.com", "properties": {"path": "/pricing"}}


def filled(limit: int, before: bytes, again: bytes, after: bytes) -> bytes:
    """As many repetitions as fit into a limit."""
    return before + again * ((limit - len(before) - len(after)) // len(again)) + after


def call(**said: Any) -> bytes:
    """A call as JSON."""
    return json.dumps({**HONEST, **said}, ensure_ascii=False).encode()


def batch(make: Callable[[int], dict[str, Any]], count: int = MAX_BATCH) -> bytes:
    """A batch of calls, as many as it may have and as fit."""
    calls: list[bytes] = []
    size = 20
    for number in range(count):
        calls.append(json.dumps({**HONEST, "messageId": f"m-{number}", **make(number)}, ensure_ascii=False).encode())
        size += len(calls[-1]) + 1
        if size > BATCH_LIMIT:
            calls.pop()
            break
    return b'{"batch":[' + b",".join(calls) + b"]}"


def bomb(limit: int) -> bytes:
    """A few kilobytes of gzip that would unpack to a hundred megabytes."""
    return gzip.compress(b" " * 100_000_000)[: 2 * limit]


def texts(limit: int) -> dict[str, bytes]:
    """Bodies that no honest client sends, as large as a route takes them."""
    return {
        "one byte too large": b" " * (limit + 1),
        "twice as large": b" " * (2 * limit),
        "not JSON, to the limit": b"x" * limit,
        "a string without end": filled(limit, b'{"a":"', b"x", b""),
        "escapes without end": filled(limit, b'{"a":"', rb"\u0041", b'"}'),
        "broken at the last byte": filled(limit, b'{"a":[', b"1,", b"}"),
        "a tower of lists": b"[" * limit,
        "a tower of objects": filled(limit, b"", b'{"a":', b""),
        "twenty deep, many times": filled(limit, b'{"a":[', b"[" * 17 + b"]" * 17 + b",", b"1]}"),
        "as many values as fit": filled(limit, b'{"a":[', b"1,", b"1]}"),
        "as many keys as fit": b"{"
        + b",".join(b'"%d":1' % number for number in range(limit // 9))[: limit - 20].rpartition(b",")[0]
        + b"}",
        "the same key without end": filled(limit, b"{", b'"a":1,', b'"a":1}'),
        "NaN": filled(limit, b'{"a":[', b"NaN,", b"1]}"),
        "huge exponents": filled(limit, b'{"a":[', b"1e300000,", b"1]}"),
        "an integer without end": filled(limit, b'{"a":', b"9", b"}"),
        "a fraction without end": filled(limit, b'{"a":0.', b"3", b"}"),
        "NUL at the end": filled(limit, b'{"a":"', b"x", rb'\u0000"}'),
        "bidirectional controls": filled(limit, b'{"a":"', "\u202e".encode(), b'"}'),
        "lone surrogates": filled(limit, b'{"a":"', rb"\ud800", b'"}'),
        "surrogates as UTF-8": filled(limit, b'{"a":"', b"\xed\xa0\x80", b'"}'),
        "a gzip bomb": bomb(limit),
        "gzip that ends early": gzip.compress(call())[:-9],
        "gzip of what is too large": gzip.compress(b"[" * (limit + 1)),
    }


def calls() -> dict[str, tuple[str, bytes]]:
    """Calls that can be read, made to cost as much as they can: route and body."""
    many = {f"aB{number}": 1 for number in range(2200)}
    return {
        "an event name of 200 capitals": ("/v1/track", call(event="Ab" * 100)),
        "a moment of 30 kB": ("/v1/track", call(timestamp="2026-" * 6000)),
        "a clock at 2099": ("/v1/track", call(timestamp="2099-01-01T00:00:00Z")),
        "an agent of 30 kB": ("/v1/track", call(context={"userAgent": "a" * 30_000})),
        "an address of 30 kB": ("/v1/identify", call(traits={"email": "a@" + "b." * 15_000 + "com"})),
        "an address of 250 marks": ("/v1/identify", call(traits={"email": "a" + "\u0301" * 120 + "@example.com"})),
        "a domain of 250 digits": ("/v1/identify", call(traits={"email": "a@" + "\u0660" * 200 + ".com"})),
        "a domain in Punycode": ("/v1/identify", call(traits={"email": "a@xn--" + "a" * 58 + ".com"})),
        "2,200 traits": ("/v1/identify", call(traits=many)),
        "500 honest activities": ("/v1/batch", batch(lambda n: {})),
        "500 that nobody may send": ("/v1/batch", batch(lambda n: {"event": f"Other {n}"})),
        "500 that are no calls": ("/v1/batch", b'{"batch":[' + b",".join([b"7"] * 500) + b"]}"),
        "500 with a type of their own": ("/v1/batch", batch(lambda n: {"type": f"t{n}"})),
        "500 hostile agents": ("/v1/batch", batch(lambda n: {"context": {"userAgent": f"{n} " + "a1-/ " * 100}})),
        "500 hostile addresses": ("/v1/batch", batch(lambda n: {"userId": f"a{n}@" + "\u0430\u0660" * 30 + ".com"})),
        "500 honest addresses": ("/v1/batch", batch(lambda n: {"userId": f"person-{n}@example.com"})),
        "500 addresses of 500 domains": ("/v1/batch", batch(lambda n: {"userId": f"person@company-{n}.com"})),
        "500 addresses of digits": ("/v1/batch", batch(lambda n: {"userId": f"a{n}@" + "\u0660" * 60 + ".com"})),
        "500 addresses in 200 letters": (
            "/v1/batch",
            batch(lambda n: {"userId": f"a{n}@" + "\u4e2d\u0430." * 66 + "com"}),
        ),
        "500 people": ("/v1/batch", batch(lambda n: {"userId": f"u-{n}"})),
        "500 clocks at 2099": ("/v1/batch", batch(lambda n: {"timestamp": "2099-01-01T00:00:00Z"})),
        "20 activities of 26 kB": ("/v1/batch", batch(lambda n: {"properties": {"a": "x" * 26_000}})),
        "15 activities over 32 kB": ("/v1/batch", batch(lambda n: {"properties": {"a": "x" * 33_000}})),
        "501 activities": ("/v1/batch", batch(lambda n: {"properties": {}}, MAX_BATCH + 1)),
        "the same activity 500 times": ("/v1/batch", batch(lambda n: {"messageId": "one"})),
    }


def forms() -> dict[str, tuple[dict[str, str], bytes]]:
    """Forms made to cost as much as they can: headers and body."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"'
    return {
        "fields without end": ({}, filled(SINGLE_LIMIT, b"", b"a=1&", b"a=1")),
        "ampersands without end": ({}, b"&" * SINGLE_LIMIT),
        "escapes without end": ({}, filled(SINGLE_LIMIT, b"a=", b"%41", b"")),
        "200 fields": ({}, b"&".join(b"f%d=%s" % (n, quote("\u00fc" * 20).encode()) for n in range(200))),
        "parts without end": (PARTS, b"--x\r\n" * (SINGLE_LIMIT // 5)),
        "200 parts of many parameters": (PARTS, (part + b";" * 19 + b"\r\n\r\nx\r\n") * 200 + b"--x--\r\n"),
        "a part of 30 kB of headers": (PARTS, part + b";" * 30_000 + b"\r\n\r\nx\r\n--x--\r\n"),
        "ends of lines without end": (PARTS, part + b"\r\n\r\n" + b"\r\n--" * 8000 + b"\r\n--x--\r\n"),
        "parts within parts": (
            PARTS,
            filled(SINGLE_LIMIT, b"--x", b"\r\nContent-Type: multipart/mixed; boundary=x", b""),
        ),
        "a page address of 8 kB": (
            {"referer": "https://a.example/?" + "utm_source=1&" * 600},
            b"email=ada%40example.com",
        ),
    }


def requests() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What each is called, the route, and the event of the HTTP API."""
    for route, limit in (("/v1/track", SINGLE_LIMIT), ("/v1/batch", BATCH_LIMIT)):
        for name, body in texts(limit).items():
            yield name, route, http_event("POST", route, body, key="pk_web")
    for name, (route, body) in calls().items():
        yield name, route, http_event("POST", route, body, key="pk_web")
    for name, (headers, body) in forms().items():
        yield name, "/v1/forms/contact", http_event("POST", "/v1/forms/contact", body, headers=headers)


def times(event: dict[str, Any], intake: Intake, count: int) -> tuple[int, list[float]]:
    """The status that the request is answered with, and the milliseconds of CPU that each answer took, in order."""
    status, took = 0, []
    for _ in range(count):
        is_crawler.cache_clear()
        _mailbox.cache_clear()
        began = time.process_time()
        status = lambda_handler(event, None, intake)["statusCode"]
        took.append((time.process_time() - began) * 1000)
    return status, sorted(took)


def lines(share: float = 1.0) -> Iterator[dict[str, Any]]:
    """A line for each request. `share` of the repetitions are run, at least one."""
    for name, route, event in requests():
        intake = configured(SETTINGS, InMemoryActivities(), lambda: InMemorySecrets(crm="sk_crm"), InMemoryBudgets)
        times(event, intake, 1)
        gc.freeze()  # as the function does once it is made
        status, took = times(event, intake, max(1, math.ceil(TIMES[route] * share)))
        gc.unfreeze()
        yield {
            "request": name,
            "route": route,
            "status": status,
            "p50_ms": round(took[len(took) // 2], 2),
            "p99_ms": round(took[min(len(took) - 1, int(len(took) * 0.99))], 2),
        }


def main() -> None:
    """Print the table, slowest first, as text or with `--json` as lines."""
    logging.getLogger().setLevel(logging.CRITICAL)
    told = sorted(lines(), key=lambda line: line["p99_ms"], reverse=True)
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    sys.stdout.write(f"hostile requests, CPU time of one answer in ms; p99 at the most {BUDGET_MS}\n")
    for line in told:
        sys.stdout.write(
            f"  {line['route']:18} {line['request']:34} {line['status']} "
            f"p50 {line['p50_ms']:7.2f}  p99 {line['p99_ms']:7.2f}\n"
        )


if __name__ == "__main__":
    main()
