"""Topics whose records must have registered schemas: what the broker takes, refuses and lets wait.

A real registry on the same broker answers; what a registry does that is slow, broken or not there, a few lines of HTTP do.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from brokers import Broker, free_port
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.record import Record, build_batch
from registries import RegistryProcess
from wire.wire_client import WireClient

StartBroker = Callable[..., Broker]
NewOrders = Callable[..., "Orders"]

STRATEGY = "io.confluent.kafka.serializers.subject."
ORDER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "id", "type": "long"}]}


def framed(schema: int) -> bytes:
    return b"\0" + schema.to_bytes(4) + b"\2"


@contextmanager
def registry_at(port: int, broker: Broker, directory: Path) -> Iterator[RegistryProcess]:
    with RegistryProcess(broker.bootstrap_servers, directory / "registry.log", port=port) as registry:
        yield registry


@contextmanager
def answering(port: int, answer: Callable[[str], tuple[int, Any]]) -> Iterator[list[str]]:
    """A server that answers each path as told; the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answer(self.path)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


class Orders:
    """A broker whose topic `orders` validates, and a client of it."""

    def __init__(self, broker: Broker, client: WireClient) -> None:
        self.broker = broker
        self.client = client

    def make(self, topic: str, **settings: str) -> None:
        self.client.create_topic(topic, **settings)

    def produce(
        self, topic: str, *values: bytes | None, acks: int = -1, keys: tuple[bytes | None, ...] = ()
    ) -> PartitionProduceResponse:
        records = [
            Record(0, 1_700_000_000_000, key, value)
            for key, value in zip(keys or (b"k",) * len(values), values, strict=True)
        ]
        data = PartitionProduceData(index=0, records=memoryview(build_batch(records)))
        request = ProduceRequest(
            acks=acks, timeout_ms=30_000, topic_data=[TopicProduceData(name=topic, partition_data=[data])]
        )
        return self.client.ask(request, ProduceResponse, 9).responses[0].partition_responses[0]


@pytest.fixture
def new_orders(start_broker: StartBroker) -> Iterator[NewOrders]:
    """`new_orders(settings, port of the registry)`: a broker of its own, and a client."""
    with ExitStack() as clients:

        def start(settings: dict[str, str], port: int | None = None) -> Orders:
            address = {} if port is None else {"confluent.schema.registry.url": f"http://127.0.0.1:{port}"}
            broker = start_broker({**address, **settings})
            return Orders(broker, clients.enter_context(WireClient(broker.host, broker.port)))

        yield start


def on(**others: str) -> dict[str, str]:
    return {"confluent_value_schema_validation": "true", **others}


