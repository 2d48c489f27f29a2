"""The side of Luigi: plans and runs tasks of Luigi for Sluice, in the Python that has the user's code.

    python sluice_luigi.py resolve|plan  SPEC     which task is the root; all tasks that it needs
    python sluice_luigi.py complete      SPEC     of tasks on standard input, those that are complete
    python sluice_luigi.py run           SPEC TASK    one task, in this process, by Luigi's own TaskProcess
    python sluice_luigi.py plan-in-run   SPEC     all tasks, as what an attempt yields: where nobody else can start the image

SPEC and TASK are JSON. Answers are JSON Lines on standard output; whatever user code prints goes to standard error, but for
`run`, whose output is the log of its attempt. Python 3.6 to 3.13, Luigi 2.8 to 3.8, no other dependency. Nothing of it is written
into the user's folders.
"""

import contextlib
import faulthandler
import importlib
import inspect
import json
import logging
import os
import queue
import random
import signal
import sys
import threading
import time
import traceback
import warnings

OLDEST_LUIGI = (2, 8)
# An exception is a failure of one task; its traceback is cut to so many characters, because records keep it.
MAX_TRACEBACK = 4000
# Exit codes of docs/plans.md.
YIELDS = 78
# The answer that says what is wrong is on standard output.
WRONG = 2
# How often what an external task stands for is looked for, where nobody else can ask.
POLL_SECONDS = 30
# How much longer than its timeout a call that no signal can end may take, before this process ends itself.
GRACE_SECONDS = 15


class Wrong(Exception):
    """What a person has to correct before anything can be planned."""

    def __init__(self, kind, message, hint=None, names=()):
        super(Wrong, self).__init__(message)
        self.answer = {"wrong": kind, "message": message, "hint": hint, "names": list(names)}


class TookTooLong(BaseException):
    """Not an Exception: code that catches all of these would go on for ever."""


def describe_exception(what, error):
    """What was called, the exception in one line, and the traceback below the lines of this file."""
    line = traceback.format_exception_only(type(error), error)[-1].strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return {"message": "%s threw: %s" % (what, line), "stack": "".join(traceback.format_list(frames))[-MAX_TRACEBACK:]}


# ---- Luigi and the user's module


def load_luigi():
    try:
        import luigi
    except ImportError as error:
        if getattr(error, "name", None) not in (None, "luigi"):
            raise Wrong("no_luigi", "Luigi does not import in %s: %s" % (sys.executable, error))
        raise Wrong(
            "no_luigi",
            "The Python %s has no package luigi." % sys.executable,
            "Name the Python that runs the tasks today, for example .venv/bin/python, or install it: %s -m pip install luigi"
            % sys.executable,
        )
    version = read_luigi_version(luigi)
    if version is not None and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_LUIGI:
        raise Wrong(
            "old_luigi",
            "The Python %s has Luigi %s; Sluice runs tasks of Luigi %d.%d and newer." % ((sys.executable, version) + OLDEST_LUIGI),
            "Install a newer one: %s -m pip install --upgrade luigi" % sys.executable,
        )
    import luigi.worker  # noqa: F401

    return luigi


def read_luigi_version(luigi):
    version = getattr(luigi, "__version__", None) or getattr(getattr(luigi, "__meta__", None), "__version__", None)
    if version is None:
        try:
            import pkg_resources

            version = pkg_resources.get_distribution("luigi").version
        except Exception:
            return None
    parts = version.split(".")
    return version if len(parts) >= 2 and parts[0].isdigit() and parts[1].isdigit() else None


@contextlib.contextmanager
def seeded_random(seed):
    """Values that modules choose by `random` while they are imported are the same in all processes of a plan.

    Luigi imports them once and forks, so its tasks find the same values too. A default of a parameter may be such a value.
    """
    if seed is None:
        yield
        return
    own_seed, calls = random.seed, []

    def remember(*args, **options):
        calls.append(args)
        return own_seed(*args, **options)

    own_seed(seed)
    random.seed = remember
    try:
        yield
    finally:
        random.seed = own_seed
        # A seed that the module has set stays; otherwise what runs later is as random as before.
        if not calls:
            own_seed()


def import_root_module(name, seed=None):
    if not name:
        return
    try:
        with seeded_random(seed):
            importlib.import_module(name)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        missing = isinstance(error, ImportError) and getattr(error, "name", None) in (name, name.split(".")[0])
        hint = "Modules are looked for in %s and in PYTHONPATH." % os.getcwd() if missing else None
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename != __file__ and "importlib" not in frame.filename
        ]
        line = "".join(traceback.format_exception_only(type(error), error)).strip()
        trace = "".join(traceback.format_list(frames)).rstrip()
        raise Wrong("no_module", "The module %s does not import: %s%s" % (name, line, "\n" + trace if trace else ""), hint)


