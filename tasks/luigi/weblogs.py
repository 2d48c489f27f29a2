"""Which pages are asked for most: plain tasks of Luigi, which know nothing of Sluice.

`Week` wants a `Day` for each of seven days. A `Day` waits for the log of its day, finds the pages that are asked for most, and
only then knows which `Page` reports it needs.
"""
import collections
import datetime
import re

import luigi

REQUEST = re.compile(r'^(\S+) .*"(?:GET|POST|HEAD) (\S+) [^"]*" (\d{3}) ')


class Settings(luigi.Config):
    """The section `[Settings]` of luigi.cfg."""

    logs = luigi.Parameter(default="weblogs")
    reports = luigi.Parameter(default="data")


class Log(luigi.ExternalTask):
    """The log of a day, which the web server writes."""

    date = luigi.DateParameter()

    def output(self):
        return luigi.LocalTarget("%s/%s.log" % (Settings().logs, self.date))


def read_requests(target):
    """Visitor, path and status of each request; lines that are none are left out."""
    with target.open() as log:
        for line in log:
            found = REQUEST.match(line)
            if found:
                yield found.group(1), found.group(2).split("?")[0], int(found.group(3))


class Page(luigi.Task):
    """How one page did on one day."""

    date = luigi.DateParameter()
    path = luigi.Parameter()

    def requires(self):
        return Log(self.date)

    def output(self):
        name = re.sub(r"[^A-Za-z0-9.-]", "_", self.path)
        return luigi.LocalTarget("%s/pages/%s%s.txt" % (Settings().reports, self.date, name))

    def run(self):
        requests = [each for each in read_requests(self.input()) if each[1] == self.path]
        visitors = len(set(visitor for visitor, _, _ in requests))
        errors = sum(1 for _, _, status in requests if status >= 400)
        with self.output().open("w") as report:
            report.write("%s %d requests, %d visitors, %d errors\n" % (self.path, len(requests), visitors, errors))


class Day(luigi.Task):
    """The pages of a day that are asked for most, with a report of each."""

    date = luigi.DateParameter()
    top = luigi.IntParameter(default=3)

    def requires(self):
        return Log(self.date)

    def output(self):
        return luigi.LocalTarget("%s/%s-top-%d.txt" % (Settings().reports, self.date, self.top))

    def run(self):
        paths = collections.Counter(path for _, path, _ in read_requests(self.input()))
        most = sorted(paths, key=lambda path: (-paths[path], path))[: self.top]
        # Known only now: the task goes on when these are there.
        pages = yield [Page(self.date, path) for path in most]
        self.set_status_message("%d pages" % len(pages))
        with self.output().open("w") as report:
            for page in pages:
                with page.open() as part:
                    report.write(part.read())


class Week(luigi.WrapperTask):
    """Seven days, the last one included."""

    until = luigi.DateParameter()
    days = luigi.IntParameter(default=7)

    def requires(self):
        return [Day(self.until - datetime.timedelta(days=back)) for back in range(self.days)]
