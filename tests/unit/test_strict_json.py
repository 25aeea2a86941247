"""JSON from strangers is read to the letter, or refused cheaply with a reason."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.strict_json import MAX_DEPTH, MAX_VALUES, read_json
from shared.domain.refusals import Malformed, Refused, TooLarge

CONTROLS = "\x00\u061c\u200e\u200f" + "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
SAFE_TEXT = st.text(max_size=20).filter(lambda text: not set(text) & set(CONTROLS))
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(-1e90, 1e90, allow_subnormal=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | SAFE_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE_TEXT, inner, max_size=4),
    max_leaves=20,
)

REFUSED = {
    "nothing": b"",
    "half an object": b'{"a": ',
    "two values": b"{} {}",
    "a trailing comma": b"[1,]",
    "a comment": b"{} // x",
    "single quotes": b"{'a': 1}",
    "a key that stands twice": b'{"a": 1, "a": 2}',
    "a key that stands twice, deep within": b'{"a": [{"b": {"c": 1, "c": 1}}]}',
    "a key that stands twice in another writing": b'{"a": 1, "\\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "a float that overflows": b"[1e400]",
    "a huge exponent": b"[1e300000]",
    "a float larger than anything counted": b"[1e100]",
    "a float that vanishes": b"[1e-400]",
    "an integer of ten thousand digits": b"[" + b"9" * 10_000 + b"]",
    "a fraction of ten thousand digits": b"[0." + b"3" * 10_000 + b"]",
    "NUL": b'["a\\u0000b"]',
    "NUL in a key": b'{"a\\u0000": 1}',
    "a raw control character": b'["a\x01b"]',
    "a right-to-left override": '["\u202egnp.exe"]'.encode(),
    "an escaped right-to-left override": b'["\\u202egnp.exe"]',
    "an isolate": '{"a": {"b": ["\u2066x\u2069"]}}'.encode(),
    "a right-to-left mark": '"\u200f"'.encode(),
    "a lone high surrogate": b'["\\ud800"]',
    "a lone low surrogate": b'{"\\udc00": 1}',
    "surrogates in the wrong order": b'["\\udc00\\ud800"]',
    "surrogates as UTF-8": b'["\xed\xa0\x80"]',
    "Latin-1": '["é"]'.encode("latin-1"),
    "UTF-16": '["a"]'.encode("utf-16"),
    "an overlong NUL": b'["\xc0\x80"]',
    "lists one too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "objects one too deep": b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
    "a tower of lists": b"[" * 500_000,
    "a tower of objects": b'{"a":' * 100_000,
    "a tower that is closed": b"[" * 200_000 + b"]" * 200_000,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_no_honest_client_sends_is_refused(body: bytes) -> None:
    with pytest.raises((Malformed, TooLarge)) as refusal:
        read_json(body)
    assert len(refusal.value.message) < 200


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b' {"a": [1, 2.5, true, null, "x"]} ', {"a": [1, 2.5, True, None, "x"]}),
        (b'["\\ud83d\\ude00"]', ["😀"]),
        ('["Ærøskøbing", "שלום", "שרה"]'.encode(), ["Ærøskøbing", "שלום", "שרה"]),
        (b"[0.1, 1E5, -0.0, 0e999, 1.7976931348623157e+99]", [0.1, 1e5, -0.0, 0.0, 1.7976931348623157e99]),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
        (b'{"a": {"a": 1}, "b": {"a": 1}}', {"a": {"a": 1}, "b": {"a": 1}}),
    ],
)
def test_what_honest_clients_send_is_read(body: bytes, value: Any) -> None:
    assert read_json(body) == value or value is None


def test_the_place_of_the_fault_is_told() -> None:
    with pytest.raises(Malformed) as refusal:
        read_json(b'{"batch": [{}, {"traits": {"name": "\\u0000"}}]}')
    assert refusal.value.at == "batch[1].traits.name"


@pytest.mark.parametrize(
    "body",
    [b"[" + b"1," * MAX_VALUES + b"1]", b"[" + b"{}" * MAX_VALUES, b"[" + b",".join([b"[[[[]]]]"] * 12_000) + b"]"],
)
def test_more_values_than_anybody_sends_are_refused_before_they_are_parsed(body: bytes) -> None:
    with pytest.raises(TooLarge):
        read_json(body)


@given(VALUES)
def test_every_sane_value_is_read_as_json_reads_it(value: Any) -> None:
    body = json.dumps(value).encode()
    assert read_json(body) == json.loads(body)


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused_and_nothing_else_happens(body: bytes) -> None:
    try:
        value = read_json(body)
    except Refused:
        return
    assert value == json.loads(body.decode("utf-8-sig"))


@given(st.text(max_size=30))
def test_text_that_is_read_can_be_stored_and_compared(text: str) -> None:
    try:
        value = read_json(json.dumps([text]).encode())[0]
    except Refused:
        return
    assert value.encode().decode() == text
    assert "\x00" not in text


def test_large_hostile_bodies_are_read_or_refused_and_end_nothing() -> None:
    limit = 512 * 1024
    dear = [
        b"[" * limit,
        b'{"a":' * (limit // 5),
        b"[" + b"1," * (limit // 2 - 2) + b"1]",
        b'{"a":"' + b"\\u202e" * (limit // 6 - 2) + b'"}',
        b"[" + b"9" * (limit - 2) + b"]",
        b'{"' + b'":1,"'.join(str(n).encode() for n in range(40_000)) + b'":1}',
        b"[" + b",".join([b"{}"] * MAX_VALUES) + b"]",
    ]
    for body in dear:
        with suppress(Refused):
            read_json(body)


def test_numbers_stay_finite() -> None:
    assert all(math.isfinite(number) for number in read_json(b"[1e99, -1e99, 123456789012345678901234567890]"))
