"""A log store on a disk and a loop of the test's, and what tests do with its logs."""

from conditions import until
from ottla.config.topic_config import TopicConfig
from ottla.protocol.types import TopicPartition, Uuid
from ottla.records.record import Record, build_batch, iterate_records
from ottla.storage.log_store import LogStore
from ottla.storage.store_settings import LogStoreSettings

TOPIC_ID = Uuid(bytes(range(16)))
OTHER_ID = Uuid(bytes(range(1, 17)))
ORDERS = TopicPartition("orders", 0)
CONFIG = TopicConfig()
NOW = 1_700_000_000_000


class Loop:
    """Runs what is posted to it when it is told to: the broker's loop, with no clock."""

    def __init__(self):
        self.posted = []

    def post(self, call):
        self.posted.append(call)

    def run(self):
        while self.posted:
            self.posted.pop(0)()

    def run_until(self, condition):
        def come_to_pass():
            self.run()
            return condition()

        if not condition():
            until(come_to_pass)


def open_store(disk, *paths, config=CONFIG, loop=None, claim=True, **settings):
    loop = loop or Loop()
    store = LogStore(paths or ("/data",), disk, LogStoreSettings(**settings), loop.post)
    store.acquire()
    if claim:
        store.claim(1, "cluster")
        store.load(lambda _topic: config, now_ms=NOW)
    store.loop = loop
    return store


def append(log, *values, timestamp=NOW, now=NOW, key=None, settle=True):
    """Append a batch. On a busy machine a write can be slow, and those after it are queued: `settle` waits for them."""
    batch = build_batch([Record(0, timestamp, key, value) for value in values])
    result = log.append_as_leader(memoryview(batch), leader_epoch=0, now_ms=now)
    if settle and log.written_offset < log.next_offset:
        log.directory.drain(10)
        log.post.__self__.run()
    return result


def values(log, start=None):
    offset = log.log_start_offset if start is None else start
    found = []
    while (result := log.read(offset, 1 << 20)).slice is not None:
        content = memoryview(result.slice.read_all())
        while content:
            size = int.from_bytes(content[8:12]) + 12
            for record in iterate_records(content[:size]):
                offset = record.offset + 1
                if record.offset >= log.log_start_offset:
                    found.append(record.value)
            content = content[size:]
    return found


def create(store, topic_partition=ORDERS, topic_id=TOPIC_ID, config=CONFIG, **options):
    return store.create(topic_partition, topic_id, config, **options)
