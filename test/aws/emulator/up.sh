#!/usr/bin/env bash
# Brings up an AWS of this machine: MiniStack in a virtual environment of its own, containers by Docker where it runs,
# else by podman with runc, and a base image. May be called again. Ends with the folder of `env.sh`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
port=${AWS_TEST_PORT:-4577}
# shellcheck source=../../support/container-engine.sh
. "$here/../../support/container-engine.sh"

# Where the registry of the emulated AWS is.
registries() {
  cat >>"$CONTAINERS_REGISTRIES_CONF" <<CONF
[[registry]]
prefix = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
location = "127.0.0.1:$port"
insecure = true
[[registry]]
prefix = "127.0.0.1:$port"
location = "127.0.0.1:$port"
insecure = true
CONF
}

podman_service() {
  local socket=$run/podman.sock
  curl -sf --max-time 3 --unix-socket "$socket" http://d/_ping >/dev/null 2>&1 && return
  rm -f "$socket"
  nohup podman system service --time=0 "unix://$socket" >"$run/podman.log" 2>&1 &
  echo $! >"$run/podman.pid"
  for _ in $(seq 100); do
    curl -sf --unix-socket "$socket" http://d/_ping >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo 'podman does not answer' >&2
  return 1
}

# Where the daemon of Docker is, whatever context is in use.
docker_service() {
  DOCKER_HOST=${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}')}
}

# Docker and podman read credentials from this folder, and podman fails where it is named and missing.
registry_login() {
  export DOCKER_CONFIG=$run/docker
  mkdir -p "$DOCKER_CONFIG"
  printf '{"auths": {"127.0.0.1:%s": {"auth": "%s"}}}\n' "$port" "$(printf AWS:x | base64)" >"$DOCKER_CONFIG/config.json"
}

ministack() {
  [ -x "$home/venv/bin/ministack" ] && [ -x "$home/venv/bin/cfn-lint" ] && return
  python3 -m venv "$home/venv"
  # The launcher changes functions inside, so the version is fixed.
  "$home/venv/bin/pip" install -q 'ministack==1.5.33' 'docker>=7' 'cryptography>=41' 'cfn-lint==1.58.0'
}

service() {
  curl -sf --max-time 3 "http://127.0.0.1:$port/_ministack/health" >/dev/null 2>&1 && return
  (
    cd "$run"
    rm -rf requests.jsonl outage.json ecs-faults.json tasks programs-deployed-*
    # IAM is enforced; these credentials, of the environment below, are the account's own.
    export AUTH=true AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    unset AWS_SESSION_TOKEN
    export GATEWAY_PORT=$port BIND_HOST=127.0.0.1 MINISTACK_HOST=127.0.0.1 IOT_MTLS_ENABLED=0
    export AWS_ENDPOINT_URL=http://127.0.0.1:$port
    nohup "$home/venv/bin/python" "$here/launcher.py" >"$run/ministack.log" 2>&1 &
    echo $! >"$run/ministack.pid"
  )
  for _ in $(seq 300); do
    curl -sf "http://127.0.0.1:$port/_ministack/health" >/dev/null 2>&1 && return
    sleep 0.1
  done
  tail -n 20 "$run/ministack.log" >&2
  return 1
}

missing=()
command -v curl >/dev/null || missing+=(curl)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
packages "${missing[@]}"
ministack
if [ "$engine" = docker ]; then
  docker_service
else
  podman_config
  registries
  podman_service
  DOCKER_HOST=unix://$run/podman.sock
fi
export DOCKER_HOST
registry_login
base_image
busybox_image
python_image
service
cat >"$run/env.json" <<CONF
{
  "AWS_ACCESS_KEY_ID": "test",
  "AWS_SECRET_ACCESS_KEY": "test",
  "AWS_REGION": "us-east-1",
  "AWS_ENDPOINT_URL": "http://127.0.0.1:$port",
  "GATEWAY_PORT": "$port",
  "CDK_DOCKER": "$here/docker.sh",
  "AWS_TEST_ENGINE": "$engine",
  "DOCKER_HOST": "$DOCKER_HOST",
  "DOCKER_CONFIG": "$run/docker",
  "CONTAINERS_CONF": "$run/containers.conf",
  "CONTAINERS_REGISTRIES_CONF": "$run/registries.conf",
  "AWS_TEST_IMAGE": "$image",
  "AWS_TEST_VENV": "$home/venv",
  "AWS_TEST_RUN": "$run",
  "NODE_NO_WARNINGS": "1"
}
CONF
echo "$run"
