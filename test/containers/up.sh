#!/usr/bin/env bash
# Brings up what the tests of containers need: an engine, and an image with Node and the steps of the suite. May be called again.
# Ends with the environment of the engine as JSON.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/container-engine.sh"

# Python of this machine on the same Debian: what the ready-made image is built on here, without a registry.
python_image() {
  "$engine" image inspect localhost/sluice-test-python:3 >/dev/null 2>&1 && return
  [ -x /usr/bin/python3 ] || packages python3
  local root=$home/python python
  python=$(basename "$(readlink -f /usr/bin/python3)")
  rm -rf "$root"
  mkdir -p "$root/usr/bin" "$root/usr/lib/x86_64-linux-gnu"
  cp "/usr/bin/$python" "$root/usr/bin/python3"
  cp -r "/usr/lib/$python" "$root/usr/lib/"
  { ldd "/usr/bin/$python"; for each in "/usr/lib/$python"/lib-dynload/{_json,zlib}*.so; do [ ! -e "$each" ] || ldd "$each"; done; } |
    awk '/=> \//{print $3}' | grep -E 'lib(z|expat)' | sort -u | while read -r library; do
    cp "$(readlink -f "$library")" "$root/usr/lib/x86_64-linux-gnu/$(basename "$library")"
  done
  printf 'FROM %s\nCOPY usr /usr\nCMD ["python3"]\n' "$image" >"$root/Dockerfile"
  "$engine" build -q --tag localhost/sluice-test-python:3 "$root" >/dev/null
}

packages
[ "$engine" = docker ] || podman_config
base_image
python_image
"$engine" build -q --tag localhost/sluice-test-steps:1 --file "$here/Dockerfile" "$here/../conformance/runners" >/dev/null
cat <<JSON
{"CONTAINERS_CONF": "${CONTAINERS_CONF:-}", "CONTAINERS_REGISTRIES_CONF": "${CONTAINERS_REGISTRIES_CONF:-}", "TEST_ENGINE": "$engine"}
JSON
