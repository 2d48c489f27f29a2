"""`measured.py PROGRAM ARGUMENT …`: runs a command; prints JSON with its seconds, the CPU time of all its processes,
and the peak memory of its largest process."""

import json
import os
import subprocess
import sys
import time

begin = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - begin
cpu_seconds = usage.ru_utime + usage.ru_stime
peak_mb = usage.ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds, "peakMb": peak_mb, "ok": status == 0}))
