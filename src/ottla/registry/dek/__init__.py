"""The DEK registry: keys by which clients encrypt fields and whole values, as Confluent's `dek-registry` module keeps them.

A data encryption key (DEK) encrypts values; it is stored encrypted by a key encryption key (KEK), which a KMS holds and
never gives away. Here is only what names a KEK in its KMS, and the encrypted DEKs. Of a KEK that is shared, this server asks
the KMS itself: it makes DEKs, and answers with them opened.

`state.py` is what follows from the records of the topic `_dek_registry_keys` (`records.py`), without I/O; `changes.py`
decides what is to be written; `kms.py`, `local_kms.py`, `key_material.py` and `shared_keys.py` make and open keys;
`dek_registry.py` ties these together, and `opening.py` does so when the first request needs it: a registry that nobody asks
for keys has no such topic, and loads none of this.
"""
