"""Starts MiniStack 1.5.33 with what it lacks for containers, logs, errors of functions and IAM:
 - publishes `ECS Task State Change` to the default EventBridge bus
 - passes entryPoint / user / workingDirectory of the container definition to Docker
 - gives containers the credentials of their roles, and notes what every role asks for in requests.jsonl
"""
import copy, functools, json, logging
from ministack.services import ecs as _ecs
from ministack.core.responses import get_account_id, get_region, new_uuid
import ecs_faults as _faults
log = logging.getLogger("launcher")

def _emit(task):
    try:
        from ministack.services import eventbridge as _eb
        d = {k: v for k, v in copy.deepcopy(task).items() if not k.startswith("_") and v is not None}
        for k in [k for k in d if k.endswith("At")]:
            d[k] = str(d[k])
        _eb._dispatch_event({
            "EventId": new_uuid(), "Source": "aws.ecs", "DetailType": "ECS Task State Change",
            "Detail": json.dumps(d, default=str), "EventBusName": "default",
            "Time": _ecs._iso(), "Resources": [task["taskArn"]],
            "Account": get_account_id(), "Region": get_region()})
    except Exception:
        log.exception("ECS state change event failed")

def _wrap(name):
    orig = getattr(_ecs, name)
    @functools.wraps(orig)
    def inner(task_arn, task, *a, **k):
        r = orig(task_arn, task, *a, **k)
        if r:
            _faults.tell(task, _emit)
        return r
    setattr(_ecs, name, inner)
_bare_stopped = _ecs._mark_task_stopped
for n in ("_mark_task_pending", "_mark_task_running", "_mark_task_stopped"):
    _wrap(n)

# ---- host networking: containers reach MiniStack at 127.0.0.1 -------------
_orig_kwargs = _ecs._build_run_kwargs
def _kw(cdef, *a, **k):
    kw = _orig_kwargs(cdef, *a, **k)
    kw.pop("network", None); kw.pop("extra_hosts", None); kw.pop("ports", None)
    kw["network_mode"] = "host"
    if cdef.get("entryPoint"): kw["entrypoint"] = cdef["entryPoint"]
    if cdef.get("user"): kw["user"] = cdef["user"]
    if cdef.get("workingDirectory"): kw["working_dir"] = cdef["workingDirectory"]
    return kw
_ecs._build_run_kwargs = _kw

_orig_md = _ecs._register_metadata
def _md(task_arn, cluster_arn, td, cdef, launch_type, env, host_mode, ip):
    tok = _orig_md(task_arn, cluster_arn, td, cdef, launch_type, env, True, None)
    env.setdefault("AWS_REGION", get_region()); env.setdefault("AWS_DEFAULT_REGION", get_region())
    return tok
_ecs._register_metadata = _md

# ---- CloudFormation leaves nested keys (secrets, ...) in PascalCase --------
from ministack.services.cloudformation import provisioners as _prov
_RAW = {"options", "dockerLabels"}          # free-form maps: keys must stay as they are
def _camel(v, key=None):
    if isinstance(v, list): return [_camel(x) for x in v]
    if isinstance(v, dict):
        out = {}
        for k, x in v.items():
            ck = k[:1].lower() + k[1:] if key not in _RAW else k
            out[ck] = x if ck in _RAW else _camel(x, ck)
        return out
    return v
_orig_norm = _prov._normalize_container_defs
_prov._normalize_container_defs = lambda defs: [_camel(d) for d in _orig_norm(defs)]

# ---- Ref of AWS::SecretsManager::Secret is a name in MiniStack, an ARN on AWS
_orig_sec = _ecs._resolve_container_secrets
def _sec(cdef):
    from ministack.services import secretsmanager as _sm
    out = []
    for s in cdef.get("secrets", []):
        s = {"name": s.get("name") or s.get("Name"), "valueFrom": s.get("valueFrom") or s.get("ValueFrom", "")}
        vf = s["valueFrom"]
        if "secretsmanager" not in vf:
            head = vf.split(":")[0]
            rec = _sm._secrets.get(head)
            if rec: s["valueFrom"] = rec["ARN"] + vf[len(head):]
        out.append(s)
    return _orig_sec({**cdef, "secrets": out})
_ecs._resolve_container_secrets = _sec

# ---- tasks of several containers, and how they stop: told when the containers have stopped -------
import programs as _programs
def _told_stopped(task_arn, task, reason):
    if _bare_stopped(task_arn, task, reason, "UserInitiated", exit_code=137):
        _faults.tell(task, _emit)
_ecs._stop_task = _ecs._ACTION_MAP["StopTask"] = _programs.make_stop(_told_stopped)

