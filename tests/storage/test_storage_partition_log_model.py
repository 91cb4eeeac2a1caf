"""A partition log against a list: random appends, reads, cuts, rolls, deletions, flushes and restarts."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from log_fixture import NOW_MS, LogRoom

from ottla.config.topic_config import TopicConfig
from ottla.records.batch import Codec, iterate_batches
from ottla.records.record import iterate_records

Batch = tuple[int, int, list[tuple[int, bytes, int]]]
"""Base offset, next offset, and each record's offset, value and time."""


class LogMachine(RuleBasedStateMachine):
    """The log and what it should hold."""

    @initialize(
        segment_bytes=st.sampled_from([350, 700, 5_000]),
        interval=st.sampled_from([1, 100, 4_096]),
        descriptors=st.sampled_from([2, 256]),
    )
    def begin(self, segment_bytes: int, interval: int, descriptors: int) -> None:
        self.room = LogRoom(
            TopicConfig(segment_bytes=segment_bytes, index_interval_bytes=interval), descriptors=descriptors
        )
        self.batches: list[Batch] = []
        self.start = 0
        self.next = 0
        self.counter = 0

    @property
    def log(self):
        return self.room.log

    @rule(
        count=st.integers(1, 4),
        size=st.integers(0, 40),
        time=st.integers(0, 50),
        codec=st.sampled_from([Codec.NONE, Codec.NONE, Codec.ZSTD]),
        slow=st.booleans(),
    )
    def append(self, count: int, size: int, time: int, codec: Codec, slow) -> None:
        values = []
        for _ in range(count):
            self.counter += 1
            values.append(b"%d:" % self.counter + b"v" * size)
        times = [NOW_MS + time + place for place in range(count)]
        if slow:
            self.room.directory.is_slow = True
        result = self.room.append(*values, timestamps=times, codec=codec)
        self.room.directory.is_slow = False
        assert (result.base_offset, result.last_offset) == (self.next, self.next + count - 1)
        records = [(self.next + place, value, times[place]) for place, value in enumerate(values)]
        self.batches.append((self.next, self.next + count, records))
        self.next += count
        self.room.settle()

    @rule(data=st.data(), max_bytes=st.integers(0, 2_000), whole=st.booleans(), nowait=st.booleans())
    def read(self, data: st.DataObject, max_bytes: int, whole, nowait) -> None:
        offset = data.draw(st.integers(self.start, self.next), label="offset")
        bounds = [self.start, *[batch[1] for batch in self.batches]]
        bound = data.draw(st.sampled_from(bounds), label="bound")
        found = self.log.read(offset, max_bytes, upper_bound_offset=bound, min_one_batch=whole, nowait=nowait)
        wanted = [batch for batch in self.batches if batch[1] > offset and batch[1] <= bound]
        if offset >= bound or not wanted:
            assert found.slice is None
            return
        if found.slice is None:
            assert not whole
            assert max_bytes < 300, "a batch of this test is smaller"
            return
        assert found.slice.size_in_bytes <= max_bytes or whole
        content = found.slice.read_all()
        got = [
            (header.base_offset, [(record.offset, record.value) for record in iterate_records(batch)])
            for header, batch in iterate_batches(content)
        ]
        assert got == [(batch[0], [record[:2] for record in batch[2]]) for batch in wanted[: len(got)]]
        assert got or not whole
        if got:
            assert wanted[len(got) - 1][1] <= found.next_offset <= bound

    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        # Cutting inside a batch leaves a gap behind it that a restart does not know: not what leaders ask for.
        offset = data.draw(st.sampled_from([0, self.next + 1, *[batch[0] for batch in self.batches]]))
        changed = self.log.truncate_to(offset)
        assert changed == (offset < self.next)
        if changed:
            self.batches = [batch for batch in self.batches if batch[1] <= offset]
            self.next = offset
            self.start = min(self.start, offset)

    @rule()
    def roll(self) -> None:
        self.log.roll(NOW_MS)
        self.room.settle()

    @rule()
    def flush(self) -> None:
        self.log.flush()
        assert self.log.recovery_point == self.next

    @rule(data=st.data())
    def delete_records(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(0, self.next))
        self.log.advance_log_start_offset(offset)
        self.start = max(self.start, offset)

    @rule(count=st.integers(0, 3))
    def retain(self, count: int) -> None:
        self.log.delete_oldest_segments(count, NOW_MS)
        self.room.settle()
        first = self.log.segments[0].base_offset
        self.start = max(self.start, first)
        assert self.log.log_start_offset == self.start
        self.batches = [batch for batch in self.batches if batch[1] > first]

    @rule()
    def restart(self) -> None:
        start = self.log.log_start_offset
        self.room.reopen()
        # The start inside a segment is kept by a checkpoint of the log store.
        self.log.advance_log_start_offset(min(start, self.log.log_end_offset))
        if not self.batches and self.log.log_end_offset != self.next:
            # An empty log that never had a file begins anew: its offsets are the store's to remember, too.
            assert not self.room.disk.exists(self.log.path) or self.log.size_in_bytes == 0
            self.log.truncate_fully_and_start_at(self.next)
            self.log.advance_log_start_offset(self.start)

    @rule(time=st.integers(-1, 60))
    def find_time(self, time: int) -> None:
        found = self.log.offset_for_timestamp(NOW_MS + time)
        records = [
            (stamp, offset)
            for batch in self.batches
            for offset, _value, stamp in batch[2]
            if stamp >= NOW_MS + time and offset >= self.start
        ]
        assert (found and (found.timestamp, found.offset)) == (
            min(records, key=lambda record: record[1]) if records else None
        )

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "room"):
            return
        assert (self.log.log_start_offset, self.log.log_end_offset, self.log.next_offset) == (
            self.start,
            self.next,
            self.next,
        )
        assert all(segment.size_in_bytes == segment.readable_bytes for segment in self.log.segments)

    def teardown(self) -> None:
        if hasattr(self, "room"):
            wanted = [record[:2] for batch in self.batches for record in batch[2] if record[0] >= self.start]
            assert self.room.values(self.start) == wanted
            self.room.close()


TestLogModel = LogMachine.TestCase
TestLogModel.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
