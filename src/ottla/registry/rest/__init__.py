"""The registry over HTTP: Confluent's endpoints, parameters, statuses and content types.

`routing.py` finds the function for a request, `subjects.py`, `schemas.py`, `compatibility.py`, `settings.py`, `contexts.py`
and `server.py` are these functions, `dispatch.py` does what all requests have in common, `asgi.py` is the border to the
server, `forwarding.py` the way to the primary.
"""