def set_up_logging(luigi):
    """As the command luigi does, so that the user's config of logging counts."""
    try:
        from luigi.setup_logging import InterfaceLogging

        InterfaceLogging.setup(luigi.interface.core())
    except ImportError:
        core = luigi.interface.core()
        luigi.interface.setup_interface_logging(core.logging_conf_file, core.log_level)


@contextlib.contextmanager
def parsed_flags(spec):
    """The flags of the command line count for every task that is made, also those with the name of another task."""
    from luigi.cmdline_parser import CmdlineParser

    flags = spec.get("flags")
    if flags is None:
        yield None
        return
    errors = []
    kept = sys.stderr
    sys.stderr = Collected(errors)
    try:
        manager = CmdlineParser.global_instance(flags)
        parser = manager.__enter__()
    except SystemExit as end:
        told = "".join(errors).strip().split("\n")[-1]
        said = str(end.code) if isinstance(end.code, str) else told.split("error: ", 1)[-1]
        raise Wrong("params", said or "The flags are wrong.", list_flags(flags))
    except Exception as error:
        raise explain_task_error(error, flags)
    finally:
        sys.stderr = kept
    try:
        yield parser
    finally:
        manager.__exit__(None, None, None)


class Collected(object):
    """A stream that keeps what is written."""

    def __init__(self, into):
        self.into = into

    def write(self, text):
        self.into.append(text)

    def flush(self):
        pass


def explain_task_error(error, flags=None):
    """Why Luigi knows no task of this name. Its own list has its own classes as well; the nearest name is found elsewhere."""
    from luigi import task_register

    if isinstance(error, task_register.TaskClassNotFoundException):
        wanted = [flag for flag in flags or () if not flag.startswith("-")][:1]
        names = list_own_families()
        told = "No task is called %s." % wanted[0] if wanted else str(error)
        return Wrong("unknown_task", told, "Tasks of the module: %s." % (", ".join(names) or "none"), wanted + names)
    if isinstance(error, task_register.TaskClassException):
        return Wrong("unknown_task", str(error))
    return Wrong("params", "%s: %s" % (type(error).__name__, error), list_flags(flags) if flags else None)


def list_own_families():
    """Families that are not Luigi's own."""
    from luigi.task_register import Register

    names = set(cls.get_task_family() for cls in Register._reg if not cls.__module__.startswith("luigi.") and is_task(cls))
    return sorted(names)


def is_task(cls):
    import luigi

    return issubclass(cls, luigi.Task) and not issubclass(cls, luigi.Config) and cls._visible_in_registry


def list_flags(flags):
    from luigi.task_register import Register

    try:
        root = [flag for flag in flags if not flag.startswith("-")][0]
        names = [name for name, _ in Register.get_task_cls(root).get_params()]
    except Exception:
        return None
    return "%s takes: %s." % (root, ", ".join("--" + name.replace("_", "-") for name in names) or "no parameters")


def find_class(module, family):
    """The class that this family had while it was planned."""
    from luigi.task_register import Register

    if module not in ("__main__", None):
        importlib.import_module(module)
    found = [cls for cls in Register._reg if cls.__module__ == module and cls.get_task_family() == family]
    return found[-1] if found else Register.get_task_cls(family)


# ---- Parameters


def remember_params(luigi):
    """Luigi looks at every attribute of a class four times for each task that is made, which is most of the time of planning.

    A class may be given parameters later, and others in their place: then it is looked at anew.
    """
    look = luigi.Task.get_params.__func__
    known = {}

    def get_params(cls):
        sizes = tuple(len(vars(each)) for each in cls.__mro__)
        before, params = known.get(cls, (None, ()))
        if before != sizes or not all(getattr(cls, name, None) is param for name, param in params):
            params = look(cls)
            known[cls] = (sizes, params)
        return list(params)

    luigi.Task.get_params = classmethod(get_params)


def is_private(param):
    visibility = getattr(param, "visibility", None)
    return visibility is not None and getattr(visibility, "name", "") == "PRIVATE"


