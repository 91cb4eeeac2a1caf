"""Apache Kafka's command-line tools, run one after the other in a single JVM (tests/java/ottla/Tools.java).

with ApacheTools("4.1.1") as tools:
    result = tools.run("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", address, "--list")
    result.stdout.splitlines()          # run() has checked that the exit code is 0; see `expect`
"""

from __future__ import annotations

from dataclasses import dataclass

from apache_jars import QUICK_JVM, KafkaVersion, java_command
from line_program import LineProgram


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a tool ended and what it printed."""

    code: int
    stdout: str
    stderr: str


class ApacheTools(LineProgram):
    """One JVM that runs main classes. Not for two threads at a time."""

    def __init__(self, version: KafkaVersion) -> None:
        super().__init__(
            java_command(version, "ottla.Tools", *QUICK_JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
        )

    def run(
        self, main_class: str, *arguments: str, stdin: str = "", timeout_seconds: int = 60, expect: int = 0
    ) -> ToolResult:
        """Runs one tool to its end; AssertionError with all it printed unless its exit code is `expect`."""
        order = {
            "main": main_class,
            "arguments": arguments,
            "stdin": stdin,
            "timeoutSeconds": timeout_seconds,
        }
        result = ToolResult(**self.ask(order))
        if result.code != expect:
            raise AssertionError(
                f"{main_class} {' '.join(arguments)} ended with {result.code}, not {expect}\n"
                f"stdout: {result.stdout[-3000:]}\nstderr: {result.stderr[-3000:]}"
            )
        return result
