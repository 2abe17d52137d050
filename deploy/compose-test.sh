#!/usr/bin/env bash
# Runs docker-compose.yml for real: builds the image, starts the cluster, breaks it, sees it heal.
#   deploy/compose-test.sh
# Uses the Docker engine that answers; without one it starts an engine of its own when it may (root,
# Debian's docker.io and docker-compose) and stops it again. Without access to an image registry the
# base image is made of this machine's files (base-image.sh). Prints a line per check with its time
# and `N passed, N failed`; stops at the first failure, with the containers' logs in a directory
# that it names. Exit codes: 0 all held, 1 something did not, 3 there is no engine to run it with.
set -Eeuo pipefail
cd "$(dirname "$0")/.."

readonly nodes=(cashe0 cashe1 cashe2 cashe3) base_image=node:20-bookworm-slim
readonly outside_tls=(--tls-ca=/certs/ca.crt --tls-cert=/certs/client.crt
  --tls-key=/certs/client.key)
# Bounds the whole run, clean-up aside; a busy machine may need more.
readonly seconds_max=${CASHE_TEST_SECONDS_MAX:-240}
project=cashe-test-$$
scratch=$(mktemp -d)
engine_pid=
passed=0
step='the preparations'
step_ms=0
export CASHE_IMAGE=$project CASHE_CERTS=$scratch/certs
export CASHE_PORT0='' CASHE_PORT1='' CASHE_PORT2='' CASHE_PORT3='' # Any free ports.

now_ms() {
  date +%s%3N
}

begin() {
  step=$1
  ((SECONDS < seconds_max)) || fail "the run takes longer than $seconds_max s"
  step_ms=$(now_ms)
}

done_with() { # $1: what is worth adding to the line
  passed=$((passed + 1))
  echo "ok $step ($(($(now_ms) - step_ms)) ms)${1:+: $1}"
}

fail() {
  echo "not ok $step: $1" >&2
  return 1
}

not_run() {
  echo "compose-test.sh: NOT RUN: $1" >&2
  exit 3
}

compose() {
  "${compose_command[@]}" --project-name "$project" "$@"
}

# --- clean-up -----------------------------------------------------------------------------------

