"""
Makes random calls to Luigi's own scheduler, in this process, and to one that is served over HTTP, both at a time that this
program sets, and compares every answer. Ends with `N passed, N failed`; a failure shows the calls that lead to it.

    SERVED_SCHEDULER=http://127.0.0.1:PORT python compare_schedulers.py [SEEDS [FIRST]]
"""

import json
import logging
import os
import random
import sys
import time
import urllib.parse
import urllib.request

import luigi.scheduler

URL = os.environ['SERVED_SCHEDULER']
CALLS = 60
logging.disable(logging.CRITICAL)


class Tie(Exception):
    """What comes next has no order in Luigi, so a seed ends there."""


class Seed:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.now = 1000.0
        self.log = []
        chance = self.random.random
        self.config = {
            'retry_delay': self.random.choice([5, 50, 900]),
            'remove_delay': self.random.choice([10, 600]),
            'worker_disconnect_delay': self.random.choice([10, 60]),
            'disable_window': self.random.choice([20, 3600]),
            'retry_count': self.random.choice([2, 3, 999999999]),
            'disable_hard_timeout': self.random.choice([100, 999999999]),
            'disable_persist': self.random.choice([20, 86400]),
            'prune_on_get_work': chance() < 0.5,
            'stable_done_cooldown_secs': self.random.choice([0, 10]),
            'pause_enabled': True,
            'send_messages': True,
            'record_task_history': False,
            'max_shown_tasks': 100000,
            'max_graph_nodes': 100000,
        }
        self.resources = {'r': self.random.choice([1, 2, 3]), 'q': 2}
        self.tasks = ['F_%d' % n if n < 6 else 'G_%d' % n for n in range(self.random.choice([4, 8, 12]))]
        self.workers = ['w%d' % n for n in range(self.random.choice([1, 2, 3]))]
        self.uses_resources = chance() < 0.6
        self.uses_batches = chance() < 0.4
        self.current = {worker: set() for worker in self.workers}
        time.time = lambda: self.now
        self.original = luigi.scheduler.Scheduler(
            config=luigi.scheduler.scheduler(**self.config), resources=dict(self.resources)
        )
        # Luigi keeps some of these in sets.
        self.request('test/reset', {'config': self.config, 'resources': self.resources})

    def request(self, method, arguments):
        body = urllib.parse.urlencode({'data': json.dumps(arguments)}).encode()
        request = urllib.request.Request('%s/api/%s' % (URL, method), body, {'X-Test-Now': repr(self.now)})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())['response']

    def call(self, method, **arguments):
        self.log.append((self.now, method, arguments))
        theirs = json.loads(json.dumps(getattr(self.original, method)(**json.loads(json.dumps(arguments)))))
        ours = self.request(method, arguments)
        if method == 'get_work' and theirs.get('batch_id'):
            # Any stable name will do.
            self.batch_names = (theirs.pop('batch_id'), ours.pop('batch_id', None))
        if method == 'get_work' and self.is_tie(theirs['task_id'], ours['task_id']):
            raise Tie
        if normal(theirs) != normal(ours):
            raise AssertionError('%s\n luigi: %s\n ours:  %s' % (method, json.dumps(theirs), json.dumps(ours)))
        return ours

    def is_tie(self, theirs, ours):
        """Two tasks that were first named in one call: Luigi takes them out of a set, in no order."""
        if theirs == ours or theirs is None or ours is None:
            return False
        one, other = (self.original._state.get_task(each) for each in (theirs, ours))
        return (one.time, one.priority) == (other.time, other.priority)

    def task_call(self):
        choice = self.random.choice
        task = choice(self.tasks)
        arguments = {
            'task_id': task,
            'worker': choice(self.workers),
            'family': task[0],
            'params': {'n': task[2:], 'kind': str(len(task))},
            'priority': choice([0, 0, 0, 1, 5]),
            'runnable': self.random.random() < 0.85,
            'status': choice(['PENDING'] * 6 + ['DONE', 'FAILED', 'UNKNOWN', 'DISABLED']),
        }
        later = [each for each in self.tasks if each > task]
        if self.random.random() < 0.5 and later:
            arguments['deps'] = self.random.sample(later, min(len(later), choice([1, 2])))
        if self.uses_resources and self.random.random() < 0.5:
            arguments['resources'] = choice([{'r': 1}, {'r': 2}, {'q': 1}, {'q': 1, 'r': 1}, {'unknown': 1}])
        if self.uses_batches and self.random.random() < 0.7:
            arguments['batchable'] = True
        if self.random.random() < 0.1:
            arguments['retry_policy_dict'] = {
                'retry_count': choice([None, 1, 2]), 'disable_hard_timeout': None, 'disable_window': choice([None, 5]),
            }  # fmt: skip
        if arguments['status'] == 'FAILED':
            arguments['expl'] = json.dumps('why %d' % self.random.randrange(10**9))
        self.call('add_task', **arguments)

    def work_call(self):
        worker = self.random.choice(self.workers)
        running = self.current[worker]
        current = self.random.choice([None, sorted(running), sorted(running), sorted(running)[1:]])
        answer = self.call(
            'get_work', worker=worker, host='h', assistant=self.random.random() < 0.1, current_tasks=current
        )
        if answer.get('batch_task_ids'):
            # The client adds the tasks of a batch as one task.
            theirs, ours = self.batch_names
            head = {'task_id': 'batch-' + answer['batch_task_ids'][0], 'worker': worker, 'status': 'RUNNING'}
            self.now += 0.01
            self.original.add_task(batch_id=theirs, **head)
            self.request('add_task', {'batch_id': ours, **head})
            self.log.append((self.now, 'add_task', head))
            running.add(head['task_id'])
        elif answer['task_id'] is not None:
            running.add(answer['task_id'])

    def end_call(self):
        worker = self.random.choice(self.workers)
        if not self.current[worker]:
            return
        task = self.random.choice(sorted(self.current[worker]))
        self.current[worker].discard(task)
        status = self.random.choice(['DONE', 'DONE', 'FAILED', 'PENDING'])
        more = {'runnable': None}
        if status == 'PENDING':
            more['new_deps'] = [self.random.choice([each for each in self.tasks if each > task] or ['H_1'])]
        if status == 'FAILED':
            more['expl'] = json.dumps('failed %d' % self.random.randrange(10**9))
        self.call('add_task', task_id=task, worker=worker, status=status, family=task[0], **more)

    def other_call(self):
        choice = self.random.choice
        worker, task = choice(self.workers), choice(self.tasks)
        calls = [
            lambda: self.call('ping', worker=worker),
            lambda: self.call('count_pending', worker=worker),
            lambda: self.call('add_worker', worker=worker, info=[('workers', choice([1, 2, 4]))]),
            lambda: self.call('forgive_failures', task_id=task),
            lambda: self.call('mark_as_done', task_id=task),
            lambda: self.call('re_enable_task', task_id=task),
            lambda: self.call('set_task_status_message', task_id=task, status_message='m%d' % self.random.randrange(9)),
            lambda: self.call('decrease_running_task_resources', task_id=task, decrease_resources={'r': 1}),
            lambda: self.call('update_resource', resource='r', amount=choice([1, 2, 5])),
            lambda: self.call(choice(['pause', 'unpause', 'unpause'])),
            lambda: self.call('disable_worker', worker=worker) if self.random.random() < 0.1 else None,
            lambda: self.call('set_worker_processes', worker=worker, n=2),
        ]
        if self.uses_batches:
            calls.append(
                lambda: self.call(
                    'add_task_batcher', worker=worker, task_family=choice('FG'), batched_args=['n'],
                    max_batch_size=choice([2, 3, float('inf')]),
                )  # fmt: skip
            )
        choice(calls)()

    def look(self):
        self.call('task_list', status='', upstream_status='')
        self.call('task_list', status='PENDING', upstream_status=self.random.choice(['', 'UPSTREAM_DISABLED', 'UPSTREAM_FAILED', 'UPSTREAM_RUNNING', 'UPSTREAM_MISSING_INPUT']))
        self.call('worker_list')
        self.call('resource_list')
        task = self.random.choice(self.tasks)
        self.call('dep_graph', task_id=task, include_done=self.random.random() < 0.5)
        self.call('inverse_dep_graph', task_id=task, include_done=self.random.random() < 0.5)
        self.call('fetch_error', task_id=task)
        self.call('get_running_task_resources', task_id=task)

    def run(self):
        for _ in range(CALLS):
            # Never two at one instant: Luigi keeps tasks of one instant in no order.
            self.now += self.random.choice([0.01, 0.1, 1, 1, 3, 12, 70] if self.random.random() < 0.3 else [0.01])
            kind = self.random.random()
            if kind < 0.35:
                self.task_call()
            elif kind < 0.6:
                self.work_call()
            elif kind < 0.75:
                self.end_call()
            else:
                self.other_call()
            if self.random.random() < 0.15:
                self.look()
        self.look()


def normal(value):
    """Sets of Luigi come in any order."""
    if isinstance(value, dict):
        return {
            key: sorted(each) if key == 'deps' else sorted(each, key=json.dumps) if key == 'running_tasks' else normal(each)
            for key, each in value.items()
        }  # fmt: skip
    return [normal(each) for each in value] if isinstance(value, list) else value


def main(seeds=200, first=1):
    failed = 0
    ties = 0
    for number in range(int(first), int(first) + int(seeds)):
        seed = Seed(number)
        try:
            seed.run()
        except Tie:
            ties += 1
        except AssertionError as error:
            failed += 1
            if failed <= 3:
                print('seed %d, %s' % (number, seed.config))
                for each in seed.log:
                    print('  ', *each)
                print(error)
    print('%d seeds ended where two tasks were in no order' % ties)
    print('%d passed, %d failed' % (int(seeds) - failed, failed))
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
