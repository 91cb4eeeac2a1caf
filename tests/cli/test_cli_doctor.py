"""`ottla doctor`: each thing that goes wrong is named, with what to do about it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ottla.cli.addresses import Address
from ottla.cli.checks.address import check_address
from ottla.cli.checks.directories import check_directory, file_system
from ottla.cli.checks.findings import Finding, Level
from ottla.cli.main import main
from ottla.testing import Broker

TIMEOUT_S = 0.5
TLS_ALERT = bytes.fromhex("15030100020246")


def bad(findings: Iterator[Finding]) -> list[tuple[Level, str]]:
    """What is not fine."""
    return [(one.level, f"{one.subject}: {one.what}") for one in findings if one.level is not Level.FINE]


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[Address]:
    """Something that listens and is no broker: `answer` deals with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Address("127.0.0.1", listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def speak(reply: bytes) -> Callable[[socket.socket], None]:
    """Answer everything with the same bytes."""

    def answer(connection: socket.socket) -> None:
        if connection.recv(4096):
            connection.sendall(reply)

    return answer


def be_silent(connection: socket.socket) -> None:
    """Accept, and never answer."""
    while connection.recv(4096):
        pass


def test_a_healthy_broker_has_nothing_to_complain_of() -> None:
    """Name, port, protocol, advertised address and partitions are all fine."""
    with Broker() as broker:
        broker.create_topic("orders", partitions=2)
        findings = list(check_address(Address(broker.host, broker.port), 5))
    assert bad(iter(findings)) == []
    assert {"protocol", "broker 1", "partitions"} <= {one.subject for one in findings}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (speak(TLS_ALERT), "speaks TLS, and was asked without"),
        (speak(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "is an HTTP server, not a broker"),
        (speak(b"220 mail ready, please say hello first\r\n"), "does not answer as a Kafka broker"),
        (speak(b"\0\0\0\6\0\0\0\1\0\0"), "does not answer as a Kafka broker"),
        (lambda _connection: None, "does not answer as a Kafka broker"),
        (be_silent, "does not answer within 0.5 s"),
    ],
    ids=["tls", "http", "smtp", "truncated", "closes", "silent"],
)
def test_what_is_no_broker_is_told_by_what_it_says(
    answer: Callable[[socket.socket], None], said: str
) -> None:
    """The port is open, but it is not Kafka that answers."""
    with server(answer) as address:
        ((level, what),) = bad(check_address(address, TIMEOUT_S))
    assert (level, said in what) == (Level.FAULT, True), what


def test_an_advertised_address_that_cannot_be_reached_is_the_fault() -> None:
    """The first connection works, the second would not: the broker sends clients elsewhere."""
    with Broker(settings={"advertised.listeners": "PLAINTEXT://no.such.host.invalid:9092"}) as broker:
        ((level, what),) = bad(check_address(Address(broker.host, broker.port), TIMEOUT_S))
    assert level is Level.FAULT
    assert "tells clients to use no.such.host.invalid:9092" in what


def test_names_and_ports_without_anyone() -> None:
    """DNS and refusal are told apart."""
    ((_, name),) = bad(check_address(Address("no.such.host.invalid", 9092), TIMEOUT_S))
    ((_, port),) = bad(check_address(Address("127.0.0.1", 1), TIMEOUT_S))
    assert "no.such.host.invalid cannot be resolved" in name
    assert "connection refused" in port


def test_settings_are_checked_all_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every fault with its line; what has no effect is a warning."""
    file = tmp_path / "server.properties"
    file.write_text(
        "num.partitions=0\nlog.retention.ms=soon\nprocess.roles=broker\nno.such=1\n", encoding="utf-8"
    )
    assert main(["doctor", "--config", str(file), "--json"]) == 1
    faults = [one["what"] for one in json.loads(capsys.readouterr().out) if one["level"] == "fault"]
    assert any("num.partitions=0" in one and "line 1" in one for one in faults)
    assert any("log.retention.ms=soon" in one and "line 2" in one for one in faults)
    file.write_text(
        f"listeners=PLAINTEXT://127.0.0.1:0\nno.such=1\nlog.dirs={tmp_path / 'logs'}\n", encoding="utf-8"
    )
    assert main(["doctor", "--config", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "warn   settings: no.such" in printed
    assert "0 faults, 1 warning." in printed


def test_a_port_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to find out who has it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert (
            main(
                [
                    "doctor",
                    "--set",
                    f"listeners=PLAINTEXT://127.0.0.1:{port}",
                    "--set",
                    f"log.dirs={tmp_path}",
                ]
            )
            == 1
        )
    printed = capsys.readouterr().out
    assert f"FAULT  port {port}" in printed
    assert f"ss -ltnp 'sport = :{port}'" in printed


def test_a_directory_in_use_is_told_with_the_process(tmp_path: Path) -> None:
    """The lock of a running broker is seen, and not disturbed; after its stop the directory is fine."""
    with Broker(process=True, data=tmp_path) as broker:
        broker.create_topic("orders")
        whats = [what for _, what in bad(check_directory(tmp_path / "logs"))]
        assert any("in use by process" in what for what in whats)
        broker.create_topic("payments")
    assert [what for _, what in bad(check_directory(tmp_path / "logs", 1))] == []


def test_directories_of_others(tmp_path: Path) -> None:
    """Another broker's, KRaft's, or no directory at all."""
    (tmp_path / "meta.properties").write_text("version=0\nbroker.id=7\ncluster.id=abc\n", encoding="utf-8")
    assert any("belongs to broker 7" in what for _, what in bad(check_directory(tmp_path, 1)))
    assert bad(check_directory(tmp_path, 7)) == []
    (tmp_path / "__cluster_metadata-0").mkdir()
    assert any("KRaft" in what for _, what in bad(check_directory(tmp_path, 7)))
    file = tmp_path / "meta.properties"
    assert any("it is a file" in what for _, what in bad(check_directory(file)))


def test_a_directory_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    """The broker makes it."""
    (finding,) = check_directory(tmp_path / "deep" / "down")
    assert finding.level is Level.FINE


def test_the_file_system_is_that_of_the_innermost_mount(tmp_path: Path) -> None:
    """Read from the system's table of mounts."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"a / ext4 rw 0 0\nb {tmp_path} nfs4 rw 0 0\nc /nowhere tmpfs rw 0 0\n", encoding="utf-8"
    )
    assert file_system(tmp_path / "logs", mounts) == "nfs4"
    assert file_system(Path("/usr"), mounts) == "ext4"
    assert file_system(Path("/usr"), tmp_path / "missing") == ""


def test_a_low_limit_of_descriptors_is_told(shell) -> None:
    """As a shell sets it."""
    done = shell("ulimit -n 250; ottla doctor --data .")
    assert done.returncode == 1
    assert "FAULT  descriptors: only 250 may be open at once" in done.stdout
    assert "ulimit -n 65536" in done.stdout
