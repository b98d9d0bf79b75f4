"""The demo, as a newcomer runs it where everything is installed."""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Shown:
    """Seconds that the demo took in all, and those of them that were Prefect's own start, as it says itself."""

    seconds: float
    prefect_seconds: float


def demo(folder: Path, orders: int) -> Shown:
    """Run `forewarn demo` with so many orders to its end."""
    command = Path(sys.executable).with_name("forewarn")
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own command
        [command, "demo", "--into", folder, "--orders", str(orders)], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    assert done.returncode == 0, done.stderr
    said = re.search(r"(\d+) s of them were Prefect's own start", done.stdout)
    assert said, done.stdout
    return Shown(seconds, float(said[1]))
