"""What MiniStack's ECS lacks for tasks of two containers: volumes that they share, one that waits until the other is healthy, lines that
one gets of the other by FireLens, containers that do not start, and a stop in the order in which ECS stops them; and entry points.
"""
import functools, logging, os, socket, struct, threading, time
from ministack.services import ecs as _ecs, ecs_metadata as _metadata
log = logging.getLogger("programs")
_here = os.getcwd()
_now = threading.local()

class _NotStarted(Exception):
    """A container that is not essential did not start: its task goes on."""

class _Over(Exception):
    """The task stopped while one of its containers waited for another."""

def _note(task, index, **fields):
    """Says of a container what has become of it, to the API and to the metadata endpoint."""
    container = task["containers"][index]
    container.update(fields)
    with _metadata._LOCK:
        for each in (_metadata._TASKS.get(task["taskArn"]) or {}).get("Containers", []):
            if each.get("Name") == container["name"] and container.get("lastStatus"):
                each["KnownStatus"] = container["lastStatus"]
                if container.get("exitCode") is not None:
                    each["ExitCode"] = container["exitCode"]

def _index_of(task, name):
    return [each["name"] for each in task["containers"]].index(name)

# ---- volumes of one task, which are empty and belong to root; the socket of its log router -------
def _folder(*parts):
    path = os.path.join(_here, "tasks", *parts)
    os.makedirs(path, exist_ok=True)
    return path

_kwargs = _ecs._build_run_kwargs
def _with_volumes(cdef, td, env, ports, network, host_mode, task_id, *rest):
    kw = _kwargs(cdef, td, env, ports, network, host_mode, task_id, *rest)
    # CloudFormation leaves the names of their keys as they are in a template.
    named = {v.get("name") or v.get("Name") for v in td.get("volumes", [])}
    binds = list(kw.get("volumes") or [])
    for mount in cdef.get("mountPoints", []):
        if mount["sourceVolume"] in named:
            mode = "ro" if mount.get("readOnly") else "rw"
            binds.append(f'{_folder(task_id, mount["sourceVolume"])}:{mount["containerPath"]}:{mode}')
    if cdef.get("firelensConfiguration"):
        binds.append(f'{_folder(task_id, "firelens")}:/var/run:rw')
    if binds:
        kw["volumes"] = binds
    if cdef.get("entryPoint"):
        kw["entrypoint"] = cdef["entryPoint"]
    # An override of the size is a limit, which this machine does not enforce.
    return kw
_ecs._build_run_kwargs = _with_volumes

# ---- a container that depends on a healthy one waits; one that is not essential may not start ----
def _wait_until_healthy(client, task, td, name):
    cdef = next(each for each in td["containerDefinitions"] if each["name"] == name)
    command = cdef["healthCheck"]["command"]
    probe = ["/bin/sh", "-c", command[1]] if command[0] == "CMD-SHELL" else command[1:]
    index = _index_of(task, name)
    while True:
        if not _ecs._task_is_active(task["taskArn"], task) or task.get("_stopping"):
            raise _Over()
        container = client.containers.get(task["_docker_ids"][index])
        container.reload()
        if container.status == "exited":
            code = container.wait().get("StatusCode", 0)
            _note(task, index, lastStatus="STOPPED", exitCode=code)
            _ecs._mark_task_stopped(task["taskArn"], task, "Essential container in task exited",
                                    "EssentialContainerExited")
            raise _Over()
        try:
            if container.exec_run(probe).exit_code == 0:
                return
        except Exception:
            pass
        time.sleep(0.2)

_run = _ecs._run_docker_container
def _run_container(client, cdef, kwargs, **more):
    task, td = _now.task, _now.td
    for each in cdef.get("dependsOn", []):
        if each.get("condition") == "HEALTHY":
            _wait_until_healthy(client, task, td, each["containerName"])
    try:
        # A name of no registry would be looked for until the network gives up.
        if cdef["image"].startswith("registry.test/"):
            client.images.get(cdef["image"])
        container = _run(client, cdef, kwargs, **more)
        with _metadata._LOCK:
            for each in (_metadata._TASKS.get(task["taskArn"]) or {}).get("Containers", []):
                if each.get("Name") == cdef["name"]:
                    each["ImageID"] = container.image.id
        if task.get("enableExecuteCommand"):
            # The agent of ECS Exec, which lets people in; the session itself is not there.
            _note(task, _index_of(task, cdef["name"]), runtimeId=container.id, imageDigest=container.image.id,
                  managedAgents=[{"name": "ExecuteCommandAgent", "lastStatus": "RUNNING"}])
        return container
    except Exception as error:
        if cdef.get("essential", True):
            raise
        text = str(error)
        missing = type(error).__name__ == "ImageNotFound"
        kind = "CannotPullContainerError" if missing else "CannotStartContainerError"
        _note(task, _index_of(task, cdef["name"]), lastStatus="STOPPED", reason=f"{kind}: {text}")
        raise _NotStarted() from error
