#!/usr/bin/env bash
# Brings up what the tests of containers need: an engine, and an image with Node and the steps of the suite. May be called again.
# Ends with the environment of the engine as JSON.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/container-engine.sh"

packages
[ "$engine" = docker ] || podman_config
base_image
python_image
"$engine" build -q --tag localhost/sluice-test-steps:1 --file "$here/Dockerfile" "$here/../conformance/runners" >/dev/null
cat <<JSON
{"CONTAINERS_CONF": "${CONTAINERS_CONF:-}", "CONTAINERS_REGISTRIES_CONF": "${CONTAINERS_REGISTRIES_CONF:-}", "TEST_ENGINE": "$engine"}
JSON
