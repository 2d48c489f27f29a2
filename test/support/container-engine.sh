# For the tests that run containers; to be sourced. Docker where its daemon answers, else Podman with runc, which is installed where
# it is missing; and a base image, made here. Sets `engine` and `image`; `home` is a folder that is kept, `run` one for settings.
# Where Debian keeps tools of an administrator.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
home=${AWS_TEST_HOME:-$HOME/.cache/sluice-aws}
image=localhost/sluice-test-node:24
run=$home/run
mkdir -p "$run"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# A client of Docker is often there without its daemon.
if docker ps >/dev/null 2>&1; then engine=docker; else engine=podman; fi

# Installs what is missing of what containers take, and of the packages that are given.
packages() {
  local missing=("$@")
  if [ "$engine" = podman ]; then
    command -v podman >/dev/null || missing+=(podman)
    command -v runc >/dev/null || missing+=(runc)
  fi
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  [ ${#missing[@]} = 0 ] && return
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "${missing[@]}" >/dev/null
}

# podman of Debian 12: crun fails in small sandboxes, and so do its default limits. A configuration of our own.
podman_config() {
  export CONTAINERS_CONF=$run/containers.conf CONTAINERS_REGISTRIES_CONF=$run/registries.conf
  cat >"$CONTAINERS_CONF" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
  echo 'unqualified-search-registries = []' >"$CONTAINERS_REGISTRIES_CONF"
}

# A small Debian with the Node that runs this: an image from nowhere but the package registry.
base_image() {
  "$engine" image inspect "$image" >/dev/null 2>&1 && return
  local root=$home/rootfs node library name
  [ -e "$root/bin/bash" ] || as_root debootstrap --variant=minbase bookworm "$root" >"$run/debootstrap.log" 2>&1
  node=$(readlink -f "$(command -v node)")
  install -D -m 755 "$node" "$root/usr/local/bin/node"
  ldd "$node" | awk '/=> \//{print $3}' | while read -r library; do
    name=$(basename "$library")
    [ -e "$root/lib/x86_64-linux-gnu/$name" ] ||
      install -D -m 755 "$(readlink -f "$library")" "$root/usr/lib/x86_64-linux-gnu/$name"
  done
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . | "$engine" import --change 'CMD ["node"]' - "$image" >/dev/null
}

# An image of nobody's making: busybox alone, with its programs, and a user who is not root.
program_image=registry.test/busybox:1
busybox_image() {
  "$engine" image inspect "$program_image" >/dev/null 2>&1 && return
  local folder=$home/busybox
  rm -rf "$folder"
  mkdir -p "$folder/root/bin" "$folder/root/tmp"
  (
    cd "$folder"
    apt-get download -qq busybox-static >/dev/null 2>&1 || { as_root apt-get update -qq && apt-get download -qq busybox-static; }
    dpkg-deb -x busybox-static_*.deb package
    cp package/bin/busybox root/bin/busybox
    for name in $(root/bin/busybox --list | grep -vx busybox); do ln -sf busybox "root/bin/$name"; done
    chmod 1777 root/tmp
  ) >&2
  tar -C "$folder/root" -c . |
    "$engine" import --change 'USER 1234:1234' --change 'CMD ["/bin/sh"]' - "$program_image" >/dev/null
}

# Python of this machine on the same Debian: what the ready-made image is built on here, without a registry.
python_image() {
  "$engine" run --rm localhost/sluice-test-python:3 python3 -c 'import ssl' >/dev/null 2>&1 && return
  [ -x /usr/bin/python3 ] || packages python3
  local root=$home/python python
  python=$(basename "$(readlink -f /usr/bin/python3)")
  rm -rf "$root"
  mkdir -p "$root/usr/bin" "$root/usr/lib/x86_64-linux-gnu"
  cp "/usr/bin/$python" "$root/usr/bin/python3"
  cp -r "/usr/lib/$python" "$root/usr/lib/"
  { ldd "/usr/bin/$python"; for each in "/usr/lib/$python"/lib-dynload/{_json,zlib,_ssl,_hashlib}*.so; do [ ! -e "$each" ] || ldd "$each"; done; } |
    awk '/=> \//{print $3}' | grep -E 'lib(z|expat|ssl|crypto)' | sort -u | while read -r library; do
    cp "$(readlink -f "$library")" "$root/usr/lib/x86_64-linux-gnu/$(basename "$library")"
  done
  printf 'FROM %s\nCOPY usr /usr\nCMD ["python3"]\n' "$image" >"$root/Dockerfile"
  "$engine" build -q --tag localhost/sluice-test-python:3 "$root" >/dev/null
}
