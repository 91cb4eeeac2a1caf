"""Programs that read a partition and write what they read to another topic, so many records a transaction, offsets included.

Apache's own `TransactionalMessageCopier`, as its system tests run it, of two versions: 4.1.1's client ends each transaction
with a new epoch (transaction version 2), 3.9.1's does not. And the same in Python over librdkafka (`librdkafka_copier.py`).
Each prints JSON lines: `{"stage": "ProcessLoop", "totalProcessed": 750, "remaining": 49250, ...}`, last ShutdownComplete.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from librdkafka_copier import START_ME_AGAIN

from apache_jars import QUICK_JVM, KafkaVersion, java_command

TRANSACTION_RECORDS: Final = 750
TRANSACTION_TIMEOUT_MS: Final = 10_000
STARTS: Final = 20
JAVA_COPIER: Final = "org.apache.kafka.tools.TransactionalMessageCopier"
VERSIONS: Final[dict[str, KafkaVersion]] = {"java-4.1.1": "4.1.1", "java-3.9.1": "3.9.1"}
KINDS: Final = (*VERSIONS, "librdkafka")


class Copier:
    """One copier of one input partition; killed and started again it goes on where its group stands."""

    def __init__(
        self, kind: str, bootstrap_servers: str, source: str, target: str, partition: int, output: Path
    ) -> None:
        self.partition = partition
        self.remaining: int | None = None
        self._output = output
        self._starts_left = STARTS
        self._command = _command(kind, bootstrap_servers, source, target, partition)
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Runs it from the last committed offset to the end that the input has now."""
        self._lines = queue.SimpleQueue()
        with self._output.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
            )
        threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()

    def kill(self) -> None:
        """SIGKILL: an open transaction is left to the coordinator."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait_for(self, remaining: int, timeout_seconds: float) -> None:
        """Until no more than `remaining` records are left to copy; AssertionError when it ends or stands still."""
        while self.remaining is None or self.remaining > remaining:
            try:
                line = self._lines.get(timeout=timeout_seconds)
            except queue.Empty:
                raise AssertionError(
                    f"no progress in {timeout_seconds} s with {self.remaining} left:\n{self.tail()}"
                ) from None
            if line is None and self._may_start_again():
                self.start()
                continue
            if line is None:
                raise AssertionError(f"the copier ended with {self.remaining} left:\n{self.tail()}")
            status = json.loads(line)
            if status.get("stage") in ("ProcessLoop", "ShutdownComplete"):
                self.remaining = status["remaining"]

    def _may_start_again(self) -> bool:
        """A copier may ask for it a few times, as a supervisor would grant it."""
        assert self._process is not None
        self._starts_left -= 1
        return self._process.wait() == START_ME_AGAIN and self._starts_left >= 0

    def finish(self, timeout_seconds: float) -> None:
        """Until it has copied all and ended well."""
        assert self._process is not None
        assert self._process.wait(timeout_seconds) == 0, self.tail()

    def tail(self) -> str:
        """The last lines of what went wrong."""
        return "\n".join(self._output.read_text(errors="replace").splitlines()[-20:])


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            lines.put(line)
    process.stdout.close()
    lines.put(None)


def _command(kind: str, bootstrap_servers: str, source: str, target: str, partition: int) -> list[str]:
    arguments = [
        f"--broker-list={bootstrap_servers}",
        f"--input-topic={source}",
        f"--input-partition={partition}",
        f"--output-topic={target}",
        f"--consumer-group=group-of-{target}",
        f"--transactional-id={target}-{partition}",
        f"--transaction-size={TRANSACTION_RECORDS}",
        f"--transaction-timeout={TRANSACTION_TIMEOUT_MS}",
    ]
    if kind in VERSIONS:
        level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return [*java_command(VERSIONS[kind], JAVA_COPIER, *QUICK_JVM, level), *arguments]
    return [sys.executable, str(Path(__file__).with_name("librdkafka_copier.py")), *arguments]
