"""A broker with access rules, things to ask it about, the two who ask, and what their answers tell."""

import itertools
import re
from collections.abc import Iterable, Iterator

import authorization_rows_of_cluster
import authorization_rows_of_groups
import authorization_rows_of_newer_groups
import authorization_rows_of_records
from authorization_rows import Names, Right, Row
from wire_client import WireClient

from brokers import ProcessBroker
from conditions import until
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Struct
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest, DeleteAclsResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from ottla.protocol.types import random_uuid
from ottla.records.record import Record
from ottla.security.acl import AclOperation, ResourceType

ROWS = (
    *authorization_rows_of_records.ROWS,
    *authorization_rows_of_groups.ROWS,
    *authorization_rows_of_newer_groups.ROWS,
    *authorization_rows_of_cluster.ROWS,
)
NOW_MS = 1_700_000_000_000
OWNER, STRANGER = "127.0.0.1", "127.0.0.2"
ANY, LITERAL, ALLOW = 1, 3, 3
EVERYTHING = (
    (ResourceType.TOPIC, "*"),
    (ResourceType.GROUP, "*"),
    (ResourceType.CLUSTER, "kafka-cluster"),
    (ResourceType.TRANSACTIONAL_ID, "*"),
    (ResourceType.DELEGATION_TOKEN, "*"),
    (ResourceType.USER, "*"),
)
REFUSALS = frozenset(each for each in ErrorCode if each.name.endswith("AUTHORIZATION_FAILED"))


class World:
    """A broker with an authorizer, things to ask about, and the two clients."""

    def __init__(self, broker: ProcessBroker) -> None:
        self.broker = broker
        self.owner = WireClient(broker.host, broker.port)
        self.stranger = WireClient(broker.host, broker.port, source=STRANGER)
        self._numbers = itertools.count(1)

    def furnish(self) -> None:
        """Let the owner do everything, nobody else anything, and make what is asked about."""
        self._give(OWNER, [(AclOperation.ALL, kind, name) for kind, name in EVERYTHING])
        self.known = self._make("known")

    def close(self) -> None:
        self.owner.hang_up()
        self.stranger.hang_up()

    def unknown(self) -> Names:
        """Names of nothing, not given before."""
        number = next(self._numbers)
        return Names(
            f"topic-none{number}",
            random_uuid(bytes([number]) * 16),
            f"group-none{number}",
            f"txn-none{number}",
        )

    def grant(self, *rights: tuple[Right, str]) -> None:
        """Give the stranger rights."""
        self._give(STRANGER, [(right.operation, right.kind, name) for right, name in rights])

    def allow(self, operation: AclOperation, kind: ResourceType, name: str) -> None:
        self._give(STRANGER, [(operation, kind, name)])

    def revoke(self, kind: int = ANY) -> None:
        """Take all that the stranger may do from it, or all to one kind of resource."""
        everything = DeleteAclsFilter(
            resource_type_filter=kind,
            resource_name_filter=None,
            pattern_type_filter=ANY,
            principal_filter=None,
            host_filter=STRANGER,
            operation=ANY,
            permission_type=ANY,
        )
        [result] = self.owner.ask(
            DeleteAclsRequest(filters=[everything]), DeleteAclsResponse, 2
        ).filter_results
        assert result.error_code == ErrorCode.NONE, result

    def _give(self, host: str, rights: Iterable[tuple[AclOperation, ResourceType, str]]) -> None:
        creations = [
            AclCreation(
                resource_type=kind,
                resource_name=name,
                resource_pattern_type=LITERAL,
                principal="User:ANONYMOUS",
                host=host,
                operation=operation,
                permission_type=ALLOW,
            )
            for operation, kind, name in rights
        ]
        for result in self.owner.ask(CreateAclsRequest(creations=creations), CreateAclsResponse, 2).results:
            assert result.error_code == ErrorCode.NONE, result

    def _make(self, stem: str) -> Names:
        """A topic with a record, a group with an offset in it, a transaction that holds its partition."""
        name = f"topic-{stem}"
        self.owner.create_topic(name, retention_ms="-1")  # its records are old
        self.owner.produce_records(name, Record(0, NOW_MS, None, b"secret"))
        names = Names(name, self.owner.topic(name).topic_id, f"group-{stem}", f"txn-{stem}")
        self.owner.find_coordinator(names.group)
        [row] = [row for row in ROWS if row.api is ApiKey.OFFSET_COMMIT]
        until(lambda: codes(self.ask(row, names, self.owner)), lambda seen: not seen)
        self._open_transaction(names)
        update = FeatureUpdateKey(feature="streams.version", max_version_level=1, upgrade_type=1)
        answer = self.owner.ask(UpdateFeaturesRequest(feature_updates=[update]), UpdateFeaturesResponse, 1)
        assert answer.error_code == ErrorCode.NONE, answer
        return names

    def _open_transaction(self, names: Names) -> None:
        [row] = [
            row for row in ROWS if row.api is ApiKey.FIND_COORDINATOR and row.about == "transactional-id"
        ]
        until(lambda: codes(self.ask(row, names, self.owner)), lambda seen: not seen)
        init = InitProducerIdRequest(transactional_id=names.transactional_id, transaction_timeout_ms=600_000)
        producer = until(
            lambda: self.owner.ask(init, InitProducerIdResponse, 4),
            lambda answer: answer.error_code == ErrorCode.NONE,
        )
        add = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=names.transactional_id,
            v3_and_below_producer_id=producer.producer_id,
            v3_and_below_producer_epoch=producer.producer_epoch,
            v3_and_below_topics=[AddPartitionsToTxnTopic(name=names.topic, partitions=[0])],
        )
        until(lambda: codes(self.owner.ask(add, AddPartitionsToTxnResponse, 3)), lambda seen: not seen)

    def ask(self, row: Row, names: Names, client: WireClient | None = None) -> Struct:
        """Send the row's request; as the stranger unless another client is given."""
        return (client or self.stranger).ask(row.request(names), row.response, row.version)


