"""`luigi_shapes.py SHAPE SIZE FOLDER local|PORT`: builds one shape in Luigi; prints JSON with seconds of the build alone."""

import json
import logging
import os
import sys
import time

import luigi

SHAPE, SIZE, FOLDER, SCHEDULER = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
LAYER, UPSTREAMS = 100, 3


def upstreams_of(number):
    if SHAPE == "layered" and number >= LAYER:
        first = (number // LAYER - 1) * LAYER
        return [first + (number + each * 7) % LAYER for each in range(UPSTREAMS)]
    if SHAPE == "chain" and number > 0:
        return [number - 1]
    if SHAPE == "diamond" and number > 0:
        return [0] if number < SIZE - 1 else list(range(1, SIZE - 1))
    return []


def sinks():
    if SHAPE == "wide":
        return range(SIZE)
    if SHAPE == "layered":
        return range(max(0, SIZE - LAYER), SIZE)
    return [SIZE - 1]


def touch(path):
    with open(path, "w"):
        pass


class Touch(luigi.Task):
    number = luigi.IntParameter()

    def requires(self):
        return [Touch(number=each) for each in upstreams_of(self.number)]

    def output(self):
        return luigi.LocalTarget(os.path.join(FOLDER, str(self.number)))

    def run(self):
        touch(self.output().path)


class Whole(luigi.Task):
    def requires(self):
        return [Touch(number=each) for each in sinks()]

    def output(self):
        return luigi.LocalTarget(os.path.join(FOLDER, "root"))

    def run(self):
        touch(self.output().path)


os.makedirs(FOLDER, exist_ok=True)
logging.getLogger("luigi").setLevel(logging.ERROR)
logging.getLogger("luigi-interface").setLevel(logging.ERROR)
where = (
    {"local_scheduler": True}
    if SCHEDULER == "local"
    else {"scheduler_url": "http://127.0.0.1:" + SCHEDULER}
)
begin = time.perf_counter()
ok = luigi.build([Whole()], workers=1, log_level="ERROR", **where)
print(json.dumps({"seconds": time.perf_counter() - begin, "ok": bool(ok)}))
