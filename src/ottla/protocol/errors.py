"""Kafka's error codes, and the exceptions by which rooms speak of them.

One row per error of Apache's `org.apache.kafka.common.protocol.Errors` (4.1): code, whether a client may simply try
again (its exception is a `RetriableException`), and what it means.
"""

from enum import IntEnum
from typing import NamedTuple


class ErrorCode(IntEnum):
    """An error code as it stands on the wire (int16)."""

    UNKNOWN_SERVER_ERROR = -1
    NONE = 0
    OFFSET_OUT_OF_RANGE = 1
    CORRUPT_MESSAGE = 2
    UNKNOWN_TOPIC_OR_PARTITION = 3
    INVALID_FETCH_SIZE = 4
    LEADER_NOT_AVAILABLE = 5
    NOT_LEADER_OR_FOLLOWER = 6
    REQUEST_TIMED_OUT = 7
    BROKER_NOT_AVAILABLE = 8
    REPLICA_NOT_AVAILABLE = 9
    MESSAGE_TOO_LARGE = 10
    STALE_CONTROLLER_EPOCH = 11
    OFFSET_METADATA_TOO_LARGE = 12
    NETWORK_EXCEPTION = 13
    COORDINATOR_LOAD_IN_PROGRESS = 14
    COORDINATOR_NOT_AVAILABLE = 15
    NOT_COORDINATOR = 16
    INVALID_TOPIC_EXCEPTION = 17
    RECORD_LIST_TOO_LARGE = 18
    NOT_ENOUGH_REPLICAS = 19
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
    INVALID_REQUIRED_ACKS = 21
    ILLEGAL_GENERATION = 22
    INCONSISTENT_GROUP_PROTOCOL = 23
    INVALID_GROUP_ID = 24
    UNKNOWN_MEMBER_ID = 25
    INVALID_SESSION_TIMEOUT = 26
    REBALANCE_IN_PROGRESS = 27
    INVALID_COMMIT_OFFSET_SIZE = 28
    TOPIC_AUTHORIZATION_FAILED = 29
    GROUP_AUTHORIZATION_FAILED = 30
    CLUSTER_AUTHORIZATION_FAILED = 31
    INVALID_TIMESTAMP = 32
    UNSUPPORTED_SASL_MECHANISM = 33
    ILLEGAL_SASL_STATE = 34
    UNSUPPORTED_VERSION = 35
    TOPIC_ALREADY_EXISTS = 36
    INVALID_PARTITIONS = 37
    INVALID_REPLICATION_FACTOR = 38
    INVALID_REPLICA_ASSIGNMENT = 39
    INVALID_CONFIG = 40
    NOT_CONTROLLER = 41
    INVALID_REQUEST = 42
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
    POLICY_VIOLATION = 44
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    DUPLICATE_SEQUENCE_NUMBER = 46
    INVALID_PRODUCER_EPOCH = 47
    INVALID_TXN_STATE = 48
    INVALID_PRODUCER_ID_MAPPING = 49
    INVALID_TRANSACTION_TIMEOUT = 50
    CONCURRENT_TRANSACTIONS = 51
    TRANSACTION_COORDINATOR_FENCED = 52
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
    SECURITY_DISABLED = 54
    OPERATION_NOT_ATTEMPTED = 55
    KAFKA_STORAGE_ERROR = 56
    LOG_DIR_NOT_FOUND = 57
    SASL_AUTHENTICATION_FAILED = 58
    UNKNOWN_PRODUCER_ID = 59
    REASSIGNMENT_IN_PROGRESS = 60
    DELEGATION_TOKEN_AUTH_DISABLED = 61
    DELEGATION_TOKEN_NOT_FOUND = 62
    DELEGATION_TOKEN_OWNER_MISMATCH = 63
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65
    DELEGATION_TOKEN_EXPIRED = 66
    INVALID_PRINCIPAL_TYPE = 67
    NON_EMPTY_GROUP = 68
    GROUP_ID_NOT_FOUND = 69
    FETCH_SESSION_ID_NOT_FOUND = 70
    INVALID_FETCH_SESSION_EPOCH = 71
    LISTENER_NOT_FOUND = 72
    TOPIC_DELETION_DISABLED = 73
    FENCED_LEADER_EPOCH = 74
    UNKNOWN_LEADER_EPOCH = 75
    UNSUPPORTED_COMPRESSION_TYPE = 76
    STALE_BROKER_EPOCH = 77
    OFFSET_NOT_AVAILABLE = 78
    MEMBER_ID_REQUIRED = 79
    PREFERRED_LEADER_NOT_AVAILABLE = 80
    GROUP_MAX_SIZE_REACHED = 81
    FENCED_INSTANCE_ID = 82
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83
    ELECTION_NOT_NEEDED = 84
    NO_REASSIGNMENT_IN_PROGRESS = 85
    GROUP_SUBSCRIBED_TO_TOPIC = 86
    INVALID_RECORD = 87
    UNSTABLE_OFFSET_COMMIT = 88
    THROTTLING_QUOTA_EXCEEDED = 89
    PRODUCER_FENCED = 90
    RESOURCE_NOT_FOUND = 91
    DUPLICATE_RESOURCE = 92
    UNACCEPTABLE_CREDENTIAL = 93
    INCONSISTENT_VOTER_SET = 94
    INVALID_UPDATE_VERSION = 95
    FEATURE_UPDATE_FAILED = 96
    PRINCIPAL_DESERIALIZATION_FAILURE = 97
    SNAPSHOT_NOT_FOUND = 98
    POSITION_OUT_OF_RANGE = 99
    UNKNOWN_TOPIC_ID = 100
    DUPLICATE_BROKER_REGISTRATION = 101
    BROKER_ID_NOT_REGISTERED = 102
    INCONSISTENT_TOPIC_ID = 103
    INCONSISTENT_CLUSTER_ID = 104
    TRANSACTIONAL_ID_NOT_FOUND = 105
    FETCH_SESSION_TOPIC_ID_ERROR = 106
    INELIGIBLE_REPLICA = 107
    NEW_LEADER_ELECTED = 108
    OFFSET_MOVED_TO_TIERED_STORAGE = 109
    FENCED_MEMBER_EPOCH = 110
    UNRELEASED_INSTANCE_ID = 111
    UNSUPPORTED_ASSIGNOR = 112
    STALE_MEMBER_EPOCH = 113
    MISMATCHED_ENDPOINT_TYPE = 114
    UNSUPPORTED_ENDPOINT_TYPE = 115
    UNKNOWN_CONTROLLER_ID = 116
    UNKNOWN_SUBSCRIPTION_ID = 117
    TELEMETRY_TOO_LARGE = 118
    INVALID_REGISTRATION = 119
    TRANSACTION_ABORTABLE = 120
    INVALID_RECORD_STATE = 121
    SHARE_SESSION_NOT_FOUND = 122
    INVALID_SHARE_SESSION_EPOCH = 123
    FENCED_STATE_EPOCH = 124
    INVALID_VOTER_KEY = 125
    DUPLICATE_VOTER = 126
    VOTER_NOT_FOUND = 127
    INVALID_REGULAR_EXPRESSION = 128
    REBOOTSTRAP_REQUIRED = 129
    STREAMS_INVALID_TOPOLOGY = 130
    STREAMS_INVALID_TOPOLOGY_EPOCH = 131
    STREAMS_TOPOLOGY_FENCED = 132
    SHARE_SESSION_LIMIT_REACHED = 133

    @property
    def retriable(self) -> bool:
        """Whether a client may send the same request again and hope for a better answer."""
        return _FACTS[self].retriable

    @property
    def message(self) -> str:
        """What the code means, in a sentence: the default text of an `error_message` field."""
        return _FACTS[self].message


