"""Reading the files of a log directory as they lie on disk, without a broker: what `ottla log dump` shows.

Every reader yields entries and, where bytes are not what they should be, a `Fault` saying where; none changes a file.
Start in `files`, which knows each kind of file by its name.
"""
