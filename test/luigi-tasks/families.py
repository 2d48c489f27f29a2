"""Tasks whose pools, secrets, resources and parameters are said in several places."""
import datetime
import os
import time

import luigi

from reports import note

PRIVATE = luigi.parameter.ParameterVisibility.PRIVATE


class Query(luigi.Task):
    day = luigi.DateParameter()
    api_key = luigi.Parameter(default="none", visibility=PRIVATE)
    verbose = luigi.BoolParameter(significant=False)

    def output(self):
        return luigi.LocalTarget("out/query-%s" % self.day)

    def run(self):
        with self.output().open("w") as file:
            file.write("%d %d" % (len(self.api_key), len(os.environ.get("GRAPH_KEY", ""))))
        print("the key is %s" % self.api_key)


class Batched(luigi.Task):
    day = luigi.DateParameter(batch_method=max)
    accepts_messages = True


class Locked(luigi.Task):
    number = luigi.IntParameter()
    resources = {"license": 1}

    @property
    def priority(self):
        return self.number

    def output(self):
        return luigi.LocalTarget("out/locked-%d" % self.number)

    def run(self):
        note("begin %d" % self.number)
        time.sleep(0.2)
        note("end %d" % self.number)
        self.output().open("w").close()


class Size(luigi.Task):
    width = luigi.IntParameter(default=1)
    tags = luigi.ListParameter(default=["a"])
    more = luigi.DictParameter(default={"b": [1, 2]})
    at = luigi.DateMinuteParameter(default=datetime.datetime(2026, 1, 31, 10, 5))
    length = luigi.TimeDeltaParameter(default=datetime.timedelta(hours=3))
    month = luigi.MonthParameter(default=datetime.date(2026, 1, 1))

    def output(self):
        return luigi.LocalTarget("out/size")

    def run(self):
        self.set_tracking_url("http://127.0.0.1/job/1")
        with self.output().open("w") as file:
            file.write("%s %s %s %s %s %s" % (self.width, self.tags[0], self.more["b"][1], self.at.minute, self.length, self.month.month))


class Daily(luigi.Task):
    date = luigi.DateParameter()

    def output(self):
        return luigi.LocalTarget("out/daily-%s" % self.date)

    def run(self):
        note("daily %s" % self.date)
        self.output().open("w").close()


class All(luigi.WrapperTask):
    date = luigi.DateParameter()
    drop_tables = luigi.BoolParameter()

    def requires(self):
        yield Query(day=self.date)
        yield [Locked(number) for number in range(3)]
        yield Size()
