"""What is announced is served: every API in every version answers a request that says nothing."""

import importlib
import pkgutil

import pytest
from wire_client import WireClient

import ottla.protocol.messages
from brokers import Broker
from ottla.broker.dispatch import REGISTRATIONS, served_by
from ottla.broker.handlers import registered
from ottla.config.broker_config import broker_config
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Request, Response
from ottla.protocol.messages.api_versions import ApiVersionsRequest
from ottla.protocol.messages.describe_acls import DescribeAclsRequest
from ottla.protocol.messages.produce import ProduceRequest

# What Apache Kafka 4.1.1 announces with default settings for the APIs served so far.
APACHE_VERSIONS = {
    ApiKey.PRODUCE: (0, 13),
    ApiKey.FETCH: (4, 18),
    ApiKey.LIST_OFFSETS: (1, 10),
    ApiKey.METADATA: (0, 13),
    ApiKey.OFFSET_COMMIT: (2, 9),
    ApiKey.OFFSET_FETCH: (1, 9),
    ApiKey.FIND_COORDINATOR: (0, 6),
    ApiKey.JOIN_GROUP: (0, 9),
    ApiKey.HEARTBEAT: (0, 4),
    ApiKey.LEAVE_GROUP: (0, 5),
    ApiKey.SYNC_GROUP: (0, 5),
    ApiKey.DESCRIBE_GROUPS: (0, 6),
    ApiKey.LIST_GROUPS: (0, 5),
    ApiKey.API_VERSIONS: (0, 4),
    ApiKey.CREATE_TOPICS: (2, 7),
    ApiKey.DELETE_TOPICS: (1, 6),
    ApiKey.DELETE_RECORDS: (0, 2),
    ApiKey.INIT_PRODUCER_ID: (0, 5),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: (2, 4),
    ApiKey.DESCRIBE_CONFIGS: (1, 4),
    ApiKey.ALTER_CONFIGS: (0, 2),
    ApiKey.ALTER_REPLICA_LOG_DIRS: (1, 2),
    ApiKey.DESCRIBE_LOG_DIRS: (1, 4),
    ApiKey.CREATE_PARTITIONS: (0, 3),
    ApiKey.DELETE_GROUPS: (0, 2),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: (0, 1),
    ApiKey.OFFSET_DELETE: (0, 0),
    ApiKey.UPDATE_FEATURES: (0, 2),
    ApiKey.DESCRIBE_CLUSTER: (0, 2),
    ApiKey.DESCRIBE_PRODUCERS: (0, 0),
    ApiKey.LIST_CONFIG_RESOURCES: (0, 1),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: (0, 0),
    ApiKey.SASL_HANDSHAKE: (0, 1),
    ApiKey.SASL_AUTHENTICATE: (0, 2),
    ApiKey.DESCRIBE_ACLS: (1, 3),
    ApiKey.CREATE_ACLS: (1, 3),
    ApiKey.DELETE_ACLS: (1, 3),
    ApiKey.CREATE_DELEGATION_TOKEN: (1, 3),
    ApiKey.RENEW_DELEGATION_TOKEN: (1, 2),
    ApiKey.EXPIRE_DELEGATION_TOKEN: (1, 2),
    ApiKey.DESCRIBE_DELEGATION_TOKEN: (1, 3),
    ApiKey.ELECT_LEADERS: (0, 2),
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: (0, 1),
    ApiKey.LIST_PARTITION_REASSIGNMENTS: (0, 0),
    ApiKey.DESCRIBE_CLIENT_QUOTAS: (0, 1),
    ApiKey.ALTER_CLIENT_QUOTAS: (0, 1),
    ApiKey.UNREGISTER_BROKER: (0, 0),
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: (0, 0),
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: (0, 0),
}
_ANY = 1
"""As a code of an access rule: any of them."""


def messages(api_key: ApiKey) -> tuple[type[Request], type[Response]]:
    found: dict[str, type[Request | Response]] = {}
    for each in pkgutil.iter_modules(ottla.protocol.messages.__path__):
        for value in vars(importlib.import_module(f"ottla.protocol.messages.{each.name}")).values():
            if isinstance(value, type) and value not in (Request, Response):
                if issubclass(value, Request) and value.api_key is api_key:
                    found["request"] = value
                elif issubclass(value, Response) and value.api_key is api_key:
                    found["response"] = value
    return found["request"], found["response"]  # type: ignore[return-value]


def test_versions_are_apaches(wire: WireClient) -> None:
    """Of every API that is served: the same lowest and highest version; of others, nothing is announced."""
    announced = wire.versions()
    assert {ApiKey(key): announced[key] for key in announced if key in APACHE_VERSIONS} == APACHE_VERSIONS


def test_the_announcement_is_made_from_the_registrations(wire: WireClient, broker: Broker) -> None:
    """No API is announced that has no handler, none has a handler and is not announced."""
    if broker.name != "ottla":
        pytest.skip(f"{broker.name} has registrations of its own")
    registered.all_registrations()
    served = served_by(broker_config(), REGISTRATIONS.values())
    assert set(wire.versions()) == {int(each.api_key) for each in served}


@pytest.mark.parametrize("api_key", sorted(APACHE_VERSIONS), ids=lambda key: key.name)
def test_every_announced_version_answers(broker: Broker, api_key: ApiKey) -> None:
    """A request with nothing but defaults gets an answer of its version, or, where that is nonsense, an error in it."""
    request_class, response_class = messages(api_key)
    _, highest = APACHE_VERSIONS[api_key]
    lowest = request_class.versions.low
    for version in range(lowest, highest + 1):
        request = request_class()
        if isinstance(request, ProduceRequest):
            request.acks = 1
        if isinstance(request, ApiVersionsRequest):
            request.client_software_name = request.client_software_version = "1"
        if isinstance(request, DescribeAclsRequest):
            # One without codes can't be read, and closes the connection.
            request.resource_type_filter = request.operation = request.permission_type = _ANY
        with WireClient(broker.host, broker.port) as client:
            assert isinstance(client.ask(request, response_class, version), response_class)