class Params(object):
    """The parameters of the classes of tasks: Luigi looks at each attribute of a class when it is asked for them."""

    def __init__(self, luigi):
        self.known = {}
        # Of these, text and back is known to be the same.
        self.plain = {luigi.Parameter: str, luigi.IntParameter: int, luigi.BoolParameter: bool, luigi.DateParameter: None}

    def of(self, cls):
        if cls not in self.known:
            self.known[cls] = [(name, param, is_private(param), self.plain.get(type(param), "")) for name, param in cls.get_params()]
        return self.known[cls]

    def to_text(self, task):
        """All parameters as text, the names of those that make the identity, and what is wrong with them."""
        texts, significant, problem = {}, [], None
        values = task.param_kwargs
        for name, param, private, plain in self.of(type(task)):
            value = values[name]
            if private:
                problem = problem or self.find_private_problem(task, name, param, value)
                continue
            text = param.serialize(value)
            if plain == "" or (plain is not None and type(value) is not plain):
                wrong = find_text_problem(name, param, value, text)
                if wrong is not None and is_default(task, name, param, value):
                    # A default such as None has no text, and needs none.
                    continue
                problem = problem or wrong
            texts[name] = text
            if param.significant:
                significant.append(name)
        return texts, significant, problem

    def find_private_problem(self, task, name, param, value):
        """The process that runs the task knows its config and environment, but no value that another task gave."""
        if name in self.secrets_of(task.get_task_family()):
            return None
        if is_default(task, name, param, value):
            return None
        return (
            "its parameter %s is private and was given a value, which Sluice must not keep: "
            "set it in luigi.cfg or by default, or name a secret for it: families: { %s: { secrets: { %s: secret('…') } } }"
            % (name, task.get_task_family(), name)
        )

    secrets = {}

    def secrets_of(self, family):
        return self.secrets.get(family, ())


def is_given_by_flag(task, name):
    from luigi.cmdline_parser import CmdlineParser

    parser = CmdlineParser.get_instance()
    if parser is None:
        return False
    known = parser.known_args
    own = name if known.root_task == task.get_task_family() else None
    names = [own, "%s_%s" % (task.get_task_family(), name)]
    return any(each is not None and getattr(known, each, None) is not None for each in names)


def is_default(task, name, param, value):
    try:
        return param.task_value(task.get_task_family(), name) == value and not is_given_by_flag(task, name)
    except Exception:
        return False


def find_text_problem(name, param, value, text):
    """The task is made anew from text in the process that runs it."""
    try:
        if not isinstance(text, str):
            raise TypeError("serialize() returns %s" % type(text).__name__)
        again = param.normalize(param.parse(text))
        again = tuple(again) if isinstance(again, (list, set)) else again
        # Objects without a comparison of their own are known by their text.
        if again == value or (type(again) is type(value) and param.serialize(again) == text):
            return None
        why = "%r becomes %r" % (value, again)
    except Exception as error:
        why = "%s: %s" % (type(error).__name__, error)
    return "its parameter %s does not come through text and back, as it has to for a process of its own: %s" % (name, why)


def instantiate(cls, texts, secrets=()):
    """The task with these texts; private parameters that are secrets come from the environment."""
    given = {}
    for name, param in cls.get_params():
        if name in secrets and name in os.environ:
            given[name] = param.parse(os.environ[name])
        elif name in texts:
            given[name] = param.parse(texts[name])
    return cls(**given)


def instantiate_root(spec, parser):
    if parser is not None and "task" not in spec:
        cls = parser._get_task_cls()
        try:
            return parser.get_task_obj()
        except Exception as error:
            given = {name: getattr(parser.known_args, name, None) for name, _ in cls.get_params()}
            raise explain_params_error(cls, error, given, "--")
    from luigi import task_register

    try:
        cls = task_register.Register.get_task_cls(spec["task"])
    except task_register.TaskClassException as error:
        raise explain_task_error(error, [spec["task"]])
    texts = spec.get("params", {})
    known = [name for name, _ in cls.get_params()]
    unknown = [name for name in texts if name not in known]
    if unknown:
        raise Wrong(
            "params",
            "%s has no parameter %s." % (spec["task"], ", ".join(unknown)),
            "It has: %s." % (", ".join(known) or "none"),
        )
    try:
        return instantiate(cls, texts)
    except Exception as error:
        raise explain_params_error(cls, error, texts, "")


def explain_params_error(cls, error, given, dashes):
    """What Luigi says, with the name of the parameter whose text it cannot read."""
    import luigi

    def shown(name):
        return dashes + (name.replace("_", "-") if dashes else name)

    names = ", ".join(shown(name) for name, _ in cls.get_params())
    hint = "%s takes: %s." % (cls.get_task_family(), names or "no parameters")
    for name, param in cls.get_params():
        text = given.get(name)
        if isinstance(text, str) and not is_private(param):
            try:
                param.normalize(param.parse(text))
            except Exception as wrong:
                return Wrong("params", "%s: %s is %r: %s" % (cls.get_task_family(), shown(name), text, wrong), hint)
    own = isinstance(error, luigi.parameter.ParameterException)
    return Wrong("params", str(error) if own else "%s: %s" % (type(error).__name__, error), hint)


