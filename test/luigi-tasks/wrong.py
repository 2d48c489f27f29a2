"""Tasks that do what they should not."""
import os
import sys
import time

import luigi

PRIVATE = luigi.parameter.ParameterVisibility.PRIVATE


class Endless(luigi.Task):
    number = luigi.IntParameter(default=0)

    def requires(self):
        return Endless(self.number + 1)


class First(luigi.Task):
    def requires(self):
        return Second()


class Second(luigi.Task):
    def requires(self):
        return First()


class Strict(luigi.Task):
    date = luigi.DateParameter()
    size = luigi.ChoiceParameter(choices=["small", "large"], default="small")


class Done(luigi.Task):
    name = luigi.Parameter()

    def output(self):
        return luigi.LocalTarget("out/" + self.name)

    def run(self):
        self.output().open("w").close()


class RequiresThrows(luigi.Task):
    def requires(self):
        raise ValueError("no connection")


class CompleteThrows(luigi.Task):
    def complete(self):
        raise OSError("no bucket")


class CompleteHangs(luigi.Task):
    def complete(self):
        time.sleep(1000)


class HangsForEver(luigi.Task):
    def complete(self):
        while True:
            try:
                time.sleep(1000)
            except BaseException:
                pass


class CompleteIsText(luigi.Task):
    def complete(self):
        return "yes"


class Disabled(luigi.Task):
    disabled = True


class Private(luigi.Task):
    key = luigi.Parameter(default="", visibility=PRIVATE)

    def output(self):
        return luigi.LocalTarget("out/private")

    def run(self):
        with self.output().open("w") as file:
            file.write(str(len(self.key)))


class GivesPrivate(luigi.WrapperTask):
    def requires(self):
        return Private(key="s3cr3t-value")


def make_task():
    class Local(luigi.Task):
        pass

    return Local()


class NeedsLocal(luigi.WrapperTask):
    def requires(self):
        return make_task()


class AtPlanning(luigi.WrapperTask):
    """Everything above that fails while it is planned, and one task that does not."""

    def requires(self):
        yield [RequiresThrows(), CompleteThrows(), CompleteHangs(), CompleteIsText(), Disabled()]
        yield [GivesPrivate(), NeedsLocal(), Done("planned")]


class Lies(luigi.Task):
    def run(self):
        pass

    def complete(self):
        return False


class NeedsLies(luigi.Task):
    retry_count = 1

    def requires(self):
        return Lies()

    def run(self):
        pass


class YieldsLies(luigi.Task):
    def run(self):
        yield Lies()


class Exits(luigi.Task):
    retry_count = 1

    def run(self):
        sys.exit(0)


class EndsProcess(luigi.Task):
    retry_count = 1

    def run(self):
        os._exit(0)


class Forks(luigi.Task):
    def output(self):
        return luigi.LocalTarget("out/forks")

    def run(self):
        if os.fork() == 0:
            raise RuntimeError("in the child")
        os.wait()
        self.output().open("w").close()


class PrintsBytes(luigi.Task):
    def output(self):
        return luigi.LocalTarget("out/bytes")

    def run(self):
        os.write(1, bytes(range(256)) * 100)
        self.output().open("w").close()


class TooSlow(luigi.Task):
    retry_count = 1
    worker_timeout = 1

    def run(self):
        time.sleep(1000)


class WhileRunning(luigi.WrapperTask):
    def requires(self):
        yield [NeedsLies(), YieldsLies(), Exits(), EndsProcess(), TooSlow()]
        yield [Forks(), PrintsBytes()]


class Greedy(luigi.Task):
    resources = {"db": 3}