keep_logs() {
  local logs
  logs=$(mktemp -d -t cashe-compose-logs.XXXXXX)
  compose ps >"$logs/ps.txt" 2>&1 || true
  compose logs --no-color >"$logs/compose.log" 2>&1 || true
  docker logs "$project-availability" >"$logs/availability.log" 2>&1 || true
  cp "$scratch"/*.log "$logs/" 2>/dev/null || true
  tail -n 40 "$logs/compose.log" | cut -c 1-240 >&2
  echo "logs: $logs" >&2
}

stop_engine() {
  [[ -n $engine_pid ]] || return 0
  kill "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  umount "$scratch"/engine/exec/netns/* 2>/dev/null || true
}

finish() {
  local status=$?
  trap - EXIT ERR
  set +e
  if ((status != 0 && status != 3)); then
    echo "not ok $step" >&2
    [[ -n ${compose_command-} ]] && keep_logs
  fi
  if [[ -n ${compose_command-} ]]; then
    docker rm --force --volumes "$project-availability" "$project-cli" >/dev/null 2>&1
    compose down --volumes --timeout 5 >/dev/null 2>&1
    docker rmi --force "$project" >/dev/null 2>&1
  fi
  stop_engine
  rm -rf "$scratch"
  ((status == 3)) || echo "$passed passed, $((status == 0 ? 0 : 1)) failed"
  exit "$status"
}

# --- the engine and the image -------------------------------------------------------------------

find_compose() {
  if docker compose version >/dev/null 2>&1; then
    compose_command=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose_command=(docker-compose)
  else
    not_run 'there is no docker-compose'
  fi
}

# An engine without rules in the machine's firewall: containers reach each other and nobody else.
start_engine() {
  local directory=$scratch/engine firewall=(--iptables=false --ip6tables=false --ip-masq=false)
  # A machine that drops what is forwarded would cut the containers off from each other.
  if iptables -S FORWARD 2>/dev/null | grep -q '^-P FORWARD DROP'; then firewall=(); fi
  ((EUID == 0)) || not_run 'no Docker engine answers, and only root can start one'
  command -v dockerd >/dev/null || not_run 'no Docker engine answers, and there is no dockerd'
  mkdir -p "$directory"
  export DOCKER_HOST=unix://$directory/docker.sock
  dockerd --data-root "$directory/data" --exec-root "$directory/exec" \
    --pidfile "$directory/pid" --host "$DOCKER_HOST" --bridge=none --ip-forward=false \
    "${firewall[@]}" >"$scratch/dockerd.log" 2>&1 &
  engine_pid=$!
  for _ in {1..100}; do
    docker info >/dev/null 2>&1 && return
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 5 "$scratch/dockerd.log" >&2
  not_run 'dockerd does not start here'
}

build_image() {
  docker image inspect "$base_image" >/dev/null 2>&1 || docker pull --quiet "$base_image" \
    >/dev/null 2>&1 || deploy/base-image.sh "$base_image" >/dev/null
  docker build --network=host --tag "$project" . >"$scratch/build.log" 2>&1 ||
    { tail -n 20 "$scratch/build.log" >&2 && return 1; }
}

make_certificates() { # $1: --renew or nothing
  mkdir -p "$CASHE_CERTS"
  cp gen.sh "$scratch/"
  cp certs/*.cnf "$CASHE_CERTS/"
  (cd "$scratch" && ./gen.sh certs ${1:+"$1"}) >>"$scratch/certs.log" 2>&1
}

# --- the cluster --------------------------------------------------------------------------------

# Also of one that does not run, which docker-compose 1 lists by itself and 2 only when asked.
container() { # $1: service
  docker ps --all --quiet --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False
}

# Waits until the command succeeds, at most $1 seconds.
within() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS <= deadline && SECONDS < seconds_max)) || return 1
    sleep 0.2
  done
}

are_healthy() { # services
  local service
  for service; do
    [[ $(state_of "$service" .Health.Status) == healthy ]] || return 1
  done
}

state_of() { # $1: service  $2: field
  docker inspect --format "{{.State$2}}" "$(container "$1")"
}

# The command line of Cashe with the admin's certificate: $1 is the node to ask.
cli() {
  local node=$1
  shift
  docker exec "$project-cli" node /opt/cashe/packages/server/bin/cashe.mjs "$@" \
    --endpoint="$node:3000"
}

# The members as the leader has them: no node that is away is asked.
leader() { # $1: the node to ask
  cli "$1" members 2>/dev/null | awk '/^cashe.*, leader / { print $1 }'
}

# Every member answers and has applied what is committed by now; the writer goes on meanwhile.
catches_up() {
  local target
  # It ends with 1 when a member did not answer in time.
  target=$({ cli cashe0 status || true; } |
    awk '/^cashe[0-9] / && $5 + 0 > max { max = $5 + 0 } END { print max + 0 }')
  within 20 has_applied "$target" || fail "$(cli cashe0 status)"
}

has_applied() { # $1: log position; cells are NODE CLIENTS STATE TERM COMMIT APPLIED ...
  cli cashe0 status 2>/dev/null |
    awk -v target="$1" '/^cashe[0-9] / && $6 >= target { n++ } END { exit n != 4 }'
}

# One state digest on all nodes, once nobody writes.
agrees() {
  cli cashe0 status 2>/dev/null |
    awk '/^cashe[0-9] / { n++; seen[$NF] = 1 } END { exit n != 4 || length(seen) != 1 }'
}

start_helpers() {
  compose run -d --no-deps --name "$project-cli" --entrypoint sleep cli 3600 >/dev/null 2>&1
  compose run -d --no-deps --name "$project-availability" \
    --entrypoint 'node /opt/cashe/checks/availability.mjs' smoke --tls=/run/cashe/tls \
    "${nodes[@]/%/:3000}" >/dev/null 2>&1
  within 20 says_writing || fail "$(docker logs "$project-availability" 2>&1 | tail -n 3)"
}

says_writing() {
  docker logs "$project-availability" 2>&1 | grep -q '^writing'
}

# Prints the longest time without an answer to a write since the last call.
longest_wait() {
  local before
  before=$(docker logs "$project-availability" | wc -l)
  docker kill --signal=USR2 "$project-availability" >/dev/null
  within 5 has_more_lines "$before"
  docker logs "$project-availability" | tail -n 1
}

has_more_lines() { # $1: lines so far
  (($(docker logs "$project-availability" | wc -l) > $1))
}

run_smoke() {
  compose run --rm --no-deps smoke >"$scratch/smoke.log" 2>&1 || {
    cat "$scratch/smoke.log" >&2
    return 1
  }
}

# --- the checks ---------------------------------------------------------------------------------

check_cluster_forms() {
  begin 'three founders form a cluster, the fourth node joins, and all are healthy'
  compose up -d --no-build "${nodes[@]}" >"$scratch/up.log" 2>&1 || fail "$(cat "$scratch/up.log")"
  within 60 are_healthy "${nodes[@]}" || fail 'not every node is healthy within 60 s'
  done_with ''
}

check_smoke() { # $1: when
  begin "the smoke test passes $1"
  run_smoke || fail 'see above'
  done_with "$(grep -c '^ok ' "$scratch/smoke.log") checks"
}

check_membership() {
  begin 'the fourth node is a member, in step with the others'
  cli cashe0 members | grep -q '^cashe3 ' || fail "$(cli cashe0 members)"
  catches_up
  done_with "$(cli cashe0 members | awk '/^cashe/ { sub(",", "", $5); print $1, $5 }' | paste -sd,)"
}

check_published_port() {
  begin 'a client of this machine is served on a published port'
  local address
  address=$(compose port cashe3 3000)
  docker run --rm --network host --user 0 --volume "$CASHE_CERTS:/certs:ro" "$project" \
    set from-outside yes --endpoint="$address" "${outside_tls[@]}" >"$scratch/outside.log" 2>&1 ||
    fail "$(cat "$scratch/outside.log")"
  [[ $(cli cashe0 get from-outside) == yes ]] || fail 'the value is not there'
  done_with "$address"
}

# The node to ask while $1 is away.
other_than() {
  [[ $1 == cashe0 ]] && echo cashe1 || echo cashe0
}

leads_other_than() { # $1: the old leader
  local found
  found=$(leader "$(other_than "$1")")
  [[ -n $found && $found != "$1" ]]
}

check_kill() {
  local old
  old=$(leader cashe0)
  begin "docker kill of the leader, $old: the others go on"
  longest_wait >/dev/null
  docker kill "$(container "$old")" >/dev/null
  within 20 leads_other_than "$old" || fail 'no other node leads'
  done_with "$(leader "$(other_than "$old")") leads; $(longest_wait)"

  begin "$old is started again and catches up"
  docker start "$(container "$old")" >/dev/null
  within 60 are_healthy "$old" || fail 'it does not get healthy'
  catches_up
  done_with "$(longest_wait)"
}

is_not_ready() { # $1: service
  ! docker exec "$(container "$1")" node /opt/cashe/healthcheck.mjs >/dev/null 2>&1
}

check_disconnect() {
  local old id
  old=$(leader cashe0)
  id=$(container "$old")
  begin "docker network disconnect of the leader, $old: the others go on, it is not ready"
  longest_wait >/dev/null
  docker network disconnect "${project}_default" "$id"
  within 20 leads_other_than "$old" || fail 'no other node leads'
  within 20 is_not_ready "$old" || fail "$old says it is ready"
  done_with "$(leader "$(other_than "$old")") leads; $(longest_wait)"

  begin "$old is connected again and catches up"
  docker network connect --alias "$old" "${project}_default" "$id"
  within 60 are_healthy "$old" || fail 'it does not get healthy'
  catches_up
  done_with "$(longest_wait)"
}

served_serial() { # $1: node
  docker exec "$project-cli" node -e "
    const { connect } = require('node:tls');
    const { readFileSync } = require('node:fs');
    const file = (name) => readFileSync('/run/cashe/tls/' + name);
    const [ca, cert, key] = ['ca.crt', 'client.crt', 'client.key'].map(file);
    const options = { host: '$1', port: 3000, servername: '$1', ca, cert, key };
    const socket = connect({ ...options, ALPNProtocols: ['h2'] }, () => {
      console.log(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });"
}

serves_new_certificate() { # $1: node
  local wanted
  wanted=$(openssl x509 -in "$CASHE_CERTS/$1.crt" -noout -serial)
  [[ serial=$(served_serial "$1") == "$wanted" ]]
}

check_renewal() {
  local node
  begin 'renewed certificates are taken up without a restart'
  longest_wait >/dev/null
  make_certificates --renew
  compose run --rm certs >"$scratch/renewal.log" 2>&1 || fail "$(cat "$scratch/renewal.log")"
  for node in "${nodes[@]}"; do
    within 30 serves_new_certificate "$node" || fail "$node still serves the old one"
  done
  done_with "$(longest_wait)"
}

check_acknowledged() {
  begin 'nothing acknowledged is lost, and the replicas are the same'
  docker kill --signal=TERM "$project-availability" >/dev/null
  [[ $(timeout 60 docker wait "$project-availability") == 0 ]] ||
    fail "$(docker logs "$project-availability" | tail -n 3)"
  within 20 agrees || fail "$(cli cashe0 status)"
  done_with "$(docker logs "$project-availability" | tail -n 1); one digest on all nodes"
}

check_restart() {
  local node
  begin 'all nodes stop in order, and come back with their data'
  cli cashe0 set kept yes >/dev/null
  compose stop "${nodes[@]}" >/dev/null 2>&1
  for node in "${nodes[@]}"; do
    [[ $(state_of "$node" .ExitCode) == 0 ]] || fail "$node exited with an error"
  done
  compose start "${nodes[@]}" >/dev/null 2>&1
  within 60 are_healthy "${nodes[@]}" || fail 'not every node is healthy within 60 s'
  [[ $(cli cashe0 get kept) == yes ]] || fail 'the value is gone'
  done_with ''
}

trap finish EXIT
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
docker info >/dev/null 2>&1 || start_engine
find_compose
begin 'the image is built'
build_image || fail 'see above'
done_with "$(docker image inspect --format '{{.Size}}' "$project") bytes"
make_certificates
check_cluster_forms
begin 'a client writes without a pause from now on'
start_helpers
done_with ''
check_smoke 'on the new cluster'
check_membership
check_published_port
check_kill
check_disconnect
check_renewal
check_smoke 'after all that'
check_acknowledged
check_restart
