"""Checks lines of `partition offset key line`, or of console output, against the file that was produced.

python check.py PACKAGES FILE...      every line of PACKAGES came once, and a key's lines in their order
"""

import sys
from collections import Counter, defaultdict
from pathlib import Path


def main(produced: str, *consumed: str) -> None:
    """Prints one line, or ends with what is wrong."""
    keys = [line.split("\t", 1)[0] for line in Path(produced).read_text().splitlines()]
    seen = [line.split() for path in consumed for line in Path(path).read_text().splitlines()]
    counts = Counter(int(line) for *_, line in seen)
    missing = [line for line in range(len(keys)) if line not in counts]
    doubled = [line for line, count in counts.items() if count > 1]
    if missing or doubled:
        sys.exit(f"{len(missing)} lines missing ({missing[:5]}…), {len(doubled)} came twice ({doubled[:5]}…)")
    of_key: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for partition, offset, key, line in seen:
        if key != keys[int(line)]:
            sys.exit(f"line {line} has key {key}, not {keys[int(line)]}")
        of_key[key].append((int(partition), int(offset), int(line)))
    for key, places in of_key.items():
        places.sort()
        lines = [line for _, _, line in places]
        if len({partition for partition, _, _ in places}) > 1 or lines != sorted(lines):
            sys.exit(f"key {key} is out of order: {places}")
    print(f"{len(keys)} records, each once, {len(of_key)} keys in order")


main(*sys.argv[1:])
