"""Where webhooks may go: https to public addresses, checked and pinned; nothing else."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapters import receivers as receivers_module
from shared.adapters.receivers import Receivers
from shared.ports.channels import Undeliverable
from shared.ports.errors import Unavailable
from tests.local_receiver import Receiver

PUBLIC = "93.184.216.34"
NAMES = {
    "hooks.example.com": [PUBLIC],
    "two.example.com": [PUBLIC, "10.0.0.7"],
    "rebound.example.com": ["127.0.0.1"],
    "inside.example.com": ["10.1.2.3"],
    "metadata.example.com": ["169.254.169.254"],
    "v6inside.example.com": ["fd00::1"],
    "v6.example.com": ["2606:2800:220:1:248:1893:25c8:1946"],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "empty.example.com": [],
}

TO_OTHER_SCHEMES = [
    "http://hooks.example.com/",
    "HTTP://hooks.example.com/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "javascript:alert(1)",
    "data:text/plain,hello",
    "//hooks.example.com/",
    "hooks.example.com/in",
    "https:hooks.example.com/in",
    "https:///in",
    "https://",
    "https://:443/",
    "",
    "ws://hooks.example.com/",
]
WRITTEN_TO_CONFUSE = [
    "https://user@hooks.example.com/",
    "https://user:pass@hooks.example.com/",
    "https://hooks.example.com@10.0.0.1/",
    "https://hooks.example.com%40@10.0.0.1/",
    "https://hooks.example.com\\@10.0.0.1/",
    "https://hooks.example.com\\.evil.example/",
    "https://hooks.example.com/\r\nHost: evil.example",
    "https://hooks.example.com/ HTTP/1.1",
    "https://hooks.example.com\t/",
    " https://hooks.example.com/",
    "https://hooks.example.com/\x00",
    "https://hooks.example.com/\x7f",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:x/",
    "https://hooks.example.com:-1/",
    "https://ⓛocalhost/",
    "https://h\u043e\u043eks.example.com/",
    "https://127。0。0。1/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://%31%32%37.0.0.1/",
    "https://hooks.example.com/{in}",
]
TO_ADDRESSES_INSIDE = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials/",
    "https://100.64.0.1/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.7/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://two.example.com/",
    "https://rebound.example.com/",
    "https://inside.example.com/",
    "https://metadata.example.com/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://v6inside.example.com/",
    "https://empty.example.com/",
]
TO_THE_PUBLIC = {
    "https://hooks.example.com/services/T0/B0/x": (443, "/services/T0/B0/x"),
    "https://HOOKS.example.com": (443, "/"),
    "https://hooks.example.com:8443/in?team=a&b=%20#part": (8443, "/in?team=a&b=%20"),
    "https://hooks.example.com?x": (443, "/?x"),
    "https://93.184.216.34/in": (443, "/in"),
    "https://v6.example.com/in": (443, "/in"),
    "https://[2606:2800:220:1:248:1893:25c8:1946]/in": (443, "/in"),
    "https://[64:ff9b::5db8:d822]/in": (443, "/in"),
}


def by_name(host: str, port: int) -> list[str]:
    """Names from the table; what is written as a number as the C library reads it, without asking anybody."""
    if host.lower() in NAMES:
        return NAMES[host.lower()]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(each[4][0]) for each in found]


def test_the_tables_hold_more_than_sixty_urls() -> None:
    assert len({*TO_OTHER_SCHEMES, *WRITTEN_TO_CONFUSE, *TO_ADDRESSES_INSIDE, *TO_THE_PUBLIC}) >= 60


@pytest.mark.parametrize("url", [*TO_OTHER_SCHEMES, *WRITTEN_TO_CONFUSE, *TO_ADDRESSES_INSIDE])
def test_nothing_is_posted_to_a_url_that_could_lead_inside(url: str) -> None:
    with pytest.raises((Undeliverable, Unavailable)) as raised:
        Receivers(resolve=by_name).check(url)
    assert "example" not in str(raised.value), "the message repeats the URL"


@pytest.mark.parametrize("url", TO_ADDRESSES_INSIDE)
def test_an_address_inside_is_refused_for_being_one(url: str) -> None:
    with pytest.raises(Undeliverable, match="not a public one"):
        Receivers(resolve=by_name).check(url)


@pytest.mark.parametrize(("url", "port_and_path"), TO_THE_PUBLIC.items())
def test_https_to_a_public_address_is_posted_to(url: str, port_and_path: tuple[int, str]) -> None:
    target = Receivers(resolve=by_name).check(url)
    assert (target.port, target.path) == port_and_path


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://hooks.example.com/", "https://192.168.0.1/"])
def test_the_setting_for_local_receivers_opens_this_machine_and_nothing_more(url: str) -> None:
    with pytest.raises(Undeliverable):
        Receivers(allow_local=True, resolve=by_name).check(url)
    assert Receivers(allow_local=True, resolve=by_name).check("http://localhost:8080/in").addresses


def test_a_name_that_does_not_resolve_may_resolve_later() -> None:
    with pytest.raises(Unavailable, match="does not resolve"):
        Receivers(resolve=by_name).check("https://nowhere.example.com/")


Listen = Callable[..., Receiver]


@pytest.fixture
def listen() -> Iterator[Listen]:
    with ExitStack() as running:
        yield lambda receiver, tls=None: running.enter_context(receiver.listening(tls))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_taken(listen: Listen, status: int) -> None:
    listener = listen(Receiver(status))
    Receivers(allow_local=True).post(f"http://127.0.0.1:{listener.port}/in?a=1", b"{}", {"webhook-id": "7"})
    (path, headers, body), *others = listener.requests
    assert (path, body, others) == ("/in?a=1", b"{}", [])
    assert headers["webhook-id"] == "7"
    assert headers["Host"] == f"127.0.0.1:{listener.port}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_4xx_needs_somebody_to_mend_it(listen: Listen, status: int) -> None:
    listener = listen(Receiver(status))
    with pytest.raises(Undeliverable, match=str(status)):
        Receivers(allow_local=True).post(f"http://127.0.0.1:{listener.port}/", b"{}", {})


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_overload_and_failures_of_the_receiver_may_pass(listen: Listen, status: int) -> None:
    listener = listen(Receiver(status))
    with pytest.raises(Unavailable, match=str(status)):
        Receivers(allow_local=True).post(f"http://127.0.0.1:{listener.port}/", b"{}", {})
    assert len(listener.requests) == 1, "the queue tries again, not the client"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(listen: Listen, status: int) -> None:
    elsewhere = listen(Receiver())
    listener = listen(Receiver(status, {"Location": f"http://127.0.0.1:{elsewhere.port}/"}))
    with pytest.raises(Undeliverable, match=str(status)):
        Receivers(allow_local=True).post(f"http://127.0.0.1:{listener.port}/", b"{}", {})
    assert elsewhere.requests == []


def test_a_receiver_that_is_down_may_come_back() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        Receivers(allow_local=True).post(f"http://127.0.0.1:{port}/secret-token", b"{}", {})


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for `hooks.example.com`, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "identity.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def secured(listen: Listen, identity: Path) -> Receiver:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    return listen(Receiver(), context)


def test_the_checked_address_is_the_one_connected_to_and_tls_still_asks_for_the_name(
    listen: Listen, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    listener = secured(listen, identity)
    answers = iter([["127.0.0.1"], ["203.0.113.9"]])
    receivers = Receivers(allow_local=True, resolve=lambda _host, _port: next(answers))
    receivers.post(f"https://hooks.example.com:{listener.port}/in", b"{}", {})
    assert listener.asked_for == ["hooks.example.com"]
    assert listener.requests[0][1]["Host"] == f"hooks.example.com:{listener.port}"
    assert next(answers) == ["203.0.113.9"], "the name was looked up twice"


def test_a_receiver_with_another_name_in_its_certificate_gets_nothing(
    listen: Listen, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    listener = secured(listen, identity)
    receivers = Receivers(allow_local=True, resolve=lambda _host, _port: ["127.0.0.1"])
    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        receivers.post(f"https://other.example.com:{listener.port}/in", b"{}", {})
    assert listener.requests == []


def test_a_receiver_whose_certificate_nobody_vouches_for_gets_nothing(listen: Listen, identity: Path) -> None:
    listener = secured(listen, identity)
    receivers = Receivers(allow_local=True, resolve=lambda _host, _port: ["127.0.0.1"])
    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        receivers.post(f"https://hooks.example.com:{listener.port}/in", b"{}", {})
    assert listener.requests == []


def test_where_one_address_does_not_answer_the_next_is_tried(listen: Listen) -> None:
    listener = listen(Receiver())
    receivers = Receivers(allow_local=True, resolve=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
    receivers.post(f"http://localhost:{listener.port}/", b"{}", {})
    assert len(listener.requests) == 1


def test_what_goes_wrong_is_told_without_the_url(listen: Listen) -> None:
    listener = listen(Receiver(500))
    with pytest.raises(Unavailable) as raised:
        Receivers(allow_local=True).post(f"http://127.0.0.1:{listener.port}/services/SECRET", b"{}", {})
    assert "SECRET" not in repr(raised.value)
    assert raised.value.__context__ is None


def test_a_receiver_that_answers_drop_by_drop_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receivers_module, "_SECONDS", 0.3)
    answer = b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 100
    drops: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                for drop in answer:
                    connection.sendall(bytes([drop]))
                    drops.append(drop)
                    time.sleep(0.05)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(Unavailable):
            Receivers(allow_local=True).post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        thread.join(5)
    assert len(drops) < len(answer)


def test_a_receiver_that_speaks_no_http_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def mumble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=mumble, daemon=True)
        thread.start()
        with pytest.raises(Unavailable, match="did not answer"):
            Receivers(allow_local=True).post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        thread.join(5)
