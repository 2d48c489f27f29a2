#!/usr/bin/env bash
# What the CDK calls `docker`: Docker or podman, with the emulator's registry on loopback.
registry=127.0.0.1:$GATEWAY_PORT
case "$1" in
login) cat >/dev/null ;;
push)
  image=${*: -1}
  [ "$AWS_TEST_ENGINE" = podman ] &&
    exec podman push -q --tls-verify=false --creds AWS:x "$image" "$registry/${image#*/}"
  docker tag "$image" "$registry/${image#*/}"
  exec docker push -q "$registry/${image#*/}"
  ;;
*) exec "$AWS_TEST_ENGINE" "$@" ;;
esac
