"""Tasks for `luigi` in a test: layers, each of which notes when it begins and when it ends."""

import os
import time

import luigi

FOLDER = os.environ['KILLED_TASKS']
WIDTH = 12
LAYERS = 6


def note(text):
    # One write, which the system does not mix with those of others.
    with open(os.path.join(FOLDER, 'notes'), 'ab', 0) as notes:
        notes.write((text + '\n').encode())


class Cell(luigi.Task):
    layer = luigi.IntParameter()
    number = luigi.IntParameter()

    def requires(self):
        if self.layer > 0:
            for step in range(3):
                yield Cell(layer=self.layer - 1, number=(self.number + step) % WIDTH)

    def output(self):
        return luigi.LocalTarget(os.path.join(FOLDER, 'cell-%d-%d' % (self.layer, self.number)))

    def run(self):
        name = '%d-%d' % (self.layer, self.number)
        note('begin ' + name)
        time.sleep(0.15)
        if self.number == 5 and self.layer == 2:
            # Found out while it runs.
            yield Cell(layer=self.layer, number=WIDTH + 1)
        with self.output().open('w') as out:
            out.write(name)
        note('end ' + name)


class All(luigi.WrapperTask):
    def requires(self):
        return [Cell(layer=LAYERS - 1, number=number) for number in range(WIDTH)]
