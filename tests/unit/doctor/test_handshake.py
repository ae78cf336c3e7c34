"""Connections to real servers on this machine, one for each way in which a handshake can end."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.unit.doctor.fake_mesh import Pair, certificate, root
from tether.doctor import certificates, handshake
from tether.doctor.handshake import Handshake, Outcome

HOST = "istiod.istio-system.svc"
SERVER = certificate("server", root(), days=1, is_authority=False, names=(x509.DNSName(HOST),))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """Port of a server that shows istiod's certificate, offers h2 and judges a client's certificate if there is one."""
    (tmp_path / "chain.pem").write_text(SERVER.pem + root().pem)
    (tmp_path / "key.pem").write_text(SERVER.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=root().pem)
    context.verify_mode = ssl.CERT_OPTIONAL
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            try:
                accepted, _ = listener.accept()
                with context.wrap_socket(accepted, server_side=True) as secured:
                    secured.sendall(b"settings")
                    secured.recv(1)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
    thread.join()


def greet(port: int, name: str = HOST, pem: str | None = None) -> Handshake:
    return handshake.greet("127.0.0.1", port, name, root().pem if pem is None else pem, seconds=5)


def test_a_server_that_proves_its_name_is_right(server: int) -> None:
    found = greet(server)

    assert found.outcome is Outcome.OK
    (leaf, *_) = certificates.parse(certificates.to_pem(found.chain[0]))
    assert certificates.dns_names(leaf) == [HOST]


def test_another_root_is_not_trusted(server: int) -> None:
    found = greet(server, pem=certificate("Another root").pem)

    assert found.outcome is Outcome.UNTRUSTED
    assert "is not trusted" in found.seen


def test_a_root_that_is_no_certificate_trusts_nobody(server: int) -> None:
    assert greet(server, pem="no certificate").outcome is Outcome.FAILED
    assert greet(server).outcome is Outcome.OK


def test_another_name_is_said_to_be_another_name(server: int) -> None:
    found = greet(server, name="istiod.other.svc")

    assert found.outcome is Outcome.WRONG_NAME
    assert "for istiod.other.svc" in found.seen


def test_who_trusts_nobody_in_particular_still_sees_the_certificate(server: int) -> None:
    found = greet(server, name="anything", pem="")

    assert found.outcome is Outcome.OK
    assert found.chain


def test_a_port_where_nobody_listens_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert greet(port).outcome is Outcome.REFUSED
    assert handshake.connect("127.0.0.1", port).outcome is Outcome.REFUSED


def test_a_server_that_hangs_up_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            accepted, _ = listener.accept()
            accepted.recv(1)
            accepted.shutdown(socket.SHUT_WR)
            accepted.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        found = greet(listener.getsockname()[1])
        thread.join()

    assert found.outcome is Outcome.CLOSED
    assert found.seen.endswith(f"closes the connection in the handshake for {HOST}")


def test_a_server_that_says_nothing_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = handshake.greet("127.0.0.1", listener.getsockname()[1], HOST, root().pem, seconds=0.2)

    assert found.outcome is Outcome.TIMED_OUT


def test_a_name_that_nobody_knows_is_no_way_there() -> None:
    assert handshake.connect("gateway.invalid", 1).outcome is Outcome.NO_ROUTE


def client(tmp_path: Path, authority: Pair) -> Path:
    own = certificate("proxy", authority, days=1, is_authority=False)
    file = tmp_path / "client.pem"
    file.write_text(own.pem + own.key_pem)
    return file


def test_a_certificate_of_the_mesh_is_taken(server: int, tmp_path: Path) -> None:
    found = handshake.greet("127.0.0.1", server, HOST, root().pem, client=client(tmp_path, root()), seconds=5)

    assert found.outcome is Outcome.OK


def test_a_certificate_of_an_earlier_root_is_not_taken(server: int, tmp_path: Path) -> None:
    stale = client(tmp_path, certificate("An earlier root"))

    found = handshake.greet("127.0.0.1", server, HOST, root().pem, client=stale, seconds=5)

    assert found.outcome is Outcome.NOT_TAKEN
    assert found.seen.endswith("ends the handshake: tlsv1 alert unknown ca")


def test_an_alert_says_nothing_of_a_certificate_that_was_not_shown() -> None:
    handshake_failure = b"\x15\x03\x03\x00\x02\x02\x28"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(handshake_failure)

        thread = threading.Thread(target=refuse)
        thread.start()
        found = greet(listener.getsockname()[1])
        thread.join()

    assert found.outcome is Outcome.FAILED


def test_an_open_port_is_open(server: int) -> None:
    assert handshake.connect("127.0.0.1", server).outcome is Outcome.OK
