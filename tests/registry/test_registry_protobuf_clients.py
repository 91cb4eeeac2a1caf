"""confluent-kafka's Protobuf serializer and deserializer against a registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from registries import RegistryProcess

LABEL_OPTIONAL, LABEL_REPEATED = 1, 3
INT64, STRING, MESSAGE, ENUM = 3, 9, 11, 14


@pytest.fixture
def client(registry: RegistryProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry.url}) as opened:
        yield opened


def field(message: descriptor_pb2.DescriptorProto, name: str, kind: int, **more: object) -> None:
    message.field.add(
        name=name, number=len(message.field) + 1, **{"label": LABEL_OPTIONAL, "type": kind, **more}
    )


def message_class(id_type: int = INT64) -> type:
    """`shop.Outer.Order` as protoc would compile it: nested, with an enum, a map, and imports of two other files."""
    money = descriptor_pb2.FileDescriptorProto(name="money.proto", package="money", syntax="proto3")
    field(money.message_type.add(name="Amount"), "cents", INT64)
    order = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
    order.dependency.extend(["money.proto", "google/protobuf/timestamp.proto"])
    field(order.message_type.add(name="First"), "nothing", STRING)
    outer = order.message_type.add(name="Outer")
    made = outer.nested_type.add(name="Order")
    field(made, "id", id_type)
    field(made, "price", MESSAGE, type_name=".money.Amount")
    field(made, "at", MESSAGE, type_name=".google.protobuf.Timestamp")
    field(made, "state", ENUM, type_name=".shop.Outer.State")
    field(made, "lines", MESSAGE, type_name=".shop.Outer.Order.LinesEntry", label=LABEL_REPEATED)
    entry = made.nested_type.add(name="LinesEntry")
    entry.options.map_entry = True
    field(entry, "key", STRING)
    field(entry, "value", INT64)
    state = outer.enum_type.add(name="State")
    state.value.add(name="NEW", number=0)
    state.value.add(name="PAID", number=1)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    for file in (money, order):
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Outer.Order"))


def test_a_message_is_written_and_read_by_its_schema(
    registry: RegistryProcess, client: SchemaRegistryClient, topic: str
) -> None:
    """The serializer registers the message's file and what it imports; the deserializer asks for descriptors."""
    order = message_class()
    place = SerializationContext(topic, MessageField.VALUE)
    sent = order(id=7, state=1)
    sent.price.cents = 250
    sent.at.seconds = 5
    sent.lines["pen"] = 2
    written = ProtobufSerializer(order, client, {"use.deprecated.format": False})(sent, place)
    assert written[0] == 0
    with SchemaRegistryClient({"url": registry.url}) as another:
        # One keeps what registering answered, the other asks for the descriptors of the file and of its imports.
        for reader in (client, another):
            read = ProtobufDeserializer(order, {"use.deprecated.format": False}, reader)(written, place)
            assert (read.id, read.price.cents, read.at.seconds, read.state) == (7, 250, 5, 1)
            assert dict(read.lines) == {"pen": 2}
    # Again, by another serializer: nothing new is registered.
    again = ProtobufSerializer(order, client, {"use.deprecated.format": False})(sent, place)
    assert again == written
    assert client.get_versions(f"{topic}-value") == [1]
    latest = client.get_latest_version(f"{topic}-value")
    assert [reference.name for reference in latest.schema.references] == ["money.proto"]
    assert "message Outer {" in latest.schema.schema_str


def test_a_change_that_breaks_readers_is_refused_to_the_serializer(
    client: SchemaRegistryClient, topic: str
) -> None:
    """The producer learns it before a record is written."""
    place = SerializationContext(topic, MessageField.VALUE)
    first, changed = message_class(), message_class(STRING)
    ProtobufSerializer(first, client, {"use.deprecated.format": False})(first(id=1), place)
    with pytest.raises(SchemaRegistryError, match="FIELD_SCALAR_KIND_CHANGED"):
        ProtobufSerializer(changed, client, {"use.deprecated.format": False})(changed(id="1"), place)