def test_records_of_registered_schemas_alone(new_orders: NewOrders, tmp_path: Path) -> None:
    """With a real registry: by topic, record and both; ids of other subjects, of nobody, and values without an id."""
    port = free_port()
    orders = new_orders({}, port)
    for topic, settings in {
        "orders": on(),
        "free": {},
        "named": on(confluent_value_subject_name_strategy=f"{STRATEGY}RecordNameStrategy"),
        "both": on(confluent_value_subject_name_strategy=f"{STRATEGY}TopicRecordNameStrategy"),
        "keys": {"confluent_key_schema_validation": "true"},
    }.items():
        orders.make(topic, **settings)
    with registry_at(port, orders.broker, tmp_path) as registry:

        def registered(subject: str, schema: object) -> int:
            answer = registry.ask("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema)})
            return int(answer.body["id"])

        by_topic = registered("orders-value", {**ORDER, "doc": "by topic"})
        elsewhere = registered("other-value", "string")
        by_record = registered("shop.Order", ORDER)
        by_both = registered("both-shop.Order", {**ORDER, "doc": "both"})
        of_keys = registered("keys-key", "long")

        assert orders.produce("orders", framed(by_topic), None).error_code == ErrorCode.NONE
        assert orders.produce("free", b"anything").error_code == ErrorCode.NONE
        assert orders.produce("named", framed(by_record)).error_code == ErrorCode.NONE
        assert orders.produce("both", framed(by_both)).error_code == ErrorCode.NONE
        assert orders.produce("keys", b"anything", keys=(framed(of_keys),)).error_code == ErrorCode.NONE

        refused = orders.produce("orders", framed(by_topic), framed(elsewhere), b"text")
        assert refused.error_code == ErrorCode.INVALID_RECORD
        assert [each.batch_index for each in refused.record_errors] == [2]
        refused = orders.produce("orders", framed(by_topic), framed(elsewhere), framed(99_999))
        assert refused.error_code == ErrorCode.INVALID_RECORD
        assert [each.batch_index for each in refused.record_errors] == [1, 2]
        first, second = (each.batch_index_error_message or "" for each in refused.record_errors)
        assert f"value schema {elsewhere} is not registered under the subject orders-value" in first
        assert "value schema 99999 is not registered" in second
        assert "record 1 of the batch, 2 in all" in (refused.error_message or "")
        assert orders.produce("named", framed(by_topic)).error_code == ErrorCode.INVALID_RECORD
        assert orders.produce("keys", b"v", keys=(framed(by_topic),)).error_code == ErrorCode.INVALID_RECORD

        # An id that was asked for in vain a moment ago is taken once it is there.
        assert orders.produce("orders", framed(of_keys + 1)).error_code == ErrorCode.INVALID_RECORD
        assert registered("orders-value", {**ORDER, "doc": "second"}) == of_keys + 1
        until(
            lambda: orders.produce("orders", framed(of_keys + 1)).error_code,
            lambda code: code == ErrorCode.NONE,
        )


def test_what_is_known_is_not_asked_for_again(new_orders: NewOrders) -> None:
    """One request for an id, however many records name it and while the registry is gone afterwards."""
    port = free_port()
    orders = new_orders({}, port)
    orders.make("orders", **on())
    with answering(port, lambda _: (200, [{"subject": "orders-value", "version": 1}])) as asked:
        for _ in range(20):
            assert orders.produce("orders", *[framed(7)] * 50).error_code == ErrorCode.NONE
    assert asked == ["/schemas/ids/7/versions"]
    assert orders.produce("orders", framed(7)).error_code == ErrorCode.NONE
    assert orders.produce("orders", framed(8)).error_code == ErrorCode.INVALID_RECORD


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, {}), "answers 500"),
        ((200, {"no": "list"}), "something else than a schema registry"),
        ((200, [{"subject": 3.5, "nothing": 1}, "text"]), "something else than a schema registry"),
        ((200, b"[" * 100_000), "something else than a schema registry"),
    ],
)
def test_a_registry_that_is_broken(new_orders: NewOrders, answer: tuple[int, object], reason: str) -> None:
    """The records are refused, with what it answered."""
    port = free_port()
    orders = new_orders({}, port)
    orders.make("orders", **on())
    with answering(port, lambda _: answer):
        refused = orders.produce("orders", framed(7))
    assert refused.error_code == ErrorCode.INVALID_RECORD
    assert reason in (refused.error_message or "")


def test_a_registry_that_does_not_answer_keeps_no_one_longer_than_two_seconds(
    new_orders: NewOrders,
) -> None:
    """Nor anyone else at all: requests for other topics are answered meanwhile."""
    port = free_port()
    orders = new_orders({}, port)
    orders.make("orders", **on())
    orders.make("free")
    released = threading.Event()

    def never(_: str) -> tuple[int, object]:
        released.wait(60)
        return 200, []

    with answering(port, never):
        answers: list[tuple[PartitionProduceResponse, float]] = []

        def waiting() -> None:
            began = time.monotonic()
            with WireClient(orders.broker.host, orders.broker.port) as client:
                answer = Orders(orders.broker, client).produce("orders", framed(7))
            answers.append((answer, time.monotonic() - began))

        threads = [threading.Thread(target=waiting) for _ in range(20)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert orders.produce("free", b"v").error_code == ErrorCode.NONE
        released.set()
    assert len(answers) == 20
    for refused, seconds in answers:
        assert refused.error_code == ErrorCode.INVALID_RECORD
        assert "no answer for 2 s" in (refused.error_message or "") or "timed out" in (
            refused.error_message or ""
        )
        assert seconds < 20


@pytest.mark.parametrize("url", ["nowhere", "unset"])
def test_records_may_be_allowed_unchecked(new_orders: NewOrders, url: str) -> None:
    """`ottla.schema.validation.on.error=allow`: while nobody can be asked. What names no schema is refused all the same."""
    port = free_port() if url == "nowhere" else None
    orders = new_orders({"ottla.schema.validation.on.error": "allow"}, port)
    orders.make("orders", **on())
    assert orders.produce("orders", framed(7)).error_code == ErrorCode.NONE
    assert orders.produce("orders", b"text").error_code == ErrorCode.INVALID_RECORD


def test_without_an_address_the_refusal_says_which_setting_is_missing(new_orders: NewOrders) -> None:
    """Somebody switched validation on for a topic of a broker that knows no registry."""
    orders = new_orders({})
    orders.make("orders", **on())
    refused = orders.produce("orders", framed(7))
    assert refused.error_code == ErrorCode.INVALID_RECORD
    assert "confluent.schema.registry.url is not set" in (refused.error_message or "")
