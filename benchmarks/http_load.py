"""HTTP requests as fast as a service answers them: `python -m benchmarks.http_load HOST PORT CONNECTIONS SECONDS < requests`.

Reads requests as JSON lines {"method", "path", "body"}, sends each once, a connection's next when its last is answered, none
after so many seconds, and prints one JSON object: requests, seconds, p50 and p99 in microseconds, how many were answered with
which status, and how busy this process was.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from typing import Final

HEAD_END: Final = b"\r\n\r\n"


def main() -> int:
    """Exit code 0 whatever the answers are: they are counted by status."""
    host, port, connections, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    requests = [_encoded(json.loads(line), host) for line in sys.stdin]
    print(json.dumps(load(host, port, connections, requests, seconds)))
    return 0


def load(host: str, port: int, connections: int, requests: list[bytes], seconds: float) -> dict[str, object]:
    """Send all, or as many as there is time for; what came of it."""
    selector = selectors.DefaultSelector()
    waiting = iter(requests)
    took: list[float] = []
    statuses: Counter[int] = Counter()
    sent_at: dict[socket.socket, float] = {}
    pieces: dict[socket.socket, bytes] = {}

    def send(connection: socket.socket) -> bool:
        request = next(waiting, None)
        if request is None or time.perf_counter() > began + seconds:
            return False
        sent_at[connection] = time.perf_counter()
        pieces[connection] = b""
        connection.sendall(request)
        return True

    opened = [socket.create_connection((host, port)) for _ in range(connections)]
    for connection in opened:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
    began, cpu = time.perf_counter(), time.process_time()
    under_way = sum(send(connection) for connection in opened)
    while under_way:
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            piece = connection.recv(262144)
            if not piece:
                raise ConnectionError(f"{host}:{port} closed a connection before it answered")
            pieces[connection] += piece
            status = _complete(pieces[connection])
            if status is not None:
                took.append(time.perf_counter() - sent_at[connection])
                statuses[status] += 1
                under_way -= not send(connection)
    took_all = time.perf_counter() - began
    for connection in opened:
        connection.close()
    took.sort()
    return {
        "requests": len(took),
        "seconds": took_all,
        "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[len(took) * 99 // 100] * 1e6,
        "load": (time.process_time() - cpu) / took_all,
        "statuses": {str(status): count for status, count in statuses.items()},
    }


def _complete(answer: bytes) -> int | None:
    """The status of an answer that has come as a whole."""
    end = answer.find(HEAD_END)
    if end < 0:
        return None
    head = answer[:end].lower()
    at = head.find(b"content-length:")
    if at >= 0:
        whole = len(answer) >= end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
    else:
        whole = b"chunked" not in head or answer.endswith(b"0\r\n\r\n")
    return int(head[9:12]) if whole else None


def _encoded(request: dict[str, str], host: str) -> bytes:
    body = request.get("body", "").encode()
    head = f"{request['method']} {request['path']} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


if __name__ == "__main__":
    sys.exit(main())
