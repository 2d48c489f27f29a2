"""
A plugin of pytest: Luigi's own tests get a scheduler that is served over HTTP in the place of the one in their process.
Calls go through Luigi's own client, with the time that the test sees.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request

import luigi.rpc
import luigi.scheduler

URL = os.environ['SERVED_SCHEDULER']
Original = luigi.scheduler.Scheduler
Config = luigi.scheduler.scheduler
SETTINGS = [
    'retry_delay', 'remove_delay', 'worker_disconnect_delay', 'disable_window', 'retry_count', 'disable_hard_timeout',
    'disable_persist', 'max_shown_tasks', 'max_graph_nodes', 'prune_on_get_work', 'pause_enabled', 'send_messages',
    'stable_done_cooldown_secs', 'record_task_history',
]  # fmt: skip


def timed_fetch(self, full_url, body, timeout):
    request = self._create_request(full_url, body=body)
    request.add_header('X-Test-Now', repr(float(time.time())))
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read().decode('utf-8')


# Of the two ways in which a client may send, this one takes a header.
luigi.rpc.HAS_REQUESTS = False
luigi.rpc.URLLibFetcher.fetch = timed_fetch


def plain(value):
    """What a client would send: tests also pass sets and tuples."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset, tuple, list)):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Exception) else value


class ServedScheduler(luigi.rpc.RemoteScheduler):
    def __init__(self, config=None, resources=None, task_history_impl=None, **settings):
        super().__init__(URL)
        self._rpc_retry_wait = 0
        config = config or Config(**settings)
        known = {name: getattr(config, name) for name in SETTINGS}
        if resources is None:
            resources = luigi.configuration.get_config().getintdict('resources')
        self._request('/api/test/reset', {'config': known, 'resources': dict(resources)})
        self._state = ServedState(self)

    def _request(self, url, data, attempts=3, allow_null=True):
        return super()._request(url, plain(data), attempts, allow_null)

    def prune(self):
        return self._request('/api/prune', {})

    def _upstream_status(self, task_id, _known):
        for status in ['UPSTREAM_DISABLED', 'UPSTREAM_FAILED', 'UPSTREAM_MISSING_INPUT', 'UPSTREAM_RUNNING']:
            if task_id in self.task_list('PENDING', status, limit=False):
                return status
        return ''

    def load(self):
        """The state is there already."""

    def dump(self):
        """Each call is kept when it is answered."""


class ServedState:
    """What tests look up inside a scheduler, as far as calls for tests show it."""

    def __init__(self, scheduler):
        self.scheduler = scheduler

    def get_worker(self, worker):
        return ServedWorker(self.scheduler, worker)


    def get_task(self, task):
        return ServedTask(self.scheduler._request('/api/test/task_failures', {'task_id': task}))


class ServedTask:
    def __init__(self, known):
        self.known = known
        self.failures = [None] * known['recorded']

    def num_failures(self):
        return self.known['num_failures']


class ServedWorker:
    def __init__(self, scheduler, worker):
        self.scheduler = scheduler
        self.worker = worker

    @property
    def rpc_messages(self):
        """As many as there are; what is in them only a ping shows."""
        return [None] * next(
            each['num_unread_rpc_messages'] for each in self.scheduler.worker_list() if each['name'] == self.worker
        )

    def add_rpc_message(self, name, **kwargs):
        message = {'worker': self.worker, 'name': name, 'kwargs': kwargs}
        self.scheduler._request('/api/test/add_rpc_message', message)


luigi.scheduler.Scheduler = ServedScheduler

# The base of tests that serve Luigi's own scheduler: what it serves is now the one under test.
import luigi.server  # noqa: E402

luigi.server.app = lambda scheduler: None
# A scheduler in a process of its own is the one under test, set back.
luigi.server.run = lambda *_, **__: ServedScheduler()
luigi.rpc.RemoteScheduler.__init__.__defaults__ = (URL, None)

import server_test  # noqa: E402


class Answer:
    def __init__(self, code, headers, body):
        self.code = code
        self.headers = headers
        self.body = body


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch(self, path, method='GET', headers=None, body=None, follow_redirects=True):
    request = urllib.request.Request(URL + path, method=method, headers=headers or {}, data=body)
    opener = urllib.request.build_opener(*([] if follow_redirects else [NoRedirect]))
    try:
        with opener.open(request, timeout=20) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


def setUp(self):
    self.get_app()


server_test.ServerTestBase.setUp = setUp
server_test.ServerTestBase.tearDown = lambda self: None
server_test.ServerTestBase.fetch = fetch
server_test.ServerTestBase.get_url = lambda self, path: URL + path
server_test.ServerTestBase.get_http_port = lambda self: int(URL.rsplit(':', 1)[1])


def pytest_collection_modifyitems(config, items):
    """Leaves out what is excluded, each with its reason."""
    reasons = json.loads(os.environ.get('EXCLUDED', '[]'))
    kept = []
    counts = [0] * len(reasons)
    for item in items:
        at = next((at for at, each in enumerate(reasons) if re.search(each['test'], item.nodeid)), None)
        if at is None:
            kept.append(item)
        else:
            counts[at] += 1
    for count, each in zip(counts, reasons):
        print('excluded %d: %s (%s)' % (count, each['reason'], each['test']))
    items[:] = kept
