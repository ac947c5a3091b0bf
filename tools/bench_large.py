"""Runs a command under a hard limit of memory, and prints time, memory and what it read from the disk.

    python bench_large.py LIMIT COMMAND ...

LIMIT: bytes such as 6G, for all memory of the process with the file pages that the system caches for it; `none` for no
limit. Makes a control group (version 1 or 2) for the command, which needs root, and empties the cache of file pages first.
"""

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def size(text):
    number, unit = re.fullmatch(r"([\d.]+)([KMGT]?)", text).groups()
    return int(float(number) * 1024 ** "_KMGT".index(unit or "_"))


def group(limit):
    """A control group with the limit: the file to write a process into, and the folder to remove."""
    v1 = ROOT / "memory"
    folder = (v1 if v1.is_dir() else ROOT) / f"laser-{os.getpid()}"
    folder.mkdir()
    (folder / ("memory.limit_in_bytes" if v1.is_dir() else "memory.max")).write_text(str(limit))
    return folder


def main():
    limit, command = sys.argv[1], sys.argv[2:]
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    folder = None if limit == "none" else group(size(limit))

    def enter():
        if folder:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    begun = time.monotonic()
    status = subprocess.call(command, preexec_fn=enter)
    wall = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if folder:
        folder.rmdir()
    busy = used.ru_utime + used.ru_stime
    record = {
        "status": status,
        "wall_s": round(wall, 1),
        "user_s": round(used.ru_utime, 1),
        "system_s": round(used.ru_stime, 1),
        "idle_share": round(1 - busy / (wall * os.cpu_count()), 3),
        "peak_rss_mib": round(used.ru_maxrss / 1024),
        "read_mib": round(used.ru_inblock * 512 / 2**20),
    }
    print(json.dumps(record), file=sys.stderr, flush=True)
    sys.exit(status)


main()
