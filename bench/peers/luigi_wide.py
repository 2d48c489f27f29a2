"""A graph of Luigi tasks: groups of leaves below one root. As a program it walks them with nothing but Luigi.

`luigi_wide.py GROUPS SIZE` exits with 1 unless it has found all of them.
"""
import sys

import luigi


class Leaf(luigi.Task):
    group = luigi.IntParameter()
    number = luigi.IntParameter()

    def output(self):
        return luigi.LocalTarget("out/%d/%d" % (self.group, self.number))


class Group(luigi.Task):
    group = luigi.IntParameter()
    size = luigi.IntParameter()

    def requires(self):
        return [Leaf(self.group, number) for number in range(self.size)]

    def output(self):
        return luigi.LocalTarget("out/%d.txt" % self.group)


class All(luigi.WrapperTask):
    groups = luigi.IntParameter()
    size = luigi.IntParameter()

    def requires(self):
        return [Group(group, self.size) for group in range(self.groups)]


def walk(root):
    """What every planner has to ask: complete() of each task, and what it requires if it is not."""
    seen = {root.task_id}
    level = [root]
    while level:
        below = []
        for task in level:
            if task.complete():
                continue
            for dep in task.deps():
                if dep.task_id not in seen:
                    seen.add(dep.task_id)
                    below.append(dep)
        level = below
    return len(seen)


if __name__ == "__main__":
    groups, size = int(sys.argv[1]), int(sys.argv[2])
    sys.exit(0 if walk(All(groups=groups, size=size)) == 1 + groups * (size + 1) else 1)
