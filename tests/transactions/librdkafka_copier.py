"""Copies one partition to another topic in transactions, as Apache's TransactionalMessageCopier does, over librdkafka.

python librdkafka_copier.py --broker-list=… --input-topic=… --input-partition=… --output-topic=… --consumer-group=…
    --transactional-id=… --transaction-size=750 --transaction-timeout=10000
"""

from __future__ import annotations

import argparse
import json
import os
from contextlib import suppress
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

PATIENCE_S: Final = 40.0
RECOVERY: Final = {"metadata.recovery.strategy": "none"}
"""librdkafka 2.16's rebootstrap, its default, forgets requests of a transaction that wait for their broker's return."""
START_ME_AGAIN: Final = 75
"""Exit code: sysexits.h's EX_TEMPFAIL."""


class Copying:
    """The consumer, the producer and what is left."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.consumer = Consumer(
            {
                **RECOVERY,
                "bootstrap.servers": options.broker_list,
                "group.id": options.consumer_group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )
        self.producer = self.new_producer()
        self.source = TopicPartition(options.input_topic, options.input_partition)
        self.end = self.consumer.get_watermark_offsets(self.source, timeout=PATIENCE_S)[1]
        self.consumed = 0

    def new_producer(self) -> Producer:
        """A producer whose transactional id is its own: whoever had it before is fenced."""
        producer = Producer(
            {
                **RECOVERY,
                "bootstrap.servers": self.options.broker_list,
                "transactional.id": self.options.transactional_id,
                "transaction.timeout.ms": self.options.transaction_timeout,
                "message.timeout.ms": self.options.transaction_timeout,
                "linger.ms": 0,
                "batch.num.messages": 20,
            }
        )
        producer.init_transactions(PATIENCE_S)
        return producer

    def rewind(self) -> int:
        """Back to where the group stands. Answers that offset."""
        committed = self.consumer.committed([self.source], timeout=PATIENCE_S)[0].offset
        position = max(committed, 0)
        self.consumer.assign(
            [TopicPartition(self.source.topic, self.source.partition, position or OFFSET_BEGINNING)]
        )
        return position

    def run(self) -> None:
        """Transactions until the end."""
        position = self.rewind()
        while position < self.end:
            wanted = min(self.options.transaction_size, self.end - position)
            try:
                position = self.transaction(wanted)
            except KafkaException as error:
                self.recover(error)
                position = self.rewind()
                continue
            self.tell("ProcessLoop", self.end - position)
        self.tell("ShutdownComplete", 0)
        self.consumer.close()

    def transaction(self, wanted: int) -> int:
        """Copy `wanted` records in one transaction. Answers the offset behind the last."""
        self.producer.begin_transaction()
        position = -1
        for _ in range(wanted):
            message = self.poll()
            offset = message.offset()
            assert offset is not None
            position = offset + 1
            self.producer.produce(
                self.options.output_topic, message.value(), message.key(), self.source.partition
            )
            self.consumed += 1
        self.producer.send_offsets_to_transaction(
            [TopicPartition(self.source.topic, self.source.partition, position)],
            self.consumer.consumer_group_metadata(),
            PATIENCE_S,
        )
        self.producer.commit_transaction(PATIENCE_S)
        return position

    def poll(self) -> Message:
        """The next record, over passing errors."""
        while True:
            message = self.consumer.poll(PATIENCE_S)
            if message is None:
                raise SystemExit(f"nothing to read for {PATIENCE_S} s")
            if message.error() is None:
                return message

    def recover(self, error: KafkaException) -> None:
        """Abort where the producer says one may; else end, and let a new process fence this one."""
        if error.args[0].txn_requires_abort():
            with suppress(KafkaException):
                self.producer.abort_transaction(PATIENCE_S)
                return
        os._exit(
            START_ME_AGAIN
        )  # A producer with a request that nobody answers would not let go of the process.

    def tell(self, stage: str, remaining: int) -> None:
        """A line for whoever watches."""
        print(
            json.dumps({"stage": stage, "totalProcessed": self.consumed, "remaining": remaining}), flush=True
        )


def main() -> None:
    """Read the command line and copy."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("broker-list", "input-topic", "output-topic", "consumer-group", "transactional-id"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("input-partition", "transaction-size", "transaction-timeout"):
        parser.add_argument(f"--{name}", required=True, type=int)
    Copying(parser.parse_args()).run()


if __name__ == "__main__":
    main()
