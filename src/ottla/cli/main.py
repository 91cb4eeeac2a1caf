"""Where the `ottla` command starts.

A broker is to serve within a fifth of a second of its exec, so `ottla broker` must not pay for what only the other
commands need (typer, rich and confluent-kafka take longer to import than the broker takes to start). Only when help is
asked for does it go through typer. `ottla registry` goes the same way.
"""

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command line `arguments` (the process's own if None) and answer the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["broker"] and "--help" not in words and "-h" not in words:
        from ottla.cli.broker_process import run_broker

        return run_broker(words[1:])
    if words[:1] == ["registry"] and "--help" not in words and "-h" not in words:
        from ottla.cli.registry_process import run_registry

        return run_registry(words[1:])
    from ottla.cli.application import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
