"""The rules of a registry, who may do what with which subject: read from their topic and written into it.

Registries follow the topic, so a rule holds as soon as they have read it. Two commands at once about one principal and subject
could undo each other's: the last one to write says what holds.
"""

from collections.abc import Iterable

from ottla.cli.connection import Connection
from ottla.cli.requests.offsets import offset_ranges
from ottla.cli.requests.records import OutgoingRecord, Reading, consume_records, produce_records
from ottla.cli.requests.topics import NewTopic, create_topic, require_topics
from ottla.registry.acls import AclRule, AclRules, MalformedAclError, acl_key, acl_value, decode_acl

DEFAULT_TOPIC = "_schemas_acl"


def rules_in(connection: Connection, topic: str) -> AclRules:
    """The rules that hold; records of other software are passed over."""
    require_topics(connection, [topic])
    place = (topic, 0)
    held = offset_ranges(connection, [place])[place]
    rules = AclRules()
    reading = Reading((topic,), starts={place: held.earliest}, ends={place: held.latest}, stop_at_end=True)
    for run in consume_records(connection, reading):
        for record in run:
            try:
                rules.apply(decode_acl(record.key or b"", record.value))
            except MalformedAclError:
                continue
    return rules


def add_rules(connection: Connection, topic: str, added: Iterable[AclRule]) -> list[AclRule]:
    """Add operations to what the principals may do already; makes the topic if there is none. The rules as they are then."""
    with connection.explained("ask for the topics"):
        topics = connection.admin().list_topics(timeout=connection.timeout_s).topics
    if topic not in topics:
        create_topic(connection, NewTopic(topic, partitions=1, configs={"cleanup.policy": "compact"}))
    rules = rules_in(connection, topic)
    changed = [rule._replace(operations=rules.operations(*rule.place) | rule.operations) for rule in added]
    _write(connection, topic, changed)
    return changed


def remove_rules(connection: Connection, topic: str, removed: Iterable[AclRule]) -> list[AclRule]:
    """Take operations away from what the principals may do. The rules that had them, as they are then."""
    rules = rules_in(connection, topic)
    changed = [
        rule._replace(operations=held - rule.operations)
        for rule in removed
        if (held := rules.operations(*rule.place)) & rule.operations
    ]
    _write(connection, topic, changed)
    return changed


def _write(connection: Connection, topic: str, rules: Iterable[AclRule]) -> None:
    records = [
        OutgoingRecord(acl_value(rule.operations), acl_key(*rule.place), partition=0) for rule in rules
    ]
    produce_records(connection, topic, records, {"acks": "all"}, None)