# ---- ECR DescribeImages must fail for an absent tag, or `cdk deploy` believes
#      that the image asset was already pushed and skips build + push ----------
from ministack.services import ecr as _ecr
from ministack.core.responses import error_response_json
_di = _ecr._describe_images
def _describe_images(data):
    r = _di(data)
    ids = data.get("imageIds") or []
    if ids and r[0] == 200:
        body = r[2]
        if isinstance(body, (bytes, bytearray)): body = body.decode()
        if len(json.loads(body).get("imageDetails", [])) < len(ids):
            return error_response_json("ImageNotFoundException", "The image requested does not exist within the repository", 400)
    return r
_ecr._describe_images = _describe_images

# ---- Lambda errorType: AWS reports error.name (States.Catch matches on it);
#      MiniStack always says Runtime.HandlerError -------------------------------
import threading as _th
from ministack.core import lambda_runtime as _lr
from ministack.services import lambda_svc as _ls
_tl = _th.local()
_lr._NODEJS_WORKER_SCRIPT = (_lr._NODEJS_WORKER_SCRIPT
    .replace('status: "error", error: e.message, trace: e.stack', 'status: "error", error: e.message, errName: e.name, trace: e.stack')
    .replace('error: String(err.message || err), trace', 'error: String(err.message || err), errName: err.name, trace'))
_inv = _lr.Worker.invoke
def _invoke(self, *a, **k):
    r = _inv(self, *a, **k); _tl.name = r.get("errName") if isinstance(r, dict) else None; return r
_lr.Worker.invoke = _invoke
_ex = _ls._execute_function_warm
def _exec(*a, **k):
    _tl.name = None; r = _ex(*a, **k)
    if getattr(_tl, "name", None) and isinstance(r, dict) and isinstance(r.get("body"), dict) and r["body"].get("errorType") == "Runtime.HandlerError":
        r["body"]["errorType"] = _tl.name
    return r
_ls._execute_function_warm = _exec

# ---- a function that fails fails its state, also where the state waits for a token;
#      MiniStack goes on waiting for ever ---------------------------------------
from ministack.services import stepfunctions as _sf
_waiting = _th.local()
_machines = {}
_orig_callback = _sf._invoke_with_callback
def _with_callback(resource, input_data, token, state_def):
    _waiting.token = token
    execution = (input_data.get("Payload") or {}).get("execution", "")
    _machines[token] = ":".join(execution.split(":")[:-1]).replace(":execution:", ":stateMachine:")
    try:
        return _orig_callback(resource, input_data, token, state_def)
    finally:
        _waiting.token = None
_sf._invoke_with_callback = _with_callback

_orig_call_lambda = _sf._call_lambda
def _call_lambda(*a, **k):
    try:
        return _orig_call_lambda(*a, **k)
    except _sf._ExecutionError as error:
        info = _sf._task_tokens.get(getattr(_waiting, "token", None))
        if info is not None:
            info["error"] = {"Error": error.error, "Cause": error.cause}
            info["event"].set()
        raise
_sf._call_lambda = _call_lambda

# ---- containers that do not start, as a test asks for: outage.json names families and why ------
_worker = _ecs._run_task_worker
def _start(task, definition, overrides, client, account, region, *a, **k):
    try:
        outage = json.load(open("outage.json"))
    except FileNotFoundError:
        outage = {}
    why = outage.get(definition.get("family"))
    if why is None:
        return _worker(task, definition, overrides, client, account, region, *a, **k)
    with _ecs.request_scope(account, region):
        _ecs._fail_task_start(task, client, why)
_ecs._run_task_worker = _start

