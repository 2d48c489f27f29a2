"""What MiniStack's RunTask lacks, the token under which nothing starts twice; and what ECS does wrong at times, as a test asks for in
ecs-faults.json: `run`: a list of what becomes of the next requests (`throttled`, `no capacity`, `cut before`, `cut after`, `ok`),
`events`: what becomes of events of stopped tasks (`lost`, `twice`, `late`).
"""
import contextvars, functools, json, os, threading, time
from ministack.services import ecs as _ecs
FILE = "ecs-faults.json"
_lock = threading.Lock()

def _faults():
    try:
        with open(FILE) as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}

def _next_run():
    with _lock:
        faults = _faults()
        asked = faults.get("run") or []
        if not asked:
            return "ok"
        with open(FILE + ".new", "w") as file:
            json.dump({**faults, "run": asked[1:]}, file)
        os.replace(FILE + ".new", FILE)
        return asked[0]

# ---- RunTask under a token starts once ----------------------------------------------------------
_by_token = {}
_run = _ecs._run_task
@functools.wraps(_run)
def _run_task(data):
    fault = _next_run()
    if fault == "throttled":
        return _ecs.error_response_json("InvalidParameterException", "Rate exceeded.", 400)
    if fault == "no capacity":
        return _ecs.error_response_json(
            "ClientException", "Capacity is unavailable at this time. Please try again later or in a different availability zone", 400)
    if fault == "cut before":
        return _ecs.error_response_json("ServerException", "cut before the task was started", 500)
    answer = _run_once(data)
    return _ecs.error_response_json("ServerException", "cut after the task was started", 500) if fault == "cut after" else answer
def _run_once(data):
    token = data.get("clientToken")
    known = _by_token.get(token) if token else None
    if known and known[0] == data:
        return _ecs.json_response({"tasks": [_ecs._sanitize(_ecs._tasks[arn]) for arn in known[1]], "failures": []})
    if known:
        return _ecs.error_response_json(
            "ConflictException", "The provided clientToken is already in use with a different RunTask request.", 400)
    answer = _run(data)
    body = answer[-1]
    tasks = json.loads(body).get("tasks", []) if isinstance(body, (str, bytes)) else []
    if token and tasks:
        _by_token[token] = (data, [task["taskArn"] for task in tasks])
    return answer
_ecs._run_task = _ecs._ACTION_MAP["RunTask"] = _run_task

# ---- events of stopped tasks may be lost, come twice, or late -----------------------------------
LATE_SECONDS = 12
def tell(task, emit):
    """Has the state of a task told by `emit`, as often and as late as a test asks for."""
    how = _faults().get("events") if task.get("lastStatus") == "STOPPED" else None
    if how == "lost":
        return
    if how == "late":
        context = contextvars.copy_context()
        threading.Timer(LATE_SECONDS, lambda: context.run(emit, task)).start()
        return
    emit(task)
    if how == "twice":
        emit(task)