class _Fact(NamedTuple):
    retriable: bool
    message: str


_FACTS = {
    ErrorCode.UNKNOWN_SERVER_ERROR: _Fact(
        False, "The broker failed in a way it did not foresee; its log has the cause."
    ),
    ErrorCode.NONE: _Fact(False, "No error."),
    ErrorCode.OFFSET_OUT_OF_RANGE: _Fact(False, "The offset lies outside of what the partition's log holds."),
    ErrorCode.CORRUPT_MESSAGE: _Fact(
        True, "The batch is damaged: its checksum, its size or its layout does not hold."
    ),
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: _Fact(True, "This broker does not have that topic or partition."),
    ErrorCode.INVALID_FETCH_SIZE: _Fact(False, "The size asked for in the fetch is not valid."),
    ErrorCode.LEADER_NOT_AVAILABLE: _Fact(True, "The partition has no leader at the moment."),
    ErrorCode.NOT_LEADER_OR_FOLLOWER: _Fact(
        True, "This broker is neither the leader nor, where that would do, a follower of the partition."
    ),
    ErrorCode.REQUEST_TIMED_OUT: _Fact(True, "The request was not completed within its time limit."),
    ErrorCode.BROKER_NOT_AVAILABLE: _Fact(False, "The broker cannot be reached."),
    ErrorCode.REPLICA_NOT_AVAILABLE: _Fact(
        True, "This broker has no replica of the partition ready to serve."
    ),
    ErrorCode.MESSAGE_TOO_LARGE: _Fact(False, "The batch is larger than the limit set by max.message.bytes."),
    ErrorCode.STALE_CONTROLLER_EPOCH: _Fact(
        False, "The request comes from a controller that has been replaced."
    ),
    ErrorCode.OFFSET_METADATA_TOO_LARGE: _Fact(
        False, "The metadata string sent with the offset is longer than offset.metadata.max.bytes."
    ),
    ErrorCode.NETWORK_EXCEPTION: _Fact(True, "The connection ended before the response came."),
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS: _Fact(
        True, "The coordinator is still reading its state; try again shortly."
    ),
    ErrorCode.COORDINATOR_NOT_AVAILABLE: _Fact(
        True, "There is no coordinator for that group or transaction at the moment."
    ),
    ErrorCode.NOT_COORDINATOR: _Fact(True, "Another broker coordinates that group or transaction."),
    ErrorCode.INVALID_TOPIC_EXCEPTION: _Fact(
        False, "The topic's name is not valid, or clients may not write to it."
    ),
    ErrorCode.RECORD_LIST_TOO_LARGE: _Fact(False, "The batch is larger than one log segment."),
    ErrorCode.NOT_ENOUGH_REPLICAS: _Fact(
        True, "Fewer replicas are in sync than min.insync.replicas asks for; nothing was written."
    ),
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND: _Fact(
        True, "The batch was written, but then fewer replicas were in sync than min.insync.replicas asks for."
    ),
    ErrorCode.INVALID_REQUIRED_ACKS: _Fact(False, "Required acks must be 0, 1 or -1 (all)."),
    ErrorCode.ILLEGAL_GENERATION: _Fact(False, "The generation named is not the group's current one."),
    ErrorCode.INCONSISTENT_GROUP_PROTOCOL: _Fact(
        False, "The member shares no protocol type, or no protocol, with the other members of its group."
    ),
    ErrorCode.INVALID_GROUP_ID: _Fact(False, "The group id is not valid."),
    ErrorCode.UNKNOWN_MEMBER_ID: _Fact(False, "The group has no member with that id."),
    ErrorCode.INVALID_SESSION_TIMEOUT: _Fact(
        False,
        "The session timeout lies outside group.min.session.timeout.ms to group.max.session.timeout.ms.",
    ),
    ErrorCode.REBALANCE_IN_PROGRESS: _Fact(False, "The group is rebalancing; the member has to join again."),
    ErrorCode.INVALID_COMMIT_OFFSET_SIZE: _Fact(False, "The size of the offset commit is not valid."),
    ErrorCode.TOPIC_AUTHORIZATION_FAILED: _Fact(False, "The principal may not do this to the topic."),
    ErrorCode.GROUP_AUTHORIZATION_FAILED: _Fact(False, "The principal may not do this to the group."),
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED: _Fact(False, "The principal may not do this to the cluster."),
    ErrorCode.INVALID_TIMESTAMP: _Fact(
        False, "A record's timestamp lies outside of the bounds that the topic allows."
    ),
    ErrorCode.UNSUPPORTED_SASL_MECHANISM: _Fact(False, "The broker does not offer that SASL mechanism."),
    ErrorCode.ILLEGAL_SASL_STATE: _Fact(False, "The request is out of turn in the SASL exchange."),
    ErrorCode.UNSUPPORTED_VERSION: _Fact(False, "This broker does not serve that version of the API."),
    ErrorCode.TOPIC_ALREADY_EXISTS: _Fact(False, "A topic of that name exists already."),
    ErrorCode.INVALID_PARTITIONS: _Fact(False, "The number of partitions is not valid."),
    ErrorCode.INVALID_REPLICATION_FACTOR: _Fact(
        False, "The replication factor is below 1 or above the number of live brokers."
    ),
    ErrorCode.INVALID_REPLICA_ASSIGNMENT: _Fact(False, "The replica assignment is not valid."),
    ErrorCode.INVALID_CONFIG: _Fact(False, "A setting's value is not valid."),
    ErrorCode.NOT_CONTROLLER: _Fact(True, "Another broker is the controller."),
    ErrorCode.INVALID_REQUEST: _Fact(False, "The request contradicts itself or lacks something it needs."),
    ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT: _Fact(
        False, "The message format of the log does not allow this."
    ),
    ErrorCode.POLICY_VIOLATION: _Fact(False, "A policy of this cluster forbids it."),
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER: _Fact(
        False, "The batch's sequence number does not follow the producer's last one."
    ),
    ErrorCode.DUPLICATE_SEQUENCE_NUMBER: _Fact(False, "The batch's sequence number was used before."),
    ErrorCode.INVALID_PRODUCER_EPOCH: _Fact(
        False, "The producer's epoch is older than the one the partition has seen."
    ),
    ErrorCode.INVALID_TXN_STATE: _Fact(False, "The transaction is in a state that does not allow this."),
    ErrorCode.INVALID_PRODUCER_ID_MAPPING: _Fact(
        False, "The producer id does not belong to that transactional id."
    ),
    ErrorCode.INVALID_TRANSACTION_TIMEOUT: _Fact(
        False, "The transaction timeout exceeds transaction.max.timeout.ms."
    ),
    ErrorCode.CONCURRENT_TRANSACTIONS: _Fact(
        True, "Another operation on the same transaction is still under way."
    ),
    ErrorCode.TRANSACTION_COORDINATOR_FENCED: _Fact(
        False, "The marker comes from a transaction coordinator that has been replaced."
    ),
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: _Fact(
        False, "The principal may not use that transactional id."
    ),
    ErrorCode.SECURITY_DISABLED: _Fact(False, "The cluster has no authorizer configured."),
    ErrorCode.OPERATION_NOT_ATTEMPTED: _Fact(False, "The broker did not try this part of the request."),
    ErrorCode.KAFKA_STORAGE_ERROR: _Fact(True, "The disk that holds the partition failed."),
    ErrorCode.LOG_DIR_NOT_FOUND: _Fact(False, "The broker has no log directory of that path."),
    ErrorCode.SASL_AUTHENTICATION_FAILED: _Fact(False, "The login was refused."),
    ErrorCode.UNKNOWN_PRODUCER_ID: _Fact(False, "The partition remembers nothing of that producer id."),
    ErrorCode.REASSIGNMENT_IN_PROGRESS: _Fact(False, "The partition is already being reassigned."),
    ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED: _Fact(
        False, "Delegation tokens are switched off on this cluster."
    ),
    ErrorCode.DELEGATION_TOKEN_NOT_FOUND: _Fact(False, "There is no such delegation token."),
    ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH: _Fact(
        False, "The principal neither owns the delegation token nor may renew it."
    ),
    ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: _Fact(
        False, "Delegation tokens can be asked for only over a connection that logged in by other means."
    ),
    ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED: _Fact(
        False, "The principal may not do this to the delegation token."
    ),
    ErrorCode.DELEGATION_TOKEN_EXPIRED: _Fact(False, "The delegation token has expired."),
    ErrorCode.INVALID_PRINCIPAL_TYPE: _Fact(False, "That type of principal is not supported."),
    ErrorCode.NON_EMPTY_GROUP: _Fact(False, "The group still has members."),
    ErrorCode.GROUP_ID_NOT_FOUND: _Fact(False, "There is no such group."),
    ErrorCode.FETCH_SESSION_ID_NOT_FOUND: _Fact(True, "The broker has no fetch session of that id."),
    ErrorCode.INVALID_FETCH_SESSION_EPOCH: _Fact(True, "The fetch session expects another epoch."),
    ErrorCode.LISTENER_NOT_FOUND: _Fact(
        True, "The leader has no listener of the name over which this request came."
    ),
    ErrorCode.TOPIC_DELETION_DISABLED: _Fact(
        False, "Topics cannot be deleted while delete.topic.enable is false."
    ),
    ErrorCode.FENCED_LEADER_EPOCH: _Fact(True, "The leader epoch named is older than the broker's."),
    ErrorCode.UNKNOWN_LEADER_EPOCH: _Fact(True, "The leader epoch named is newer than the broker's."),
    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE: _Fact(
        False, "The client's version cannot read the compression used by the partition."
    ),
    ErrorCode.STALE_BROKER_EPOCH: _Fact(False, "The broker has registered anew since."),
    ErrorCode.OFFSET_NOT_AVAILABLE: _Fact(True, "The new leader cannot yet tell its high watermark."),
    ErrorCode.MEMBER_ID_REQUIRED: _Fact(False, "Join again with the member id that this answer gives."),
    ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE: _Fact(True, "The preferred leader cannot lead at the moment."),
    ErrorCode.GROUP_MAX_SIZE_REACHED: _Fact(False, "The group has group.max.size members already."),
    ErrorCode.FENCED_INSTANCE_ID: _Fact(False, "Another consumer has taken over this group.instance.id."),
    ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE: _Fact(True, "No replica that may lead is available."),
    ErrorCode.ELECTION_NOT_NEEDED: _Fact(True, "The partition has a suitable leader already."),
    ErrorCode.NO_REASSIGNMENT_IN_PROGRESS: _Fact(False, "The partition is not being reassigned."),
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC: _Fact(
        False, "A member of the group is subscribed to the topic, so its offsets stay."
    ),
    ErrorCode.INVALID_RECORD: _Fact(False, "A record does not fulfil what the topic asks of it."),
    ErrorCode.UNSTABLE_OFFSET_COMMIT: _Fact(True, "Offsets of an open transaction have to be settled first."),
    ErrorCode.THROTTLING_QUOTA_EXCEEDED: _Fact(
        True, "A quota is used up; try again after the throttle time."
    ),
    ErrorCode.PRODUCER_FENCED: _Fact(False, "A newer producer has taken over this transactional id."),
    ErrorCode.RESOURCE_NOT_FOUND: _Fact(False, "There is no such resource."),
    ErrorCode.DUPLICATE_RESOURCE: _Fact(False, "The request names the same resource twice."),
    ErrorCode.UNACCEPTABLE_CREDENTIAL: _Fact(False, "The credential is weaker than this cluster accepts."),
    ErrorCode.INCONSISTENT_VOTER_SET: _Fact(
        False, "The set of voters differs from what the receiver expects."
    ),
    ErrorCode.INVALID_UPDATE_VERSION: _Fact(False, "The update does not raise the version."),
    ErrorCode.FEATURE_UPDATE_FAILED: _Fact(False, "The features could not be updated."),
    ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE: _Fact(
        False, "The forwarded request's principal could not be read."
    ),
    ErrorCode.SNAPSHOT_NOT_FOUND: _Fact(False, "There is no such snapshot."),
    ErrorCode.POSITION_OUT_OF_RANGE: _Fact(False, "The position lies outside of the snapshot."),
    ErrorCode.UNKNOWN_TOPIC_ID: _Fact(True, "This broker has no topic of that id."),
    ErrorCode.DUPLICATE_BROKER_REGISTRATION: _Fact(False, "Another broker is registered under this id."),
    ErrorCode.BROKER_ID_NOT_REGISTERED: _Fact(False, "No broker is registered under that id."),
    ErrorCode.INCONSISTENT_TOPIC_ID: _Fact(True, "The topic's id is not the one its log was made for."),
    ErrorCode.INCONSISTENT_CLUSTER_ID: _Fact(False, "The request names another cluster's id."),
    ErrorCode.TRANSACTIONAL_ID_NOT_FOUND: _Fact(False, "There is no such transactional id."),
    ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR: _Fact(
        True, "The fetch session mixed requests with and without topic ids."
    ),
    ErrorCode.INELIGIBLE_REPLICA: _Fact(False, "A replica proposed for the ISR may not be in it."),
    ErrorCode.NEW_LEADER_ELECTED: _Fact(
        False, "The partition was changed as asked, and has a new leader by now."
    ),
    ErrorCode.OFFSET_MOVED_TO_TIERED_STORAGE: _Fact(False, "The offset lies in tiered storage."),
    ErrorCode.FENCED_MEMBER_EPOCH: _Fact(
        False, "The member's epoch was fenced; it must give up its partitions and join again."
    ),
    ErrorCode.UNRELEASED_INSTANCE_ID: _Fact(
        False, "The group.instance.id still belongs to a member that has not left."
    ),
    ErrorCode.UNSUPPORTED_ASSIGNOR: _Fact(False, "The group does not support that assignor."),
    ErrorCode.STALE_MEMBER_EPOCH: _Fact(
        False, "The member's epoch is out of date; it learns the new one by its next heartbeat."
    ),
    ErrorCode.MISMATCHED_ENDPOINT_TYPE: _Fact(False, "The request was sent to the wrong kind of endpoint."),
    ErrorCode.UNSUPPORTED_ENDPOINT_TYPE: _Fact(False, "That kind of endpoint is not supported."),
    ErrorCode.UNKNOWN_CONTROLLER_ID: _Fact(False, "There is no controller of that id."),
    ErrorCode.UNKNOWN_SUBSCRIPTION_ID: _Fact(False, "The telemetry subscription is unknown or out of date."),
    ErrorCode.TELEMETRY_TOO_LARGE: _Fact(False, "The telemetry pushed is larger than the broker accepts."),
    ErrorCode.INVALID_REGISTRATION: _Fact(False, "The controller did not accept the broker's registration."),
    ErrorCode.TRANSACTION_ABORTABLE: _Fact(
        False, "The transaction met an error; the producer can abort it and go on."
    ),
    ErrorCode.INVALID_RECORD_STATE: _Fact(
        False, "The record is not in a state in which it can be acknowledged."
    ),
    ErrorCode.SHARE_SESSION_NOT_FOUND: _Fact(True, "There is no such share session."),
    ErrorCode.INVALID_SHARE_SESSION_EPOCH: _Fact(True, "The share session expects another epoch."),
    ErrorCode.FENCED_STATE_EPOCH: _Fact(False, "The share group's state has a newer epoch."),
    ErrorCode.INVALID_VOTER_KEY: _Fact(False, "The voter's key differs from the replica's."),
    ErrorCode.DUPLICATE_VOTER: _Fact(False, "The voter is in the set already."),
    ErrorCode.VOTER_NOT_FOUND: _Fact(False, "The voter is not in the set."),
    ErrorCode.INVALID_REGULAR_EXPRESSION: _Fact(False, "The regular expression is not valid."),
    ErrorCode.REBOOTSTRAP_REQUIRED: _Fact(
        False, "The client's metadata is too old; it has to start again from its bootstrap servers."
    ),
    ErrorCode.STREAMS_INVALID_TOPOLOGY: _Fact(False, "The topology is not valid."),
    ErrorCode.STREAMS_INVALID_TOPOLOGY_EPOCH: _Fact(False, "The topology's epoch is not valid."),
    ErrorCode.STREAMS_TOPOLOGY_FENCED: _Fact(False, "The group runs a newer topology."),
    ErrorCode.SHARE_SESSION_LIMIT_REACHED: _Fact(True, "The broker keeps as many share sessions as it may."),
}


class KafkaError(Exception):
    """Answer the request, or this part of it, with `code`.

    `message` goes into the response where it has a place for it; without one it is the code's own sentence.
    """

    def __init__(self, code: ErrorCode, message: str | None = None) -> None:
        super().__init__(message or code.message)
        self.code = code
        self.message = message or code.message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


class ProtocolError(Exception):
    """Bytes from outside that are no message of Kafka's: the one error that decoding raises, whatever it is given.

    The connection they came by cannot be understood any further and is closed.
    """


class UnsupportedVersionError(Exception):
    """A message cannot be written in the version asked for: that version has no such layout, or no place for a field
    whose value matters."""
