"""A partition as the cluster sees it: who leads, which replicas are in sync, up to where records are safe.

The room decides; it opens no file and knows no socket. A `Partition` stands on a `PartitionLog` of storage's and is told
by `Replicas` what the metadata says. Today a broker leads every partition it has; followers' progress has its place in
`high_watermark` and in `Partition.isr`, fetchers come beside.

Start reading at `partition`.
"""