# ---- containers have the credentials of their task's role -----------------------------------
import hashlib, time
from ministack.services import imds as _imds, sts as _sts
_task_roles = {}
def _role_credentials(path):
    role_arn, session_name = _task_roles[path]
    digest = hashlib.sha256(f"{path}:{role_arn}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest, digest[::-1]
    role = role_arn.rsplit("/", 1)[-1]
    until = time.time() + 6 * 3600
    _sts.register_session(key, {
        "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{role}/{session_name}",
        "UserId": f"{role}:{session_name}", "SecretAccessKey": secret, "SessionToken": token})
    return {"AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "RoleArn": role_arn,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))}

_imds_request = _imds.handle_request
async def _credentials(method, path, headers, body, query_params):
    if path not in _task_roles:
        return await _imds_request(method, path, headers, body, query_params)
    return _imds._json_resp(_role_credentials(path))
_imds.handle_request = _credentials

_host_md = _ecs._register_metadata
def _md_with_role(task_arn, cluster_arn, td, cdef, launch_type, env, host_mode, ip):
    tok = _host_md(task_arn, cluster_arn, td, cdef, launch_type, env, host_mode, ip)
    path = "/v2/credentials/" + env["AWS_CONTAINER_CREDENTIALS_FULL_URI"].rsplit("/", 1)[-1]
    if td.get("taskRoleArn"):
        _task_roles[path] = (td["taskRoleArn"], task_arn.rsplit("/", 1)[-1])
    return tok
_ecs._register_metadata = _md_with_role

# ---- IAM, which MiniStack enforces with AUTH=true: what ECS is asked for, as IAM sees it -------
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
import contextvars
from ministack.core import iam_actions as _actions, iam_evaluator as _iam
# Queues and buckets take TLS only, and the emulator has none: every request counts as one that came by it.
class _Secure:
    def get(self): return ("127.0.0.1", True)
    def set(self, value): return None
_iam._request_origin = _Secure()
_also = contextvars.ContextVar("also", default=())
_of_resource = _actions.extract_resource_arn
def _resource_of(service, method, path, headers, body, params, region, account):
    found = _of_resource(service, method, path, headers, body, params, region, account)
    if service == "states" and "SendTask" in headers.get("x-amz-target", ""):
        # The machine of the execution that waits for the token.
        return _machines.get(json.loads(body)["taskToken"], found)
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html: tags alone are the group's.
    if service == "logs" and "Tag" not in headers.get("x-amz-target", "") and ":log-group:" in found:
        return found + ":log-stream:"
    if service != "ecs":
        return found
    told = json.loads(body or b"{}")
    arn = lambda rest: f"arn:aws:ecs:{region}:{account}:{rest}"
    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    if action == "RunTask":
        return arn("task-definition/" + (_ecs._resolve_td_key(told.get("taskDefinition", "")) or ""))
    if action in ("DescribeTasks", "StopTask", "ExecuteCommand"):
        cluster = told.get("cluster", "default").rsplit("/", 1)[-1]
        task = (told.get("tasks") or [told.get("task", "")])[0]
        return task if task.startswith("arn:") else arn(f"task/{cluster}/{task}")
    return "*" if action == "ListTasks" else found
_actions.extract_resource_arn = _resource_of

_of_tags = _actions.request_tag_context
def _context_of(service, action, body, params):
    keys = _of_tags(service, action, body, params)
    _also.set(())
    if service != "ecs":
        return keys
    told = json.loads(body or b"{}")
    cluster = told.get("cluster", "default")
    if not cluster.startswith("arn:"):
        cluster = f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{cluster}"
    if action == "ecs:RunTask":
        _also.set(tuple(_also_asked(told, cluster)))
    return {**keys, "ecs:cluster": cluster}
_actions.request_tag_context = _context_of

def _also_asked(told, cluster):
    """A task that is started is tagged, and is given its roles."""
    if told.get("propagateTags") or told.get("tags"):
        task = f"arn:aws:ecs:{get_region()}:{get_account_id()}:task/{cluster.rsplit('/', 1)[-1]}/new"
        yield "ecs:TagResource", task, {"ecs:CreateAction": "RunTask"}
    definition = _ecs._task_defs.get(_ecs._resolve_td_key(told.get("taskDefinition", ""))) or {}
    for role in ("taskRoleArn", "executionRoleArn"):
        if definition.get(role):
            yield "iam:PassRole", definition[role], {"iam:PassedToService": "ecs-tasks.amazonaws.com"}

# ---- every decision about a role is noted once, to be made again by another evaluator ----------
_enforce = _iam.enforce
_noted = set()
def _note(role, action, resource, context, verdict):
    line = json.dumps({"role": role, "action": action, "resource": resource, "context": context,
                       "allowed": verdict is None}, default=str)
    if line not in _noted:
        _noted.add(line)
        with open("requests.jsonl", "a") as file:
            file.write(line + "\n")

def _role_of(key):
    credential = _iam.resolve_credential(key or "", get_account_id())
    if getattr(credential, "principal_type", "") == "AssumedRole":
        return credential.principal_arn.split("/")[1]

def _enforced(key, action, service, region, resource_arn="*", service_context=None):
    role = _role_of(key)
    # A batch is allowed by the action that it repeats.
    if action.startswith("sqs:"):
        action = action.removesuffix("Batch")
    # The CDK's own roles: MiniStack does not know all that their policies say, and they are not ours.
    if role is not None and role.startswith("cdk-"):
        return None
    verdict = _enforce(key, action, service, region, resource_arn=resource_arn, service_context=service_context)
    if role is not None:
        _note(role, action, resource_arn, service_context or {}, verdict)
    asked, _ = _also.get(), _also.set(())
    for more, resource, context in asked if verdict is None else ():
        verdict = verdict or _enforced(key, more, service, region, resource_arn=resource, service_context=context)
    return verdict
_iam.enforce = _enforced

if __name__ == "__main__":
    from ministack.app import main
    main()
