"""A broker in a process of its own (`python -m ottla.testing.separate`), which ends with the test's process.

parent                                   child
settings as one line of JSON  ──stdin──▶
                              ◀─stdout── {"port": 43127}, or {"error": "…"}
"stop\\n"                      ──stdin──▶ orderly stop, exit
(end of the pipe)             ──stdin──▶ orderly stop, exit: the parent has died
"""

from __future__ import annotations

import contextlib
import json
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from ottla.testing.broker import BrokerStartError

STOP_TIMEOUT_S = 40.0
ERROR_TAIL_BYTES = 4000


class SeparateBroker:
    """Runs a broker as a child process."""

    def __init__(self, data: Path | None, start_timeout_s: float) -> None:
        self._start_timeout_s = start_timeout_s
        self._temporary = Path(tempfile.mkdtemp(prefix="ottla-")) if data is None else None
        self._data = data or self._temporary or Path()
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None

    def start(self, settings: Mapping[str, str]) -> int:
        """Serve, and answer the port."""
        directories = {
            "log.dirs": str(self._data / "logs"),
            "ottla.metadata.dir": str(self._data / "metadata"),
        }
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ottla.testing.separate"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
        )
        self._tell(json.dumps({**directories, **settings}))
        answer = self._first_line()
        if isinstance(answer, int):
            return answer
        self._end()
        raise BrokerStartError(f"the broker did not start: {answer}")

    def stop(self) -> None:
        """End in order."""
        if self._process is not None:
            self._tell("stop")
            self._end()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def close(self) -> None:
        """Remove the temporary directory."""
        self.kill()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def abandon(self) -> None:
        """Nothing: the pipes are closed on exec, and the process is the parent's."""

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            raise AssertionError("the broker's process is not running")
        # If it has died, what follows finds that out, and says why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _first_line(self) -> int | str:
        """The port, or why there is none."""
        process = self._process
        if process is None or process.stdout is None:
            raise AssertionError("the broker's process is not running")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(self._start_timeout_s):
                process.kill()
                return f"no answer within {self._start_timeout_s:g} s"
        line = process.stdout.readline()
        if line:
            answer = json.loads(line)
            return int(answer["port"]) if "port" in answer else str(answer["error"])
        process.wait()
        return f"its process ended with exit code {process.returncode}\n{self._tail()}"

    def _tail(self) -> str:
        if self._errors is None:
            return ""
        size = self._errors.seek(0, 2)
        self._errors.seek(max(0, size - ERROR_TAIL_BYTES))
        return self._errors.read().decode("utf-8", "replace").strip()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._errors = None


def _answer(answer: Mapping[str, int | str]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def serve(settings: Mapping[str, str]) -> None:
    """Run the broker until standard input says stop, or ends."""
    import asyncio

    from ottla.broker.server import BrokerServer
    from ottla.config.broker_config import broker_config

    server = BrokerServer(broker_config(settings))
    try:
        await server.start()
    except OSError as error:
        _answer({"error": str(error)})
        return
    _answer({"port": server.port()})
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await server.stop()


def main() -> None:
    """The child's side."""
    import asyncio
    import signal

    from ottla.config.checks import InvalidConfigurationError

    # Ctrl-C at the terminal is for the test; it tells this process when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(serve(json.loads(sys.stdin.readline())))
    except InvalidConfigurationError as error:
        _answer({"error": f"the settings are wrong:\n{error}"})


if __name__ == "__main__":
    main()
