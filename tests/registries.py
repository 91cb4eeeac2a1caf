"""A registry in a process of its own, and requests to it as a client of plain HTTP sends them."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

OTTLA = str(Path(sys.executable).with_name("ottla"))
START_TIMEOUT_S = 60
ANSWER_TIMEOUT_S = 60


class Reply(NamedTuple):
    """An answer of the registry."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON of it."""
        return json.loads(self.content)

    @property
    def error(self) -> tuple[int, int]:
        """Status and error code."""
        return self.status, self.body["error_code"]


class RegistryProcess:
    """One `ottla registry` on the brokers at `bootstrap_servers`, with a topic and a group as told."""

    def __init__(
        self,
        bootstrap_servers: str,
        output: Path,
        settings: Mapping[str, str] | None = None,
        *,
        port: int = 0,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.output = output
        self._settings = {
            "kafkastore.bootstrap.servers": bootstrap_servers,
            "kafkastore.topic.replication.factor": "1",
            "host.name": self.host,
            **(settings or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._local = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> Self:
        """Starts it and returns when it serves reads."""
        self.launch()
        self.wait_until_started()
        return self

    def launch(self) -> None:
        """Starts it and does not wait."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        words = [OTTLA, "registry", "--set", f"listeners=http://{self.host}:{self.port}"]
        for name, value in self._settings.items():
            words += ["--set", f"{name}={value}"]
        self._began = self.output.stat().st_size if self.output.exists() else 0
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def wait_until_started(self) -> None:
        """Returns when the log tells that it serves; learns the port from it."""
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            text = self.output.read_bytes()[self._began :].decode(errors="replace")
            if "] started" in text:
                line = next(each for each in text.splitlines() if "] started" in each)
                self.port = int(line.split("] started")[0].rpartition(":")[2])
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the registry did not start; its output:\n{text}")
            time.sleep(0.02)

    def log(self) -> str:
        """What it has printed since it was started last."""
        return self.output.read_bytes()[self._began :].decode(errors="replace")

    def stop(self) -> int:
        """Ends it in order; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Ends it with SIGKILL."""
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it for good, when no thread asks it any more."""
        self.kill()
        for connection in self._opened:
            connection.close()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request, on a connection that each thread keeps. A `body` of bytes goes as it is, others as JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        own = {"Content-Type": "application/vnd.schemaregistry.v1+json"} if content is not None else {}
        for last in (False, True):
            connection = self._connection(fresh=last)
            try:
                connection.request(method, path, content, {**own, **(headers or {})})
                answer = connection.getresponse()
                named = {name.lower(): value for name, value in answer.getheaders()}
                return Reply(answer.status, named, answer.read())
            except (ConnectionError, http.client.HTTPException):
                connection.close()
                if last:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _connection(self, *, fresh: bool) -> http.client.HTTPConnection:
        kept = getattr(self._local, "connection", None)
        if kept is None or fresh or kept.port != self.port:
            kept = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_TIMEOUT_S)
            self._local.connection = kept
            self._opened.append(kept)
        return kept

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: object) -> Reply:
        return self.ask("POST", path, body)

    def put(self, path: str, body: object) -> Reply:
        return self.ask("PUT", path, body)

    def delete(self, path: str) -> Reply:
        return self.ask("DELETE", path)

    def register(self, subject: str, schema: object, **fields: object) -> int:
        """The id of a schema, given as JSON or as text."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        path = f"/subjects/{quote(subject, safe='')}/versions"
        reply = self.post(path, {"schema": text, **fields})
        assert reply.status == 200, reply
        return int(reply.body["id"])


def record(name: str, *fields: tuple[str, str], **defaults: object) -> str:
    """An Avro record as text: fields as (name, type), defaults by name."""
    listed: list[dict[str, object]] = [{"name": field, "type": type_} for field, type_ in fields]
    for each in listed:
        if each["name"] in defaults:
            each["default"] = defaults[str(each["name"])]
    return json.dumps({"type": "record", "name": name, "fields": listed}, separators=(",", ":"))
