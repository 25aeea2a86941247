"""Network addresses, as they are kept and as they are counted."""

import pytest

from shared.domain.network import network_address, one_sender


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", None),
        ("unknown", None),
        ("203.0.113.7:443", None),
        ("203.0.113.0/24", None),
    ],
)
def test_a_sender_is_an_address_or_the_network_in_which_it_chooses_one(address, counted):
    assert one_sender(address) == counted


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("0", None),
        ("203.0.113.007", None),
        ("localhost", None),
        ("", None),
        (None, None),
        (7, None),
        (["203.0.113.7"], None),
        ("1" * 30_000, None),
    ],
)
def test_an_address_has_one_writing_and_nothing_else_is_one(told, kept):
    assert network_address(told) == kept
