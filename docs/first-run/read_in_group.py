"""A member of a consumer group: prints `partition offset key line` for each record, and ends when none comes.

python read_in_group.py BOOTSTRAP TOPIC GROUP
"""

import json
import sys

from confluent_kafka import Consumer, KafkaException

FIRST_SECONDS, QUIET_SECONDS = 20, 5  # joining a group takes a while


def main(bootstrap_servers: str, topic: str, group: str) -> None:
    """Reads until nothing more comes; commits what it printed before partitions go elsewhere."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "partition.assignment.strategy": "cooperative-sticky",
        }
    )
    printed: list[str] = []

    def commit_printed(consumer: Consumer, _: object) -> None:
        sys.stdout.write("".join(printed))
        if printed:
            consumer.commit(asynchronous=False)
        printed.clear()

    consumer.subscribe([topic], on_revoke=commit_printed)
    patience = FIRST_SECONDS
    while message := consumer.poll(patience):
        patience = QUIET_SECONDS
        if message.error():
            raise KafkaException(message.error())
        line = json.loads(message.value() or b"")["line"]
        printed.append(f"{message.partition()} {message.offset()} {(message.key() or b'').decode()} {line}\n")
    commit_printed(consumer, None)
    consumer.close()


main(*sys.argv[1:])
