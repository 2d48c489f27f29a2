"""Tasks of Luigi as people write them, for the tests on AWS: targets in S3, a wrapper, dynamic requirements, an external object."""
import os
import time

import luigi
from luigi.contrib.s3 import S3Client, S3Target


class Shop(luigi.Task):
    """Where the targets of one test are."""

    base = luigi.Parameter()

    def target(self, name):
        return S3Target("%s/%s" % (self.base, name), client=S3Client())

    def hold(self, name):
        """Notes that it is here, and goes on when there is an object that a test puts there."""
        self.note("%s-held" % name)
        while not self.target("go-on/%s" % name).exists():
            time.sleep(0.2)

    def note(self, name):
        """An object for each time that a body runs."""
        number = len(list(S3Client().listdir("%s/ran/%s/" % (self.base, name))))
        with self.target("ran/%s/%d" % (name, number)).open("w") as file:
            file.write(os.environ["SLUICE_ATTEMPT"])
        return number


class Prices(luigi.ExternalTask):
    base = luigi.Parameter()

    def output(self):
        return S3Target("%s/prices.txt" % self.base, client=S3Client())


class Order(Shop):
    number = luigi.IntParameter()
    resources = {"register": 1}

    def output(self):
        return self.target("orders/%d.txt" % self.number)

    def run(self):
        times = self.note("order-%d" % self.number)
        # The third order fails once.
        if self.number == 3 and times == 0:
            raise RuntimeError("the register is jammed")
        with self.output().open("w") as file:
            file.write("%d\n" % self.number)


class Day(Shop):
    """Orders of ten, then as many receipts as there are prices."""

    day = luigi.IntParameter()

    def requires(self):
        return {"prices": Prices(self.base), "orders": [Order(self.base, self.day * 10 + each) for each in range(10)]}

    def output(self):
        return self.target("days/%d.txt" % self.day)

    def run(self):
        with self.input()["prices"].open() as file:
            prices = file.read().split()
        receipts = yield [Receipt(self.base, self.day, price) for price in prices]
        self.note("day-%d" % self.day)
        total = 0
        for order in self.input()["orders"]:
            with order.open() as file:
                total += int(file.read())
        with self.output().open("w") as file:
            file.write("%d %d\n" % (total, len(receipts)))


class Receipt(Shop):
    day = luigi.IntParameter()
    price = luigi.Parameter()

    def output(self):
        return self.target("receipts/%d-%s.txt" % (self.day, self.price))

    def run(self):
        self.note("receipt-%d-%s" % (self.day, self.price))
        assert len(os.environ["TILL"]) > 10
        print("the till is %s" % os.environ["TILL"])
        with self.output().open("w") as file:
            file.write(self.price)


class Broken(Shop):
    def output(self):
        return self.target("broken.txt")

    def run(self):
        self.note("broken")
        raise RuntimeError("nobody repairs it")


class AfterBroken(Shop):
    def requires(self):
        return Broken(self.base)

    def output(self):
        return self.target("after-broken.txt")

    def run(self):
        raise AssertionError("must not run")


class HeldOrder(Order):
    """Has written its target half when it is held: nothing of it is kept."""

    def run(self):
        with self.output().open("w") as file:
            file.write("%d" % self.number)
            if self.number == 4:
                self.hold("order-4")
            file.write("\n")
        self.note("order-%d" % self.number)


class HeldMonth(Shop, luigi.WrapperTask):
    """Is held while it is planned."""

    planned = False

    def requires(self):
        if os.environ.get("SLUICE_TASK", "").startswith("plan of") and not HeldMonth.planned:
            HeldMonth.planned = True
            self.hold("plan")
        return [HeldOrder(self.base, number) for number in range(8)]


class Month(luigi.WrapperTask):
    base = luigi.Parameter()
    days = luigi.IntParameter(default=1)
    broken = luigi.BoolParameter()

    def requires(self):
        for day in range(self.days):
            yield Day(self.base, day)
        if self.broken:
            yield AfterBroken(self.base)