# ---- Planning


class Watch(object):
    """Ends a call of user code that takes too long: by a signal, or with this process if no signal can."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.by_signal = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        self.armed_at = 0
        if self.by_signal:
            signal.signal(signal.SIGALRM, self.ring)

    def ring(self, *_):
        raise TookTooLong()

    def call(self, what, function):
        """The answer, and no problem; or no answer, and the problem."""
        now = time.time()
        if now - self.armed_at > 1:
            faulthandler.dump_traceback_later(self.seconds + GRACE_SECONDS, exit=True)
            self.armed_at = now
        if self.by_signal:
            signal.setitimer(signal.ITIMER_REAL, self.seconds)
        try:
            return function(), None
        except TookTooLong as late:
            problem = describe_exception(what, late)
            problem["message"] = "%s did not end within %g s" % (what, self.seconds)
            return None, problem
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return None, describe_exception(what, error)
        finally:
            if self.by_signal:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def end(self):
        faulthandler.cancel_dump_traceback_later()


def check_complete(task):
    answer = task.complete()
    if answer not in (True, False):
        raise TypeError("complete() must return True or False, and not %r" % (answer,))
    return bool(answer)


class Listings(object):
    """Whether tasks of one level are complete, by one listing of each folder that has many of their targets.

    Only where Luigi's own code would look at each file or object: a class with a complete() of its own, or another kind of target, is asked
    as always, and so is everything in a folder that has much more than what is looked for.
    """

    # With fewer names in a folder, looking at each is as quick.
    least = 8

    def __init__(self, luigi, watch):
        self.luigi = luigi
        self.watch = watch
        self.plain = {}

    def find_complete(self, level):
        """The answers that listings give, by the id of the task."""
        if len(level) < self.least:
            return {}
        places, names = {}, {}
        for task in level:
            located = self.locate_outputs(task)
            if located:
                places[task.task_id] = located
                for folder, name in located:
                    names.setdefault(folder, set()).add(name)
        there = {}
        for folder, wanted in names.items():
            if len(wanted) >= self.least:
                listed, _ = self.watch.call("listing", lambda: folder.list(wanted))
                if listed is not None:
                    there[folder] = listed
        return {
            task_id: all(name in there[folder] for folder, name in located)
            for task_id, located in places.items()
            if all(folder in there for folder, _ in located)
        }

    def locate_outputs(self, task):
        cls = type(task)
        if cls not in self.plain:
            self.plain[cls] = cls.complete is self.luigi.Task.complete
        if not self.plain[cls]:
            return None
        # If it throws, complete() throws the same, and it is told then.
        outputs, _ = self.watch.call("output()", lambda: self.luigi.task.flatten(task.output()))
        located = [self.locate(target) for target in outputs or ()]
        return located if all(located) else None

    def locate(self, target):
        path = getattr(target, "path", None)
        if not isinstance(path, str) or any(sign in path for sign in "*?[{"):
            return None
        # Other systems may find a file under another spelling of its name.
        if type(target) is self.luigi.LocalTarget and sys.platform == "linux":
            own = is_own(type(target.fs), "luigi.local_target", ("exists",))
            folder, name = os.path.split(path)
            return own and name not in ("", ".", "..") and (LocalFolder(folder or "."), name)
        s3 = sys.modules.get("luigi.contrib.s3")
        if s3 is None or type(target) is not s3.S3Target:
            return None
        if not is_own(type(target.fs), "luigi.contrib.s3", ("exists", "isdir", "_exists")):
            return None
        bucket, key = target.fs._path_to_bucket_and_key(path)
        folder, name = key[: key.rfind("/") + 1], key[key.rfind("/") + 1 :]
        return bool(name) and (S3Folder(target.fs, bucket, folder), name)


def is_own(cls, module, methods):
    """Whether a class is Luigi's own, with these methods as Luigi has written them."""
    return cls.__module__ == module and all(getattr(getattr(cls, name, None), "__module__", None) == module for name in methods)


class Folder(object):
    """A place whose names can be listed; equal if it is the same place, reached in the same way."""

    def __eq__(self, other):
        return type(self) is type(other) and self.key == other.key

    def __hash__(self):
        return hash(self.key)


