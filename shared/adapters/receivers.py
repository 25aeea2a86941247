"""POST to receivers whose addresses come from settings or secrets, without being led astray.

A URL is https and names a host that resolves to public addresses only; the connection goes to the very address that
was checked, while TLS still asks for the host's name, so that a name which resolves otherwise a moment later reaches
nothing inside. Redirects are not followed. What is raised names neither the URL nor what was answered: an incoming
webhook's URL is a secret.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from shared.ports.channels import Unacceptable, Undeliverable
from shared.ports.errors import Unavailable

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CONNECT_SECONDS = 2.0
_SECONDS = 10.0
_ADDRESSES_TRIED = 2
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PASSING = {408, 425, 429}
_FOR_WHAT_IT_SAYS = {400, 409, 413, 414, 415, 422, 431}


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host by the machine's own resolver.

    Raises:
        OSError: the name has none, or the resolver does not answer.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class Target:
    """A checked receiver: where to connect, and what to say there."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]


class Receivers:
    """Posts to receivers; `allow_local` lets in plain http to this machine, for the local cloud and nothing else."""

    def __init__(self, *, allow_local: bool = False, resolve: Callable[[str, int], list[str]] = resolved) -> None:
        self._allow_local = allow_local
        self._resolve = resolve

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post a body and return once the receiver has taken it (2xx).

        Raises:
            Undeliverable: the URL is none that we post to, or the receiver answered 3xx or 4xx.
            Unacceptable: it answered by 400, 409, 413, 414, 415, 422 or 431 that it does not take this body.
            Unavailable: no connection, a timeout, 408, 425, 429 or 5xx: it may go later.
        """
        target = self.check(url)
        status = self._status(target, body, headers)
        if 200 <= status < 300:  # noqa: PLR2004 (the class of success)
            return
        if status in _PASSING or status >= 500:  # noqa: PLR2004 (the class of the server's own failures)
            msg = f"the receiver answered {status}"
            raise Unavailable(msg)
        msg = f"the receiver refused with {status}"
        raise Unacceptable(msg) if status in _FOR_WHAT_IT_SAYS else Undeliverable(msg)

    def check(self, url: str) -> Target:
        """Look up and check where a URL leads.

        Raises:
            Undeliverable: it is no URL that we post to; the message says why, without repeating it.
            Unavailable: the host's name does not resolve now.
        """
        parts, port = _parsed(url)
        host = str(parts.hostname)
        if parts.scheme == "http" and not self._allow_local:
            msg = "the URL is not https"
            raise Undeliverable(msg)
        try:
            addresses = tuple(dict.fromkeys(self._resolve(host, port)))
        except (OSError, UnicodeError):
            msg = "the receiver's name does not resolve"
            raise Unavailable(msg) from None
        if not addresses or not all(self._may_reach(parts.scheme, address) for address in addresses):
            msg = "the receiver's address is not a public one"
            raise Undeliverable(msg)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        ipv4_first = sorted(addresses, key=lambda address: ":" in address)
        return Target(parts.scheme, host, port, path, tuple(ipv4_first[:_ADDRESSES_TRIED]))

    def _may_reach(self, scheme: str, text: str) -> bool:
        try:
            address = _inner(ipaddress.ip_address(text))
        except ValueError:
            return False
        if address.is_loopback:
            return self._allow_local
        return scheme == "https" and _is_public(address)

    def _status(self, target: Target, body: bytes, headers: Mapping[str, str]) -> int:
        for address in target.addresses:
            try:
                plain = socket.create_connection((address, target.port), _CONNECT_SECONDS)
            except OSError:
                continue
            try:
                with plain:
                    return _posted(target, plain, body, headers)
            except (OSError, HTTPException) as error:
                msg = f"the receiver did not answer: {type(error).__name__}"
                raise Unavailable(msg) from None
        msg = "the receiver cannot be reached"
        raise Unavailable(msg)


def _posted(target: Target, plain: socket.socket, body: bytes, headers: Mapping[str, str]) -> int:
    """Post on an open connection and return the status; whatever the receiver does, it is over in ten seconds."""
    plain.settimeout(_SECONDS)
    stream = plain if target.scheme == "http" else _secured(plain, target.host)
    # A timeout ends single silences; a receiver that answers drop by drop is cut off.
    end = threading.Timer(_SECONDS, _cut, (stream,))
    end.daemon = True
    with stream:
        end.start()
        try:
            if isinstance(stream, ssl.SSLSocket):
                stream.do_handshake()
            connection = HTTPConnection(target.host, target.port)
            connection.sock = stream
            connection.request(
                "POST",
                target.path,
                body,
                {"User-Agent": "Baton", "Connection": "close", **headers, "Host": _host_header(target)},
            )
            return connection.getresponse().status
        finally:
            end.cancel()


def _cut(stream: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(stream, socket.SHUT_RDWR)


def _secured(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """TLS over the connection, for the name that was asked for and not for the address behind it."""
    context = ssl.create_default_context()
    return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"https": 443, "http": 80}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"


def _parsed(url: str) -> tuple[SplitResult, int]:
    if not url.isascii() or any(character <= " " or character in '\\\x7f"<>^`{|}' for character in url):
        msg = "the URL holds characters that have no place in one"
        raise Undeliverable(msg)
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        msg = "the URL cannot be read"
        raise Undeliverable(msg) from None
    if parts.scheme not in {"https", "http"}:
        msg = "the URL is not https"
        raise Undeliverable(msg)
    if "@" in parts.netloc or not parts.hostname or "%" in parts.netloc:
        msg = "the URL names a user, or no host"
        raise Undeliverable(msg)
    return parts, port


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one carries inside, which is where a packet ends."""
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if carried is None and address in _NAT64:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return carried or address
    return address


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (address.teredo or address.is_site_local):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
