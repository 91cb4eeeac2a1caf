"""`ottla broker` on its lean path: arguments read by hand, then the server."""


def run_broker(words: list[str]) -> int:
    """Run one broker in this process until it is told to stop; answer the exit code."""
    raise NotImplementedError(words)
