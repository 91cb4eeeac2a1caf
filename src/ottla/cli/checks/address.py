"""An address: does the name resolve, does something listen, is it a Kafka broker, and can clients follow where it sends
them? A client connects first to the address it was given, then to those that the brokers advertise: the second step is
what usually fails.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Generator, Iterator

from ottla.cli.addresses import Address, connection_fault
from ottla.cli.checks.findings import Finding, fault, fine, warning
from ottla.client.one_request import NotKafkaError, ask
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse

OLDEST_FETCH_VERSION = 4
"""Below, record batches of format 2 (Apache Kafka 0.11) are not understood."""
METADATA_VERSION = 7
"""Old enough for brokers since 2.0, new enough to tell controller and leaders."""
SLOW_MS = 200.0
TLS_ALERT = b"\x15\x03"


def check_address(address: Address, timeout_s: float) -> Iterator[Finding]:
    """The chain from the name to the partitions' leaders, as far as it holds."""
    resolved = yield from _resolve(address)
    if not resolved:
        return
    reason = connection_fault(address, timeout_s)
    if reason is not None:
        yield fault(f"port {address.port}", f"{address}: {reason}", _connection_remedy(address, reason))
        return
    yield fine(f"port {address.port}", f"{address} accepts connections")
    if (yield from _speaks_kafka(address, timeout_s)):
        yield from _follow(address, timeout_s)


def _resolve(address: Address) -> Generator[Finding, None, bool]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        yield fault(
            "name",
            f"{address.host} cannot be resolved: {getattr(error, 'strerror', None) or error}",
            "check the spelling, /etc/hosts, the DNS search domain; inside a container, the network's names",
        )
        return False
    numbers = sorted({str(one[4][0]) for one in found})
    if numbers != [address.host]:
        yield fine("name", f"{address.host} is {', '.join(numbers)}")
    return True


def _connection_remedy(address: Address, reason: str) -> str:
    if "refused" in reason:
        if _is_local(address.host):
            return "start a broker (`ottla up`), or look which port it has: listeners in its settings"
        return f"see that the broker on {address.host} runs and listens on more than localhost (listeners)"
    return "see that the machine is up, and that no firewall or security group drops the packets"


def _speaks_kafka(address: Address, timeout_s: float) -> Generator[Finding, None, bool]:
    begin_s = time.perf_counter()
    try:
        answer = ask(address.host, address.port, ApiVersionsRequest(), ApiVersionsResponse, 0, timeout_s)
    except (OSError, NotKafkaError, ProtocolError) as error:
        yield _not_kafka(address, error, timeout_s)
        return False
    spent_ms = (time.perf_counter() - begin_s) * 1000
    versions = {one.api_key: one.max_version for one in answer.api_keys}
    newest = max_versions_text(versions)
    yield fine("protocol", f"a Kafka broker: {len(versions)} APIs, {newest}")
    if answer.error_code != ErrorCode.NONE:
        yield fault("protocol", f"it answers with error {answer.error_code}", "look into the broker's log")
    if versions.get(ApiKey.FETCH, 0) < OLDEST_FETCH_VERSION:
        yield fault("version", "it is older than Apache Kafka 0.11", "today's clients need 2.1 or later")
    if spent_ms > SLOW_MS:
        yield warning(
            "latency",
            f"the first answer took {spent_ms:.0f} ms",
            "see whether the broker is overloaded or far",
        )
    else:
        yield fine("latency", f"the first answer took {spent_ms:.1f} ms")
    return True


def max_versions_text(versions: dict[int, int]) -> str:
    """The versions that tell brokers' generations apart."""
    told = (ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.METADATA)
    return ", ".join(f"{one.name.capitalize()} up to v{versions[one]}" for one in told if one in versions)