class LocalFolder(Folder):
    def __init__(self, path):
        self.key = path

    def list(self, wanted):
        """The names that are there, or None if they are to be looked at one by one."""
        found, left = set(), 1000 + 20 * len(wanted)
        try:
            entries = os.scandir(self.key)
        except FileNotFoundError:
            return found
        except OSError:
            return None
        with entries:
            for entry in entries:
                left -= 1
                if left < 0:
                    return None
                # A link may lead nowhere.
                if entry.name in wanted and (not entry.is_symlink() or os.path.exists(entry.path)):
                    found.add(entry.name)
        return found


class S3Folder(Folder):
    def __init__(self, fs, bucket, prefix):
        self.fs = fs
        self.bucket = bucket
        self.prefix = prefix
        # Clients with the same options see the same.
        options = getattr(fs, "_options", None)
        self.key = (bucket, prefix, id(fs) if options is None else repr(sorted(options.items(), key=str)))

    def list(self, wanted):
        """The names that are there, as an object or as a folder of objects; None if they are to be looked at one by one."""
        # What comes directly before the first name, in the order in which S3 lists, is a part of it.
        request = {"Bucket": self.bucket, "Prefix": self.prefix, "Delimiter": "/", "StartAfter": self.prefix + min(wanted)[:-1]}
        last = self.prefix + max(wanted) + "_$folder$"
        found = set()
        for _ in range(2 + len(wanted) // 100):
            page = self.fs.s3.meta.client.list_objects_v2(**request)
            keys = [each["Key"] for each in page.get("Contents", ())]
            folders = [each["Prefix"] for each in page.get("CommonPrefixes", ())]
            for key in keys:
                name = key[len(self.prefix) :]
                found.add(name)
                if name.endswith("_$folder$"):
                    found.add(name[: -len("_$folder$")])
            found.update(folder[len(self.prefix) : -1] for folder in folders)
            if not page.get("IsTruncated") or max(keys + folders, default="") > last:
                return found
            request["ContinuationToken"] = page["NextContinuationToken"]
        return None


class Planner(object):
    def __init__(self, luigi, spec, answer):
        self.luigi = luigi
        self.answer = answer
        self.params = Params(luigi)
        self.params.secrets = spec.get("secrets", {})
        self.watch = Watch(spec.get("checkSeconds", 600))
        self.listings = Listings(luigi, self.watch)
        self.jobs = spec.get("jobs") or read_jobs(luigi)
        self.max_tasks = spec.get("maxTasks", 250000)
        self.max_depth = spec.get("maxDepth", 50000)
        worker = luigi.worker.worker()
        self.timeout = worker.timeout or None
        from luigi.task_register import Register

        self.classes = set(Register._reg)
        self.modules = set(sys.modules)
        self.lost = {}
        self.count = 0

    def walk(self, roots):
        """Breadth first; below a complete task nothing is looked at."""
        level, seen = [], set()
        for root in roots:
            if root.task_id not in seen:
                seen.add(root.task_id)
                level.append(root)
        depth = 0
        found_by = {}
        while level:
            depth += 1
            if depth > self.max_depth:
                self.stop_endless(level[0], found_by, "more than %d tasks below each other" % self.max_depth)
            below = []
            for task, (is_complete, problem) in zip(level, self.ask_complete(level)):
                deps = self.describe(task, is_complete, problem)
                for dep in deps:
                    if dep.task_id not in seen:
                        seen.add(dep.task_id)
                        found_by[dep.task_id] = task
                        below.append(dep)
                if len(seen) > self.max_tasks:
                    self.stop_endless(task, found_by, "more than %d tasks" % self.max_tasks)
            level = below
        self.watch.end()

    def stop_endless(self, task, found_by, what):
        chain = [task]
        while chain[-1].task_id in found_by and len(chain) < self.max_tasks:
            chain.append(found_by[chain[-1].task_id])
        names = [str(each) for each in reversed(chain)]
        shown = names if len(names) <= 8 else names[:4] + ["… %d more …" % (len(names) - 8)] + names[-4:]
        raise Wrong(
            "endless",
            "Nothing was started: planning found %s: %s" % (what, " → ".join(shown)),
            "`requires` has to come to an end. If so many tasks are meant, set `plans: { maxTasks, maxDepth }` in the config.",
        )

    def ask_complete(self, level):
        """An answer for each task, in order."""
        known = self.listings.find_complete(level)
        answers = self.ask_singly([task for task in level if task.task_id not in known])
        for task in level:
            yield (known[task.task_id], None) if task.task_id in known else next(answers)

    def ask_singly(self, level):
        if self.jobs <= 1 or len(level) < 2:
            for task in level:
                yield self.watch.call("complete()", lambda: check_complete(task))
            return
        from concurrent.futures import ThreadPoolExecutor

        def ask(task):
            try:
                return check_complete(task), None
            except BaseException as error:
                return None, describe_exception("complete()", error)

        with ThreadPoolExecutor(self.jobs) as pool:
            for answer in pool.map(ask, level):
                self.watch.call("complete()", lambda: None)
                yield answer

    def describe(self, task, is_complete, problem):
        """Tells of one task; returns what it requires."""
        deps = []
        is_external = task.run is None or task.run == NotImplemented
        if problem is None and not is_complete and not is_external:
            deps, problem = self.watch.call("requires()", lambda: self.list_deps(task))
            deps = deps or []
        line = self.make_line(task)
        if is_complete:
            line["complete"] = True
        elif is_external:
            line["external"] = True
        if deps:
            line["deps"] = [dep.task_id for dep in deps]
        if problem is None and not is_complete and task.disabled:
            problem = {"message": "it is disabled (its attribute `disabled` is true)"}
        if problem is not None and "problem" not in line:
            line["problem"] = problem
        if "problem" in line:
            line.pop("deps", None)
            deps = []
        self.count += 1
        self.answer(line)
        return deps

    def list_deps(self, task):
        deps = task.deps()
        for dep in deps:
            if not isinstance(dep, self.luigi.Task):
                raise TypeError("requires() must return tasks, and not %r" % (dep,))
            if not hasattr(dep, "task_id"):
                raise TypeError("%s did not call super().__init__()" % type(dep).__name__)
        return deps

    def make_line(self, task):
        cls = type(task)
        line = {"id": task.task_id, "family": task.get_task_family(), "module": cls.__module__}
        try:
            texts, significant, problem = self.params.to_text(task)
        except Exception as error:
            texts, significant, problem = {}, [], str(error)
        line["params"] = texts
        if len(significant) < len(texts):
            line["significant"] = significant
        problem = problem or self.find_class_problem(cls)
        if problem:
            line["problem"] = {"message": problem}
        try:
            self.add_policy(task, line)
        except Exception as error:
            line.setdefault("problem", describe_exception("an attribute of the task", error))
        return line

    def add_policy(self, task, line):
        if task.priority:
            line["priority"] = float(task.priority)
        resources = task.process_resources() if hasattr(task, "process_resources") else task.resources
        if resources:
            line["resources"] = {str(name): float(count) for name, count in dict(resources).items()}
        if task.retry_count is not None:
            line["retries"] = int(task.retry_count)
        timeout = task.worker_timeout if task.worker_timeout is not None else self.timeout
        if timeout:
            line["timeout"] = float(timeout)

    def find_class_problem(self, cls):
        """The process that runs the task imports the module anew, and finds only what is there then."""
        if cls in self.classes:
            return None
        if cls not in self.lost:
            is_lost = "<locals>" in cls.__qualname__ and cls.__module__ in self.modules
            self.lost[cls] = (
                "its class %s is made while other code runs, so that a process of its own cannot find it in the module %s"
                % (cls.__qualname__, cls.__module__)
                if is_lost
                else None
            )
        return self.lost[cls]


def read_jobs(luigi):
    """Luigi's own setting says whether tasks may be asked at the same time."""
    core = luigi.interface.core()
    if not getattr(core, "parallel_scheduling", False):
        return 1
    return getattr(core, "parallel_scheduling_processes", 0) or os.cpu_count() or 1


def make_header(luigi, root, params):
    texts, significant, problem = params.to_text(root)
    if problem:
        raise Wrong("params", "%s: %s." % (root.get_task_family(), problem))
    header = {
        "sluice": 1,
        "luigi": read_luigi_version(luigi),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "root": {"family": root.get_task_family(), "params": texts, "significant": significant},
        "notes": list_notes(luigi),
    }
    workers = luigi.interface.core().workers
    if workers != 1:
        header["workers"] = workers
    header.update(read_settings(luigi))
    return header


def read_settings(luigi):
    """What luigi.cfg says for all tasks."""
    config = luigi.configuration.get_config()
    settings = {"resources": read_resources(config)}
    for key, section, name in (("retries", "scheduler", "retry_count"), ("delay", "scheduler", "retry_delay")):
        value = read_number(config, section, name)
        if value is not None:
            settings[key] = value
    return settings


def read_number(config, section, name):
    for each in (name, name.replace("_", "-")):
        value = config.get(section, each, None)
        if value is not None:
            return float(value)
    return None


def read_resources(config):
    try:
        return {str(name): float(value) for name, value in dict(config.getintdict("resources")).items()}
    except Exception:
        return {}


def list_notes(luigi):
    """What means nothing here, a sentence for each kind, with the families that have it."""
    from luigi.task_register import Register

    kinds = (
        (lambda cls: cls.batch_param_names(), "each task runs alone, though its parameters have a batch_method"),
        (
            lambda cls: not isinstance(cls.accepts_messages, property) and cls.accepts_messages,
            "no scheduler sends messages, though it sets accepts_messages",
        ),
    )
    notes = []
    own = [cls for cls in Register._reg if not cls.__module__.startswith("luigi.") and is_task(cls)]
    for has, told in kinds:
        families = []
        for cls in own:
            try:
                if has(cls):
                    families.append(cls.get_task_family())
            except Exception:
                pass
        if families:
            more = "" if len(families) <= 3 else " and %d more" % (len(families) - 3)
            notes.append("%s%s: %s" % (", ".join(families[:3]), more, told))
    return notes


# ---- Running one task


class Events(object):
    """The file of events: what the attempt tells of itself while it runs."""

    def __init__(self):
        self.path = os.environ.get("SLUICE_EVENTS")
        self.percentage = None
        self.message = None
        self.url = None

    def write(self, event):
        if self.path:
            with open(self.path, "a") as file:
                file.write(json.dumps(event) + "\n")

    def tell(self):
        text = " ".join(str(part) for part in (self.message, self.url) if part)[:200]
        progress = {"done": self.percentage or 0}
        if self.percentage is not None:
            progress["total"] = 100
        if text:
            progress["text"] = text
        self.write({"progress": progress})


class Reporter(object):
    """Stands where Luigi's worker has what reports to the scheduler."""

    def __init__(self, events, messages):
        self.events = events
        self.scheduler_messages = messages

    def update_tracking_url(self, tracking_url):
        print("tracking URL: %s" % tracking_url)
        self.events.url = tracking_url
        self.events.tell()

    def update_status_message(self, message):
        self.events.message = message
        self.events.tell()

    def update_progress_percentage(self, percentage):
        self.events.percentage = percentage
        self.events.tell()

    def decrease_running_resources(self, decrease_resources):
        """A resource is held until the attempt has ended."""

    def report_task_statistics(self, statistics):
        pass


class Results(object):
    """Stands where Luigi's worker has the queue of results."""

    def __init__(self):
        self.result = None

    def put(self, result):
        self.result = result


def run_task(luigi, spec, wanted):
    # Which process this is: a task may fork, and forget to end the child.
    own = os.getpid()
    cls = find_class(wanted["module"], wanted["family"])
    secrets = spec.get("secrets", {}).get(wanted["family"], ())
    task = instantiate(cls, wanted["params"], secrets)
    events = Events()
    if task.run is None or task.run == NotImplemented:
        return await_external(task, spec, events)
    # What a wrapper requires is complete, so it is as well; its handlers are for this moment.
    if not isinstance(task, luigi.WrapperTask) and ask_once(task, spec):
        # Another run has made it meanwhile, or the attempt before this one has, and died before it could say so.
        print("%s is complete already" % task)
        events.write({"result": None})
        return 0
    results = Results()
    reporter = Reporter(events, queue.Queue() if task.accepts_messages else None)
    process = make_process(luigi, task, results, reporter)
    process.run()
    if os.getpid() != own:
        os._exit(0)
    _, status, explanation, missing, new_deps = results.result
    if status == luigi.worker.DONE:
        # Exit code 0 alone proves nothing: user code may have ended the process.
        events.write({"result": None})
        return 0
    if new_deps:
        return yield_tasks(luigi, spec, new_deps)
    events.write({"failure": process.failure or {"message": str(explanation or "it failed")[:1000]}})
    return 1


def ask_once(task, spec):
    watch = Watch(spec.get("checkSeconds", 600))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        is_complete, _ = watch.call("complete()", lambda: check_complete(task))
    watch.end()
    return is_complete


def await_external(task, spec, events):
    """Looks until what the task stands for is there: its own timeout is how long at most."""
    watch = Watch(spec.get("checkSeconds", 600))
    while True:
        is_complete, problem = watch.call("complete()", lambda: check_complete(task))
        watch.end()
        if problem is not None:
            events.write({"failure": problem})
            return 1
        if is_complete:
            events.write({"result": None})
            return 0
        print("%s is not complete yet; it is looked for again in %d s" % (task, POLL_SECONDS))
        sys.stdout.flush()
        time.sleep(POLL_SECONDS)


def make_process(luigi, task, results, reporter):
    config = luigi.worker.worker()
    options = {
        "use_multiprocessing": False,
        "worker_timeout": 0,
        "check_unfulfilled_deps": config.check_unfulfilled_deps,
        "check_complete_on_run": getattr(config, "check_complete_on_run", False),
    }
    known = inspect.signature(luigi.worker.TaskProcess.__init__).parameters
    options = {name: value for name, value in options.items() if name in known}

    class Process(luigi.worker.ContextManagedTaskProcess):
        """Luigi's own, which remembers why it failed."""

        failure = None

        def _handle_run_exception(self, error):
            told = describe_exception("run()", error)
            line = traceback.format_exception_only(type(error), error)[-1].strip()
            self.failure = {"message": line[:1000], "stack": told["stack"]}
            return super(Process, self)._handle_run_exception(error)

    return Process(getattr(config, "task_process_context", None), task, "sluice", results, reporter, **options)


def yield_tasks(luigi, spec, new_deps):
    """Writes what `yield` asks for, with all that it needs, where Sluice reads it."""
    roots = []
    for module, family, texts in new_deps:
        roots.append(instantiate(find_class(module, family), texts))
    return yield_graph(luigi, spec, roots)


def yield_graph(luigi, spec, roots):
    with open(os.environ["SLUICE_REQUIRES"], "w") as file:

        def answer(line):
            file.write(json.dumps(line) + "\n")

        answer(dict(read_settings(luigi), roots=[root.task_id for root in roots]))
        planner = Planner(luigi, spec, answer)
        planner.walk(roots)
        answer({"end": planner.count})
    return YIELDS


def plan_in_run(spec):
    """What has to be corrected is written in the place of the tasks: another attempt would only find the same."""
    try:
        luigi = load_luigi()
        remember_params(luigi)
        set_up_logging(luigi)
        import_root_module(spec["module"], spec.get("seed"))
        with parsed_flags(spec) as parser:
            root = instantiate_root(spec, parser)
            params = Params(luigi)
            params.secrets = spec.get("secrets", {})
            for note in make_header(luigi, root, params)["notes"]:
                print(note)
            return yield_graph(luigi, spec, [root])
    except Wrong as wrong:
        with open(os.environ["SLUICE_REQUIRES"], "w") as file:
            file.write(json.dumps(wrong.answer) + "\n")
        return YIELDS


# ---- The command


def plan(luigi, spec, answer, is_whole):
    with parsed_flags(spec) as parser:
        root = instantiate_root(spec, parser)
        planner = Planner(luigi, spec, answer)
        answer(make_header(luigi, root, planner.params))
        if is_whole:
            planner.walk([root])
            answer({"end": planner.count})
    return 0


def tell_complete(luigi, spec, answer):
    watch = Watch(spec.get("checkSeconds", 600))
    with parsed_flags(spec):
        for number, line in enumerate(sys.stdin):
            wanted = json.loads(line)

            def ask():
                cls = find_class(wanted["module"], wanted["family"])
                secrets = spec.get("secrets", {}).get(wanted["family"], ())
                return check_complete(instantiate(cls, wanted["params"], secrets))

            is_complete, problem = watch.call("complete()", ask)
            answer({"number": number, "complete": bool(is_complete), "problem": problem and problem["message"]})
    watch.end()
    return 0


def main(arguments):
    mode, spec = arguments[0], json.loads(arguments[1])
    # As `python -m luigi` does: modules are found in the working folder, and this file's folder is nobody's.
    sys.path[0] = os.getcwd()
    if mode == "plan-in-run":
        return plan_in_run(spec)
    if mode == "run":
        luigi = load_luigi()
        set_up_logging(luigi)
        wanted = json.loads(arguments[2])
        import_root_module(spec["module"], wanted.get("seed"))
        with parsed_flags(spec):
            return run_task(luigi, spec, wanted)
    # What user code prints is no answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(line):
        answers.write(json.dumps(line) + "\n")

    try:
        luigi = load_luigi()
        remember_params(luigi)
        warnings.simplefilter("ignore")
        logging.getLogger("luigi-interface").addHandler(logging.NullHandler())
        import_root_module(spec["module"], spec.get("seed"))
        if mode == "complete":
            return tell_complete(luigi, spec, answer)
        return plan(luigi, spec, answer, mode == "plan")
    except Wrong as wrong:
        answer(wrong.answer)
        return WRONG
    finally:
        answers.flush()


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except Wrong as wrong_use:
        sys.stderr.write("%s\n%s\n" % (wrong_use, wrong_use.answer["hint"] or ""))
        code = 1
    sys.stdout.flush()
    sys.exit(code)
