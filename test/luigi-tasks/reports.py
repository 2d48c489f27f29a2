"""Tasks of Luigi as people write them, for the tests: a wrapper, dynamic requirements, an external file, parameters."""
import os

import luigi


def note(text):
    with open("notes", "a") as file:
        file.write(text + "\n")


class Numbers(luigi.ExternalTask):
    def output(self):
        return luigi.LocalTarget("numbers.txt")


class Part(luigi.Task):
    date = luigi.DateParameter()
    number = luigi.IntParameter()

    def output(self):
        return luigi.LocalTarget("out/%s/part-%d.txt" % (self.date, self.number))

    def run(self):
        note("part %d" % self.number)
        self.set_status_message("half of it")
        self.set_progress_percentage(50)
        with self.output().open("w") as file:
            file.write(str(self.number * 10))


class Total(luigi.Task):
    date = luigi.DateParameter()
    parts = luigi.IntParameter(default=3)

    def requires(self):
        return [Part(self.date, number) for number in range(self.parts)]

    def output(self):
        return luigi.LocalTarget("out/%s/total.txt" % self.date)

    def run(self):
        note("total")
        total = 0
        for part in self.input():
            with part.open() as file:
                total += int(file.read())
        with self.output().open("w") as file:
            file.write(str(total))


class Found(luigi.Task):
    """Which parts there are is only known while it runs."""

    date = luigi.DateParameter()

    def requires(self):
        return Numbers()

    def output(self):
        return luigi.LocalTarget("out/%s/found.txt" % self.date)

    def run(self):
        note("found begins")
        with self.input().open() as file:
            numbers = [int(line) for line in file]
        first = yield Part(self.date, numbers[0])
        others = yield [Part(self.date, number) for number in numbers[1:]]
        with self.output().open("w") as file:
            for part in [first] + list(others):
                with part.open() as read:
                    file.write(read.read() + "\n")


class Root(luigi.WrapperTask):
    date = luigi.DateParameter()
    production = luigi.BoolParameter()

    def requires(self):
        yield Total(self.date)
        yield Found(self.date)


@Root.event_handler(luigi.Event.SUCCESS)
def tell_success(task):
    note("success of %s" % task.task_family)


@luigi.Task.event_handler(luigi.Event.FAILURE)
def tell_failure(task, error):
    note("failure of %s: %s" % (task.task_family, error))