def _not_kafka(address: Address, error: Exception, timeout_s: float) -> Finding:
    first_bytes = error.first_bytes if isinstance(error, NotKafkaError) else b""
    if first_bytes.startswith(TLS_ALERT) or (not first_bytes and _speaks_tls(address, timeout_s)):
        return fault(
            "protocol",
            f"{address} speaks TLS, and was asked without",
            "give clients security.protocol=SSL (or SASL_SSL), or use the port of the PLAINTEXT listener",
        )
    if first_bytes.startswith(b"HTTP/"):
        return fault(
            "protocol",
            f"{address} is an HTTP server, not a broker",
            "registry, Connect, ksql and metrics have ports of their own; brokers usually 9092",
        )
    if isinstance(error, TimeoutError):
        return fault(
            "protocol",
            f"{address} accepts connections, but does not answer within {timeout_s:g} s",
            "something else listens there, or the broker hangs: look into its log",
        )
    detail = (
        f"its answer begins {first_bytes[:16]!r}"
        if first_bytes
        else str(error) or "the connection was closed"
    )
    return fault(
        "protocol",
        f"{address} does not answer as a Kafka broker: {detail}",
        "see what listens there; a SASL listener also closes the connection of a client that does not log in",
    )


def _speaks_tls(address: Address, timeout_s: float) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Whether there is TLS is the question here, not whether to trust it.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((address.host, address.port), timeout_s) as plain:
            context.wrap_socket(plain, server_hostname=address.host).close()
    except ssl.SSLError as error:
        # A server that wants a client's certificate has spoken TLS to say so.
        return "CERTIFICATE_REQUIRED" in str(error) or "HANDSHAKE_FAILURE" in str(error)
    except OSError:
        return False
    return True


def _follow(address: Address, timeout_s: float) -> Iterator[Finding]:
    request = MetadataRequest(topics=None, allow_auto_topic_creation=False)
    try:
        answer = ask(address.host, address.port, request, MetadataResponse, METADATA_VERSION, timeout_s)
    except (OSError, NotKafkaError, ProtocolError) as error:
        yield fault(
            "cluster",
            f"it does not say which brokers there are: {error}",
            "a listener that wants a login answers so; give the client its sasl.* properties",
        )
        return
    if not answer.brokers:
        yield fault(
            "cluster",
            "it knows no broker",
            "see whether it is still starting, or cut off from its controller",
        )
    elif answer.controller_id not in {one.node_id for one in answer.brokers}:
        yield fault(
            "cluster", "there is no controller", "look into the brokers' logs; topics cannot be made without"
        )
    for broker in answer.brokers:
        yield _advertised(address, broker.node_id, Address(broker.host, broker.port), timeout_s)
    yield from _partitions(answer)


def _advertised(address: Address, broker: int, advertised: Address, timeout_s: float) -> Finding:
    subject = f"broker {broker}"
    reason = connection_fault(advertised, timeout_s)
    if reason is None:
        return fine(subject, f"advertises {advertised}, which can be reached from here")
    if _is_local(advertised.host) and not _is_local(address.host):
        reason += "; that address means each client's own machine"
    return fault(
        subject,
        f"tells clients to use {advertised}, which cannot be reached from here: {reason}",
        "set advertised.listeners on that broker to an address that its clients can reach",
    )


def _partitions(answer: MetadataResponse) -> Iterator[Finding]:
    partitions = [(topic.name, one) for topic in answer.topics for one in topic.partitions]
    leaderless = [f"{name}-{one.partition_index}" for name, one in partitions if one.leader_id < 0]
    lacking = [
        f"{name}-{one.partition_index}"
        for name, one in partitions
        if len(one.isr_nodes) < len(one.replica_nodes)
    ]
    if leaderless:
        yield fault(
            "partitions",
            f"{len(leaderless)} without a leader: {_some(leaderless)}",
            "bring back the brokers that hold them; look for a log directory that went offline",
        )
    if lacking:
        yield warning(
            "partitions",
            f"{len(lacking)} with replicas out of sync: {_some(lacking)}",
            "see which broker is down or slow",
        )
    if not leaderless and not lacking:
        yield fine(
            "partitions",
            f"{len(partitions)} in {len(answer.topics)} topics, all with leader and replicas in sync",
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
