"""`doit_shapes.py wide|layered SIZE FOLDER`: runs one shape in doit; prints JSON with seconds of the run alone."""

import json
import os
import sys
import time

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

SHAPE, SIZE, FOLDER = sys.argv[1], int(sys.argv[2]), sys.argv[3]
LAYER, UPSTREAMS = 100, 3


def touch(path):
    with open(path, "w"):
        pass


def upstreams_of(number):
    if SHAPE != "layered" or number < LAYER:
        return []
    first = (number // LAYER - 1) * LAYER
    return [first + (number + each * 7) % LAYER for each in range(UPSTREAMS)]


def task_touch():
    for number in range(SIZE):
        path = os.path.join(FOLDER, str(number))
        yield {
            "name": str(number),
            "actions": [(touch, [path])],
            "targets": [path],
            "task_dep": ["touch:%d" % each for each in upstreams_of(number)],
        }


os.makedirs(FOLDER, exist_ok=True)
config = {"reporter": "zero", "dep_file": os.path.join(FOLDER, ".doit.db")}
begin = time.perf_counter()
code = DoitMain(ModuleTaskLoader({"task_touch": task_touch, "DOIT_CONFIG": config})).run(["run"])
print(json.dumps({"seconds": time.perf_counter() - begin, "ok": code in (0, None)}))
