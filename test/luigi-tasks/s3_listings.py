"""What planning asks of S3 for forty targets in one place: prints the operations, and the numbers of those that are there, as JSON.

    python s3_listings.py SHIM s3://BUCKET/PREFIX
"""
import collections
import importlib.util
import json
import sys

import luigi
from luigi.contrib.s3 import S3Client, S3Target

OPERATIONS = collections.Counter()


class Part(luigi.Task):
    number = luigi.IntParameter()

    def output(self):
        return S3Target("%s/%d" % (sys.argv[2], self.number), client=CLIENT)


spec = importlib.util.spec_from_file_location("shim", sys.argv[1])
shim = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shim)
CLIENT = S3Client()
# An object, a folder, a folder of Hadoop, and what only begins with the name of another.
for name in ("3", "5/inside", "7_$folder$", "90"):
    CLIENT.put_string("x", "%s/%s" % (sys.argv[2], name))
singly = [number for number in range(40) if Part(number).complete()]
CLIENT.s3.meta.client.meta.events.register("before-call.s3", lambda model, **_: OPERATIONS.update([model.name]))
planner = shim.Planner(luigi, {}, lambda line: None)
answers = list(planner.ask_complete([Part(number) for number in range(40)]))
planner.watch.end()
print(json.dumps({"operations": OPERATIONS, "there": [n for n, (is_there, _) in enumerate(answers) if is_there], "singly": singly}))
