"""Apache Kafka's command-line tools, run one after the other in a single JVM (tests/java/ottla/Tools.java).

with ApacheTools("4.1.1") as tools:
    result = tools.run("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", address, "--list")
    result.stdout.splitlines()          # run() has checked that the exit code is 0; see `expect`
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Self

from apache_jars import QUICK_JVM, KafkaVersion, java_command


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a tool ended and what it printed."""

    code: int
    stdout: str
    stderr: str


class ApacheTools:
    """One JVM that runs main classes. Not for two threads at a time."""

    def __init__(self, version: KafkaVersion) -> None:
        self._process = subprocess.Popen(
            java_command(
                version, "ottla.Tools", *QUICK_JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(
        self, main_class: str, *arguments: str, stdin: str = "", timeout_seconds: int = 60, expect: int = 0
    ) -> ToolResult:
        """Runs one tool to its end; AssertionError with all it printed unless its exit code is `expect`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "main": main_class,
            "arguments": arguments,
            "stdin": stdin,
            "timeoutSeconds": timeout_seconds,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the tools' JVM ended with code {self._process.wait()} in {main_class}")
        result = ToolResult(**json.loads(answer))
        if result.code != expect:
            raise AssertionError(
                f"{main_class} {' '.join(arguments)} ended with {result.code}, not {expect}\n"
                f"stdout: {result.stdout[-3000:]}\nstderr: {result.stderr[-3000:]}"
            )
        return result

    def close(self) -> None:
        """Ends the JVM."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
