#!/usr/bin/env bash
# Remote control of the swarm stack (lib/swarm.ts): bin/swarm.sh [--stack NAME] status | start N | set target URL | set n N | stop all
# Needs the AWS command line tool and rights on the stack's group and parameters.
set -euo pipefail

stack=HoldfastSwarm
if [ "${1:-}" = --stack ]; then
  stack=${2:?--stack needs a name}
  shift 2
fi
group=$stack-swarm
prefix=/holdfast/swarm/$stack

usage() {
  echo "swarm.sh: $1" >&2
  echo "usage: swarm.sh [--stack NAME] status | start N | set target URL | set n N | stop all" >&2
  exit 2
}
number() { [[ ${1:-} =~ ^[1-9][0-9]{0,6}$ ]] || usage "a number, not '${1:-}'"; }
put() { aws ssm put-parameter --name "$prefix/$1" --value "$2" --overwrite --output text >/dev/null; }
get() { aws ssm get-parameter --name "$prefix/$1" --query Parameter.Value --output text; }
machines() { aws autoscaling set-desired-capacity --auto-scaling-group-name "$group" --desired-capacity "$1"; }

case "${1:-} ${2:-}" in
  "status "*)
    echo "target $(get target), $(get n) connections a machine"
    aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$group" \
      --query 'AutoScalingGroups[0].{wanted:DesiredCapacity,machines:Instances[].[InstanceId,LifecycleState]}' --output json
    ;;
  "start "*)
    number "${2:-}"
    machines "$2"
    echo "$2 machines are coming; they take a minute or two"
    ;;
  "set target")
    [[ ${3:-} =~ ^(https|wss): ]] && usage "the swarm speaks no TLS: a TCP listener, not '$3'"
    # As `holdfast swarm run --url` takes it; a machine could only write into its log that it does not.
    [[ ${3:-} =~ ^(ws|http)://(\[[0-9a-fA-F:.]+\]|[^][/:?#@[:space:]]+):[0-9]{1,5}(-[0-9]{1,5})?(/[^?#[:space:]]*)?$ ]] \
      || usage "a URL such as ws://gateway.example:80/ws, not '${3:-}'"
    put target "$3"
    echo "machines connect to $3 within ten seconds"
    ;;
  "set n")
    number "${3:-}"
    put n "$3"
    echo "each machine opens $3 connections"
    ;;
  "stop all")
    put target none
    machines 0
    echo "all machines end"
    ;;
  *) usage "no such verb: ${*:-none}" ;;
esac