_ecs._run_docker_container = _run_container

_start = _ecs._start_task_worker
def _start_task(task, td, overrides, client):
    _now.task, _now.td = task, td
    try:
        return _start(task, td, overrides, client)
    except _NotStarted:
        _ecs._mark_task_running(task["taskArn"], task)
    except _Over:
        _ecs._cleanup_task_resources(task, client)
_ecs._start_task_worker = _start_task

# ---- the metadata endpoint says when one container has stopped -----------------------------------
_look = _ecs._maybe_mark_stopped
def _look_and_tell(task, client=None):
    if task.get("_stopping"):
        return
    _look(task, client)
    for index, container in enumerate(task.get("containers", [])):
        if container.get("lastStatus") == "STOPPED":
            _note(task, index)
_ecs._maybe_mark_stopped = _look_and_tell

# ---- StopTask answers at once; containers stop in reverse order, each within its time ------------
STOP_SECONDS = (5, 20)
def _stop_containers(task, account, region, reason, emit):
    with _ecs.request_scope(account, region):
        client = _ecs._get_docker()
        ids = list(task.get("_docker_ids") or [])
        for index in reversed(range(len(ids))):
            try:
                container = client.containers.get(ids[index])
                container.stop(timeout=STOP_SECONDS[0] if index > 0 else STOP_SECONDS[1])
                code = container.wait().get("StatusCode", 137)
            except Exception:
                log.exception("a container was not stopped")
                code = 137
            if task["containers"][index].get("exitCode") is None:
                _note(task, index, lastStatus="STOPPED", exitCode=code)
        task["_stopping"] = False
        emit(task["taskArn"], task, reason)
        _ecs._cleanup_task_resources(task, client)

def make_stop(mark):
    """StopTask; `mark` says that a task has stopped, and tells the event."""
    stop = _ecs._stop_task
    @functools.wraps(stop)
    def stop_task(data):
        cluster = _ecs._resolve_cluster_name(data.get("cluster", "default"))
        task = cluster and _ecs._resolve_task(data.get("task", ""), cluster)
        if not task or task["lastStatus"] == "STOPPED":
            return stop(data)
        if not task.get("_stopping"):
            task["_stopping"] = True
            _metadata.set_task_status(task["taskArn"], desired_status="STOPPED")
            threading.Thread(target=_stop_containers, daemon=True, args=(
                task, _ecs.get_account_id(), _ecs.get_region(), data.get("reason", "Task stopped by user"), mark)).start()
        return _ecs.json_response({"task": {**_ecs._sanitize(task), "desiredStatus": "STOPPED"}})
    return stop_task

# ---- FireLens: lines go to the socket of the log router, as Docker's Fluentd driver sends them ---
# https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
def _packed(value):
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value)
    if isinstance(value, str):
        raw = value.encode()
        return struct.pack(">BI", 0xDB, len(raw)) + raw
    if isinstance(value, list):
        return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(_packed, value))
    return struct.pack(">BI", 0xDF, len(value)) + b"".join(_packed(k) + _packed(v) for k, v in value.items())

LONGEST = 16 * 1024
def _forward(container, name, task_id, source):
    path = os.path.join(_folder(task_id, "firelens"), "fluent.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        def send(text, **part):
            record = {"container_id": container.id, "container_name": f"/{name}", "source": source, "log": text, **part}
            sock.sendall(_packed([f"{name}-firelens-{task_id}", int(time.time()), record]))
        rest = b""
        for chunk in container.logs(stream=True, follow=True, stdout=source == "stdout", stderr=source == "stderr"):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                parts = [line[at:at + LONGEST] for at in range(0, len(line), LONGEST)] or [b""]
                for number, part in enumerate(parts):
                    is_last = number == len(parts) - 1
                    more = {} if len(parts) == 1 else {
                        "partial_message": "true", "partial_last": "true" if is_last else "false"}
                    send(part.decode(errors="replace"), **more)
        if rest:
            send(rest.decode(errors="replace"))

_forwarder = _ecs._start_awslogs_forwarder
def _start_forwarder(container, cdef, task_id):
    if (cdef.get("logConfiguration") or {}).get("logDriver") != "awsfirelens":
        return _forwarder(container, cdef, task_id)
    for source in ("stdout", "stderr"):
        threading.Thread(target=_forward, args=(container, cdef["name"], task_id, source), daemon=True).start()
_ecs._start_awslogs_forwarder = _start_forwarder
