"""Record batches: the bytes that producers send, logs keep and consumers fetch.

The broker handles a batch as a whole, by its header; records inside it are read and written only where it must be.
Nothing here does I/O, and nothing here imports another room. Whatever the bytes, reading them raises one of
`ottla.records.errors` or gives what they say.

Begin with `batch` (the header), then `record`, `compression`, `control`; `legacy` tells formats 0 and 1.
"""
