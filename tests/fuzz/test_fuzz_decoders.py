"""Everything else that reads bytes from outside: what it makes, or its room's one error, in memory bounded by the input."""

from __future__ import annotations

import contextlib
import struct

from cryptography.hazmat.primitives.serialization import Encoding
from fuzzing import fuzz

from certificates import PASSWORD, Authority
from ottla.broker.handlers.registered import all_registrations
from ottla.cluster import acl_nodes, token_nodes, znodes
from ottla.cluster.znodes import MalformedNode
from ottla.groups.subscription import assignment_of, protocol_version, subscribed_topics, subscription_of
from ottla.groups.topic_regex import check_regex, matching_topics
from ottla.protocol.codec import decode_from, encode
from ottla.protocol.errors import KafkaError, ProtocolError
from ottla.protocol.framing import decode_request_header, encode_request, peek
from ottla.protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from ottla.records.batch import check_crc, iterate_batches, parse_header, validate_produced_batch, write_crc
from ottla.records.compression import Codec
from ottla.records.errors import RecordsError
from ottla.records.record import Record, build_batch, iterate_records
from ottla.security.java_key_store import JavaKeyStoreError, read_java_key_store
from ottla.security.tls_names import distinguished_name, subject_of

REGISTRATIONS = {int(each.api_key): each for each in all_registrations()}
MAX_DECOMPRESSED_BYTES = 1 << 20


def frames() -> list[bytes]:
    """A request of each API in each version, sizes left out."""
    return [
        bytes(encode_request(each.request_class(), version, 7, "client"))[4:]
        for each in REGISTRATIONS.values()
        for version in range(each.lowest_version, each.highest_version + 1)
    ]


def test_request_frames() -> None:
    """As a connection takes them apart: leading fields, header, body, in each version that is served."""

    def target(content: bytes) -> None:
        frame = memoryview(content)
        with contextlib.suppress(ProtocolError):
            leading = peek(frame)
            registration = REGISTRATIONS.get(leading.api_key)
            if registration is None:
                return
            low, high = registration.lowest_version, registration.highest_version
            version = low + leading.api_version % (high - low + 1)
            _header, start = decode_request_header(frame, registration.request_class, version)
            decode_from(registration.request_class, version, frame, start)

    fuzz(target, frames())


def batches() -> list[bytes]:
    """Of each codec."""
    records = [Record(0, 7, b"key", b"value" * 9, (("h", b"v"),)), Record(0, 8, None, None)]
    return [bytes(build_batch(records, codec=codec)) for codec in Codec]


def test_record_batches() -> None:
    """Headers, checksums and records, also where the checksum is made to fit the damage."""

    def target(content: bytes) -> None:
        repaired = bytearray(content)
        if len(repaired) > 61:
            repaired[8:12] = struct.pack(">i", len(repaired) - 12)
            repaired[16] = 2
            write_crc(repaired)
        for each in (content, bytes(repaired)):
            for read in (
                lambda each=each: parse_header(each),
                lambda each=each: list(iterate_batches(each)),
                lambda each=each: check_crc(each),
                lambda each=each: validate_produced_batch(memoryview(each), max_message_bytes=1 << 20),
                lambda each=each: list(iterate_records(each, max_decompressed_bytes=MAX_DECOMPRESSED_BYTES)),
            ):
                with contextlib.suppress(RecordsError):
                    read()

    fuzz(target, batches())


def test_what_consumers_send_each_other() -> None:
    """Subscriptions and assignments inside JoinGroup and SyncGroup."""
    subscription = ConsumerProtocolSubscription(topics=["a", "b"], user_data=b"u", owned_partitions=[])
    assignment = ConsumerProtocolAssignment(assigned_partitions=[], user_data=b"u")
    seeds = [
        struct.pack(">h", version) + bytes(encode(each, version))
        for each in (subscription, assignment)
        for version in range(4 if each is subscription else 1)
    ]

    def target(content: bytes) -> None:
        subscribed_topics([content])
        for read in (subscription_of, assignment_of, protocol_version):
            with contextlib.suppress(ProtocolError):
                read(content)

    fuzz(target, seeds)


def test_regular_expressions_of_groups() -> None:
    """RE2's or an error; matching long names takes no time to speak of."""
    topics = ["a" * 249, "orders-eu", "a" * 248 + "!"]

    def target(content: bytes) -> None:
        regex = content.decode("utf-8", "replace")
        with contextlib.suppress(KafkaError):
            check_regex(regex)
        matching_topics([regex], topics)

    fuzz(
        target,
        [b"(a+)+$", b"(a|aa)+$", b"orders-.*", b"(?i)[a-z]{1,1000}"],
        [b"{1000}", b"(", b"\\p{L}"],
    )


def test_nodes_of_the_tree() -> None:
    """Rules and tokens as JSON: what can't be read is refused, for a denial that was passed over would let somebody in."""
    rule = b'{"version":1,"acls":[{"principal":"User:alice","permissionType":"Deny","operation":"Read","host":"*"}]}'
    token = (
        b'{"version":3,"owner":"User:a","tokenRequester":"User:a","renewers":["User:b"],"issueTimestamp":"1",'
        b'"maxTimestamp":"2","expiryTimestamp":"2","tokenId":"id"}'
    )

    def target(content: bytes) -> None:
        for read in (acl_nodes.decode, token_nodes.decode, znodes.decode_config):
            with contextlib.suppress(MalformedNode):
                read("/some/node", content)

    fuzz(target, [rule, token, b'{"version":1,"config":{"a":"b"}}'], [b'"', b"null", b"[]", b"{}", b"-1"])


def key_store() -> bytes:
    """One trusted certificate in Java's format, without the digest that a password makes."""
    certificate = Authority().issue("broker").certificate.public_bytes(Encoding.DER)
    alias, kind = b"\0\x02ca", b"\0\x05X.509"
    return (
        struct.pack(">Iii", 0xFEEDFEED, 2, 1)
        + struct.pack(">i", 2)
        + alias
        + struct.pack(">q", 0)
        + kind
        + struct.pack(">i", len(certificate))
        + certificate
        + bytes(20)
    )


def test_java_key_stores() -> None:
    """Entries or the one error."""

    def target(content: bytes) -> None:
        for password in (None, PASSWORD):
            with contextlib.suppress(JavaKeyStoreError):
                read_java_key_store(content, password)

    fuzz(target, [key_store()])


def test_names_in_certificates() -> None:
    """DER from whoever connects: a name or a ValueError."""
    certificate = Authority().issue("broker").certificate.public_bytes(Encoding.DER)
    name = bytes.fromhex("301e310d300b060355040a0c0441636d65310d300b06035504030c04616c6963")

    def target(content: bytes) -> None:
        for read in (subject_of, distinguished_name):
            with contextlib.suppress(ValueError):
                read(content)

    fuzz(target, [certificate, name])
