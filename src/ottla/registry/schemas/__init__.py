"""The schemas of the registry, without any I/O: parsed, brought to one form, compared.

Start with `schema.py`. `parsing.py` and `compatibility.py` are what the registry calls; each type has modules of its own.
"""
