"""The log: partitions as files in Apache Kafka's own format, what is remembered beside them, and how they outlive a crash.

The room knows nothing of clients, leaders or the network. It never waits for a disk on the loop's thread but for the buffered
write of an append; everything else runs on a log directory's thread, on a reader's, or in a helper process.

Where to start reading::

    log_store         every log of the broker; behind it log_directories, store_loading, store_upkeep, store_closing
    log_directory     one of log.dirs: its owner, its state, its thread
    partition_log     one replica's log: append, read, look up, cut; behind it log_writer, log_reading, log_flushing
    segment           one file of batches with its indexes (offset_index, time_index, txn_index)
    recovery          what a start does after a crash; recovery_crew, recovery_process
    log_cleaner       compaction: cleaner decides, cleaning does it in cleaner_process, segment_swap puts it in place
    disk              the interface through which all of this touches files

The path of a batch: `PartitionLog.append_as_leader` → `LogWriter.write` → `Segment.write` → `DiskFile.pwrite`.
The path of a fetch: `PartitionLog.read` → `FileSlice`, read by the connection as its socket drains.

Not obvious, and each once broken in a test:

- A recovery point moves only when batches, indexes, epochs, snapshot and *names* are fsynced (`flush_job`); what recovery itself
  has written counts as not fsynced (`log_opening`).
- Of renames between two fsyncs of a directory any may be lost (`segment_swap`).
- A failed fsync is never repeated (`log_directory`).
- After a kill producers send again what was in flight: recovery brings back the last five batches of each, a snapshot
  holds one (`recovery`).
"""
