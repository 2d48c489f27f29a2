"""What planning asks the file system: prints how often folders were listed and paths looked at, with the answers, as JSON.

    python listings.py SHIM FOLDER
"""
import importlib.util
import json
import os
import sys

import luigi

COUNTS = {"listings": 0, "looks": 0}


def count(module, name, kind):
    own = getattr(module, name)

    def counted(*args):
        if str(args[0]).startswith(sys.argv[2]):
            COUNTS[kind] += 1
        return own(*args)

    setattr(module, name, counted)


class Plain(luigi.Task):
    number = luigi.IntParameter()

    def output(self):
        return luigi.LocalTarget("%s/plain/%d" % (sys.argv[2], self.number))


class OwnAnswer(Plain):
    def complete(self):
        return True


class OwnTarget(luigi.LocalTarget):
    def exists(self):
        return True


class WithOwnTarget(Plain):
    def output(self):
        return OwnTarget("%s/plain/%d" % (sys.argv[2], self.number))


class Throws(Plain):
    def output(self):
        raise RuntimeError("no target")


class Few(Plain):
    def output(self):
        return luigi.LocalTarget("%s/few/%d" % (sys.argv[2], self.number))


class Crowded(Plain):
    def output(self):
        return luigi.LocalTarget("%s/crowded/%d" % (sys.argv[2], self.number))


class Nowhere(Plain):
    def output(self):
        return luigi.LocalTarget("%s/nowhere/%d" % (sys.argv[2], self.number))


class Two(Plain):
    def output(self):
        return [super(Two, self).output(), luigi.LocalTarget("%s/few/%d" % (sys.argv[2], self.number))]


def ask(shim, tasks):
    COUNTS.update(listings=0, looks=0)
    planner = shim.Planner(luigi, {}, lambda line: None)
    answers = [complete if problem is None else problem["message"] for complete, problem in planner.ask_complete(tasks)]
    planner.watch.end()
    return dict(COUNTS, answers=answers)


def main():
    spec = importlib.util.spec_from_file_location("shim", sys.argv[1])
    shim = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shim)
    for name, size in (("plain", 6), ("few", 2), ("crowded", 2000)):
        os.makedirs(os.path.join(sys.argv[2], name))
        for number in range(size):
            open(os.path.join(sys.argv[2], name, str(number)), "w").close()
    os.symlink("nowhere", os.path.join(sys.argv[2], "plain/6"))
    count(os, "scandir", "listings")
    count(os.path, "exists", "looks")
    asked = {cls.__name__: ask(shim, [cls(number) for number in range(10)]) for cls in (Plain, OwnAnswer, WithOwnTarget, Throws, Crowded, Nowhere)}
    asked["Few"] = ask(shim, [Few(number) for number in range(4)] + [Plain(number) for number in range(4)])
    asked["Two"] = ask(shim, [Two(number) for number in range(10)])
    print(json.dumps(asked))


main()
