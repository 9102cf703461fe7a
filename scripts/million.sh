#!/usr/bin/env bash
# A million connected sessions on one machine, both ends of them: scripts/million.sh [connections] [-- flags of holdfast start]
#
# Looks first whether the machine has what that takes, and says what is missing: which value is needed, which is there,
# how to set it. Then it starts a gateway, holds the connections for five minutes, broadcasts once, and writes a report.
# MILLION_CHECK=1 only looks. MILLION_OUT, MILLION_RATE, MILLION_HOLD: where the report goes, connections a second, how long.
# MILLION_TRANSPORT=websocket, sse or poll: how connections hear. MILLION_SEND_RATE: messages a second that they send, too,
# each to one other client.
# Leaves no process behind, however it ends.
set -uo pipefail
cd "$(dirname "$0")/.."

connections=${1:-1000000}
[ $# -gt 0 ] && shift
[ "${1:-}" = -- ] && shift
out=${MILLION_OUT:-million-$connections}
rate=${MILLION_RATE:-4000}
hold=${MILLION_HOLD:-5m}
transport=${MILLION_TRANSPORT:-websocket}
send_rate=${MILLION_SEND_RATE:-0}
first_port=8080
last_port=8095
admin=http://127.0.0.1:9080
holdfast=packages/cli/bin/holdfast.js

[[ $connections =~ ^[1-9][0-9]{0,7}$ ]] || {
  echo "million.sh: how many connections? A number such as 100000, not '$connections'" >&2
  exit 2
}
[[ $transport =~ ^(websocket|sse|poll)$ ]] || {
  echo "million.sh: MILLION_TRANSPORT is websocket, sse or poll, not '$transport'" >&2
  exit 2
}
[[ $send_rate =~ ^[0-9]{1,6}$ ]] || {
  echo "million.sh: MILLION_SEND_RATE is a number of messages a second, not '$send_rate'" >&2
  exit 2
}
[ -r /proc/meminfo ] || {
  echo "million.sh: needs Linux: it reads /proc" >&2
  exit 2
}

# --- What it takes ---------------------------------------------------------------------------------------------------

# A worker holds up to 1.25 times its even share (packages/cli/src/machine/capacity.ts), an agent 92.5 % of its open files.
open_files=$(ulimit -Hn)
[ "$open_files" = unlimited ] && open_files=1048576
cores=$(nproc)
agents=$((connections * 1000 / (open_files * 925) + 1))
# A comet client's message is a connection of its own: so many an agent has under way (packages/swarm/src/agent/http-sender.ts).
sockets=$((connections + (send_rate > 0 ? agents * 1024 : 0)))
workers=$(((sockets * 5 / 4) / (open_files > 512 ? open_files - 256 : 256) + 1))
[ "$workers" -lt "$cores" ] && workers=$cores

missing=0
value() { tr -s '\t ' ' ' 2>/dev/null <"/proc/sys/$1"; }
ok() { printf 'ok       %-34s %s\n' "$1" "$2"; }
lacks() {
  printf 'MISSING  %-34s %s\n' "$1" "$2"
  missing=$((missing + 1))
}
# name, there, needed, how to set it
at_least() {
  if [ -z "$2" ]; then ok "$1" "not here"
  elif [ "$2" -ge "$3" ]; then ok "$1" "$2 (needed: $3)"
  else lacks "$1" "$2, needed: $3. $4"; fi
}
sysctl_hint() { echo "Set it: sysctl -w $1=$2"; }

check() {
  local first last limit
  # Measured with 100,000: per connection gateway 5.5 KiB, agents 0.75, kernel 10.25 for both ends; 42 MiB for a worker and
  # 15 for an agent as such. A held poll, with 30,000: gateway 18, agents 3, kernel 10.25. 1 GiB to spare.
  local each=17
  [ "$transport" = poll ] && each=32
  local need_mib=$((connections * each / 1024 + workers * 42 + agents * 15 + 1024))
  at_least "memory available, MiB" "$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)" "$need_mib" \
    "Free some, or ask for fewer connections."
  at_least "open files of a process (hard)" "$open_files" 2048 "Set it: ulimit -Hn 20000, or LimitNOFILE= of the service."
  if [ "$workers" -gt 256 ]; then
    lacks "workers" "256 at most, needed: $workers with $open_files open files each. Raise the open files (ulimit -Hn)."
  else ok "workers, agents" "$workers, $agents with $open_files open files each"; fi
  at_least fs.nr_open "$(value fs/nr_open)" "$open_files" "$(sysctl_hint fs.nr_open "$open_files")"
  # Both ends, and 64 for each process.
  local files=$((connections * 2 + (workers + agents) * 64 + 10000))
  at_least fs.file-max "$(value fs/file-max)" "$files" "$(sysctl_hint fs.file-max "$files")"
  at_least fs.epoll.max_user_watches "$(value fs/epoll/max_user_watches)" "$((connections * 2 + 10000))" \
    "$(sysctl_hint fs.epoll.max_user_watches "$((connections * 2 + 10000))")"
  # An eighth of the range for each source address: packages/swarm/src/plan.ts. 59,744 addresses.
  read -r first last <<<"$(value net/ipv4/ip_local_port_range)"
  at_least "source ports of 127.0.0.0/16" "$(((last - first + 1) / 8 * 59744))" "$connections" \
    "Set it: sysctl -w net.ipv4.ip_local_port_range='16384 60999'"
  at_least "first outgoing port" "$first" "$((last_port + 1))" \
    "The gateway's ports must be below it: sysctl -w net.ipv4.ip_local_port_range='16384 $last'"
  local queue=$((rate / 4 > 128 ? rate / 4 : 128))
  at_least net.core.somaxconn "$(value net/core/somaxconn)" "$queue" "$(sysctl_hint net.core.somaxconn "$queue")"
  at_least net.ipv4.tcp_max_syn_backlog "$(value net/ipv4/tcp_max_syn_backlog)" "$queue" \
    "$(sysctl_hint net.ipv4.tcp_max_syn_backlog "$queue")"
  # A page for each receiver of the broadcast that has not read it yet; a quarter of them at once.
  read -r _ _ limit <<<"$(value net/ipv4/tcp_mem)"
  at_least "net.ipv4.tcp_mem, pages" "$limit" "$((connections / 4))" "Raise its third value to $((connections * 5 / 4))."
  at_least kernel.pid_max "$(value kernel/pid_max)" "$(((workers + agents) * 12 + 2000))" "$(sysctl_hint kernel.pid_max 65536)"
  check_conntrack
  check_ports
}

# Connection tracking is loaded on many machines without looking at loopback; only what is counted is limited.
check_conntrack() {
  local limit
  limit=$(value net/netfilter/nf_conntrack_max)
  if [ -z "$limit" ] || ! tracks_loopback; then
    ok "connection tracking" "does not look at loopback"
  else
    at_least net.netfilter.nf_conntrack_max "$limit" "$((connections + 10000))" \
      "$(sysctl_hint net.netfilter.nf_conntrack_max "$((connections + 10000))"), or exclude the ports (NOTRACK)"
  fi
}

tracks_loopback() {
  local count
  count=$(node -e '
    const { connect, createServer } = require("node:net");
    const { readFileSync } = require("node:fs");
    const server = createServer().listen(0, "127.0.0.1", () => {
      connect(server.address().port, "127.0.0.1", () => {
        process.stdout.write(readFileSync("/proc/sys/net/netfilter/nf_conntrack_count", "utf8"));
        process.exit();
      });
    });' 2>/dev/null)
  [ "${count:-0}" -gt 0 ]
}

check_ports() {
  local taken=""
  for port in $(seq $first_port $last_port) "${admin##*:}"; do
    if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then taken="$taken $port"; fi
  done
  if [ -n "$taken" ]; then lacks "ports" "somebody listens on$taken. Stop that first."
  else ok "ports" "$first_port to $last_port and ${admin##*:} are free"; fi
}

echo "$connections connections: $workers workers, $agents agents, report in $out"
check
if [ "$missing" -gt 0 ]; then
  echo "million.sh: $missing missing; nothing was started" >&2
  exit 1
fi
[ "${MILLION_CHECK:-}" = 1 ] && exit 0
[ -f packages/cli/dist/main.js ] || npm run --silent build || exit 1

# --- The run ---------------------------------------------------------------------------------------------------------

gateway=""
swarm=""
stop() {
  local status=$?
  trap - EXIT INT TERM HUP
  # The swarm ends its agents, the gateway its workers. A second signal ends a gateway at once.
  [ -n "$swarm" ] && kill -TERM "$swarm" 2>/dev/null && wait "$swarm" 2>/dev/null
  if [ -n "$gateway" ]; then
    kill -TERM "$gateway" 2>/dev/null
    for _ in $(seq 150); do kill -0 "$gateway" 2>/dev/null && sleep 0.2; done
    kill -TERM "$gateway" 2>/dev/null
    wait "$gateway" 2>/dev/null
  fi
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$out" || exit 1
# Both in sessions of their own: a signal to the group (Ctrl-C, timeout) reaches this script alone, which ends the swarm
# first, so that the report is written.
setsid node $holdfast start --port $first_port-$last_port --admin-port "${admin##*:}" --workers "$workers" \
  --max-connections "$sockets" --backlog 4096 --log-format json \
  --namespaces '{"pair":{"clientPublish":true}}' "$@" >"$out/gateway.log" 2>&1 </dev/null &
gateway=$!
for _ in $(seq 600); do
  node -e "fetch('$admin/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))" && break
  kill -0 "$gateway" 2>/dev/null || {
    echo "million.sh: the gateway ended at its start:" >&2
    tail -n 5 "$out/gateway.log" >&2
    exit 1
  }
  sleep 0.5
done

channels='swarm:{i%1000}'
sending=()
if [ "$send_rate" -gt 0 ]; then
  channels="pair:{i%$(((connections + 1) / 2))}"
  sending=(--send-rate "$send_rate")
fi
setsid node $holdfast swarm run --transport "$transport" --target "http://127.0.0.1:$first_port-$last_port" \
  --connections "$connections" --rate "$rate" --channels "$channels" "${sending[@]}" --hold "$hold" --broadcast --admin "$admin" --report "$out" &
swarm=$!
wait "$swarm"
status=$?
swarm=""
exit "$status"
