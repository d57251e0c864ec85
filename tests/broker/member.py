"""A reader in a process of its own, which a test may stop and kill. Reads one record, then does what stdin says.

Says `read` when it has read. `commit N` commits position N and says `committed`; the process ends with its stdin.
"""

import json
import sys

from ingest.logs import Batch, Place, Position
from tests.broker.keepers import of, open_logs, until


def main() -> None:
    kind, arguments, group, log = sys.argv[1:]
    reader = open_logs(kind, json.loads(arguments)).reader(group, [log], limit=1)
    until(reader, lambda events: of(Batch, events))
    print("read", flush=True)
    for line in sys.stdin:
        reader.commit({Place(log, 0): Position(int(line.split()[1]))})
        print("committed", flush=True)


if __name__ == "__main__":
    main()
