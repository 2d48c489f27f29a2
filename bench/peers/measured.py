"""`measured.py PROGRAM ARGUMENT …`: runs a command; prints JSON with its seconds and the peak memory of its largest process."""

import json
import os
import subprocess
import sys
import time

begin = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "peakMb": usage.ru_maxrss / 1024, "ok": status == 0}))
