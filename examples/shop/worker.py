"""A worker without a socket: counts in its data folder, and stops between two steps when it is told to."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

STEP_S = 1.0


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    counter = Path(os.environ["HOLDFAST_DATA_DIR"]) / "orders"
    done = int(counter.read_text()) if counter.exists() else 0
    print(f"worker begins at order {done}", flush=True)
    while not stop.wait(STEP_S):
        done += 1
        counter.write_text(str(done))
    print(f"worker stops after order {done}", flush=True)


if __name__ == "__main__":
    main()
