"""The judge itself: Kafka's codecs answer as documented, for both versions."""

from __future__ import annotations

import base64

import pytest

from java_oracle import JavaOracle, JsonValue, OracleError

METADATA_OF_ALL_TOPICS: JsonValue = {
    "topics": None,
    "allowAutoTopicCreation": True,
    "includeTopicAuthorizedOperations": False,
}


def produce_request(records: bytes | None) -> JsonValue:
    encoded = None if records is None else base64.b64encode(records).decode()
    partition: JsonValue = {"index": 0, "records": encoded}
    return {
        "transactionalId": None,
        "acks": 1,
        "timeoutMs": 1,
        "topicData": [{"name": "é\u4f60", "partitionData": [partition]}],
    }


def test_both_kafka_versions_know_their_messages(
    java_oracle: JavaOracle, java_oracle_3_9: JavaOracle
) -> None:
    """4.1 has messages that 3.9 had not, and the other way round."""
    assert java_oracle.versions["MetadataRequestData"] == (0, 13)
    assert java_oracle_3_9.versions["LeaderAndIsrRequestData"] == (0, 7)
    assert "StreamsGroupHeartbeatRequestData" not in java_oracle_3_9.versions
    assert java_oracle.versions["OffsetCommitValue"] == (0, 4)


def test_bytes_and_json_are_each_others_inverse(java_oracle: JavaOracle) -> None:
    """A flexible version's known bytes, out and back."""
    encoded = java_oracle.encode("MetadataRequestData", 12, METADATA_OF_ALL_TOPICS)
    assert encoded == b"\x00\x01\x00\x00"
    assert java_oracle.decode("MetadataRequestData", 12, encoded) == METADATA_OF_ALL_TOPICS


@pytest.mark.parametrize("records", [None, b"", bytes(range(256))])
def test_records_keep_their_bytes(java_oracle: JavaOracle, records: bytes | None) -> None:
    """Kafka's converters leave records out when they write JSON; the oracle puts them back."""
    request = produce_request(records)
    encoded = java_oracle.encode("ProduceRequestData", 9, request)
    assert java_oracle.decode("ProduceRequestData", 9, encoded) == request


def test_bytes_left_over_and_bytes_missing_are_errors(java_oracle: JavaOracle) -> None:
    """Only exactly one message decodes; the JVM goes on after a refusal."""
    encoded = java_oracle.encode("MetadataRequestData", 12, METADATA_OF_ALL_TOPICS)
    for wrong in (encoded + b"\x00", encoded[:-1]):
        with pytest.raises(OracleError):
            java_oracle.decode("MetadataRequestData", 12, wrong)
    with pytest.raises(OracleError, match="no message class Nothing"):
        java_oracle.encode("Nothing", 0, {})


def test_many_questions_and_huge_ones_do_not_block(java_oracle: JavaOracle) -> None:
    """More than a pipe holds, in many lines and in a single one, with an error answered in its place."""
    many = [("MetadataRequestData", 12, METADATA_OF_ALL_TOPICS)] * 5_000
    huge = ("ProduceRequestData", 9, produce_request(b"x" * 500_000))
    answers = java_oracle.encode_many([*many, ("Nothing", 0, None), huge, huge])
    assert answers[:5_000] == [b"\x00\x01\x00\x00"] * 5_000
    assert isinstance(answers[5_000], OracleError)
    assert [len(answer) > 500_000 for answer in answers[5_001:] if isinstance(answer, bytes)] == [True, True]