def values(message: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Every field of a message with its value, as deep as it goes, in order."""
    if isinstance(message, Struct):
        for field in message.__fields__:
            yield from values(getattr(message, field.name), field.name)
    elif isinstance(message, list):
        for each in message:
            yield from values(each, name)
    else:
        yield name, message


def codes(message: object) -> set[ErrorCode]:
    """The errors that an answer tells, wherever."""
    found = {ErrorCode(value) for name, value in values(message) if name.endswith("error_code")}
    return found - {ErrorCode.NONE}


def mentions(message: object, name: str) -> bool:
    return any(isinstance(value, str) and name in value for _, value in values(message))


def with_names_struck_out(message: object, names: Names) -> list[tuple[str, object]]:
    """What an answer says but for the names that were asked about."""
    struck = []
    for field, value in values(message):
        said = value
        if isinstance(said, str):
            for place, name in zip(names._fields, names, strict=True):
                if isinstance(name, str):
                    said = said.replace(name, f"<{place}>")
            # Apache prints the request as Java does, with the address of the object.
            said = re.sub(r"^Request Request\(.*\) needs", "Request needs", said)
        if field != "throttle_time_ms":
            struck.append((field, bytes(said) if isinstance(said, memoryview) else said))
    return struck


def shows_absence(right: Right, answer: object, names: Names) -> bool:
    """Whether the answer is that of a client without the right."""
    if right.shows is None:
        return not codes(answer) & REFUSALS and not mentions(answer, right.hidden(names))
    return codes(answer) == {right.shows}


def shows_all(row: Row, answer: object, names: Names) -> bool:
    """Whether the answer holds back nothing."""
    return not codes(answer) & REFUSALS and all(
        mentions(answer, right.hidden(names)) for right in row.needs if right.shows is None
    )
