"""Network addresses: of the person that an activity is of, and of who counts as one sender."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

_NETWORK_OF_ONE = 64
"""The bits of an IPv6 address that name a sender's network; the sender chooses the others at will."""


def network_address(told: object) -> str | None:
    """A network address in its one writing; None for what is none."""
    try:
        return str(ip_address(told)) if isinstance(told, str) else None
    except ValueError:
        return None


def one_sender(address: str) -> str | None:
    """The network address that counts as one sender: an IPv4 address, or the network (/64) of an IPv6 address.

    None when the text is no network address.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), _NETWORK_OF_ONE), strict=False))
