"""Produces lines of `key<TAB>value` and kills the broker in the middle, with requests on their way.

python produce_and_kill.py BOOTSTRAP TOPIC FILE BROKER_PID > acknowledged

Prints the number of each line that the broker acknowledged. The producer is idempotent: it sends again what was on its
way, and the broker, started anew, must neither lose nor double any of it.
"""

import os
import signal
import sys
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer


def main(bootstrap_servers: str, topic: str, path: str, broker_pid: str) -> None:
    """Fails unless every line is acknowledged at last."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 5})
    lines = Path(path).read_bytes().splitlines()

    def note(number: int, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            sys.exit(f"line {number}: {error}")
        print(number)

    for number, line in enumerate(lines):
        if number == len(lines) // 2:
            os.kill(int(broker_pid), signal.SIGKILL)
        key, value = line.split(b"\t", 1)
        while True:
            try:
                producer.produce(
                    topic, value, key, on_delivery=lambda *how, number=number: note(number, *how)
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(120):
        sys.exit("not everything was acknowledged within two minutes")


main(*sys.argv[1:])
