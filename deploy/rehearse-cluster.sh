#!/usr/bin/env bash
# Two "hosts" on one Linux machine: network namespaces joined by a link of limited rate, each with half of the cores, and one
# Open MPI job over TCP across both.
#   sudo deploy/rehearse-cluster.sh [--rate 1gbit] [--ranks-per-host 1] [--kills N] COMMAND…
#   e.g. sudo deploy/rehearse-cluster.sh graft doctor
# `--rate none` leaves the link as fast as the machine. `--kills N` lets a host die N times, processes and link, or a rank of the other
# one, while launch.sh --restarts holds the job; after the last it is asked to stop. Whatever it makes, it removes, also when interrupted.
set -euo pipefail
rate=1gbit
ranks=1
kills=0
while [ $# -gt 0 ]; do
    case $1 in
        --rate) rate=$2; shift 2 ;;
        --ranks-per-host) ranks=$2; shift 2 ;;
        --kills) kills=$2; shift 2 ;;
        --) shift; break ;;
        -*) echo "rehearse-cluster: unknown option $1" >&2; exit 64 ;;
        *) break ;;
    esac
done
if [ $# -eq 0 ]; then sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 64; fi
if [ "$(id -u)" -ne 0 ]; then echo "rehearse-cluster: network namespaces need root" >&2; exit 77; fi
for tool in ip tc mpirun unshare taskset; do
    command -v "$tool" >/dev/null || { echo "rehearse-cluster: '$tool' is missing (Debian: iproute2 openmpi-bin util-linux)" >&2; exit 69; }
done

job=graft$$
work=$(mktemp -d)
cleanup() {
    trap - EXIT INT TERM
    for host in a b; do
        # Whatever still runs in a namespace of this script was started by it.
        ip netns pids "$job$host" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
        ip netns del "$job$host" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM USR1

# The address range is a private one; it lives in the namespaces alone and meets no real network.
ip netns add "${job}a"
ip netns add "${job}b"
ip link add "va$$" netns "${job}a" type veth peer name "vb$$" netns "${job}b"
connect() { # HOST DEVICE ADDRESS
    ip -n "$job$1" addr add "$3/24" dev "$2"
    ip -n "$job$1" link set "$2" up
    ip -n "$job$1" link set lo up
    [ "$rate" = none ] || ip netns exec "$job$1" tc qdisc add dev "$2" root tbf rate "$rate" burst 256kb latency 100ms
}
connect a "va$$" 10.213.7.1
connect b "vb$$" 10.213.7.2

# Each host owns half of the cores this script may use.
mapfile -t cores < <(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | awk -F- '{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }')
half=$(( ${#cores[@]} > 1 ? ${#cores[@]} / 2 : 1 ))
join() { local IFS=,; echo "$*"; }
cores_a=$(join "${cores[@]:0:half}")
cores_b=$(join "${cores[@]: -half}")

# Open MPI starts its daemon on the other host with `AGENT HOST COMMAND…`; this enters the namespace where ssh would log in. Like ssh it
# fails where the host is down, and may hang when the host dies under it.
cat > "$work/agent" <<AGENT
#!/usr/bin/env bash
shift
[ ! -e "$work/down" ] || exit 255
ip netns exec ${job}b unshare --uts taskset -c $cores_b bash -c "hostname host-b; \$*"
status=\$?
[ ! -e "$work/hangs" ] || sleep 600
exit \$status
AGENT
printf '10.213.7.1 slots=%d\n10.213.7.2 slots=%d\n' "$ranks" "$ranks" > "$work/hosts"
chmod +x "$work/agent"
cat > "$work/start" <<'START'
#!/usr/bin/env bash
hostname host-a
exec "$@"
START
chmod +x "$work/start"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(( half / ranks > 0 ? half / ranks : 1 ))}
export OMPI_MCA_plm_rsh_agent=$work/agent GRAFT_RESTART_WAIT=${GRAFT_RESTART_WAIT:-2}
program=$(basename "$1")
ranks_on() { # HOST: the processes of the command there
    local number
    for number in $(ip netns pids "$job$1" 2>/dev/null); do
        if [ "$(cat "/proc/$number/comm" 2>/dev/null)" = "$program" ]; then echo "$number"; fi
    done
}
said() { grep -c "$1" "$work/output" || true; }
# Waits for a condition as long as the job is there.
until_job() { while kill -0 "$launch" 2>/dev/null && ! "$@"; do sleep 0.1; done; }
has_ranks() { [ -n "$(ranks_on a)" ]; }
has_more() { [ "$(said "$1")" -gt "$2" ]; }
down() { # hangs, or nothing
    touch "$work/down" ${1:+"$work/$1"}
    ip -n "${job}b" link set "vb$$" down
    ip netns pids "${job}b" | xargs -r kill -KILL 2>/dev/null || true
}
kill_again_and_again() {
    local early=0 hosts=0 hanging=0 killed_ranks=0 saved restarts deed
    for _ in $(seq "$kills"); do
        until_job has_ranks
        saved=$(said 'saved ')
        # Now and then before anything new is saved, but not twice in a row: launch.sh would rightly give up.
        if [ $early -eq 0 ] && [ $((RANDOM % 4)) -eq 0 ]; then early=1; else early=0; until_job has_more 'saved ' "$saved"; fi
        sleep "$((RANDOM % 2)).$((RANDOM % 10))"
        kill -0 "$launch" 2>/dev/null || break
        restarts=$(said '^launch.sh: restart')
        deed=$((RANDOM % 3))
        if [ $deed -lt 2 ] && [ -n "$(ranks_on b)" ]; then
            hosts=$((hosts + 1))
            if [ $deed -eq 1 ]; then hanging=$((hanging + 1)); down hangs; else down; fi
            # It comes back before it is asked, or after.
            [ $((RANDOM % 2)) -eq 0 ] || until_job has_more '^launch.sh: restart' "$restarts"
            ip -n "${job}b" link set "vb$$" up
            rm -f "$work/down"
        else
            killed_ranks=$((killed_ranks + 1))
            kill -KILL "$(ranks_on a | shuf -n 1)" 2>/dev/null || true
        fi
        until_job has_more '^launch.sh: restart' "$restarts"
        rm -f "$work/hangs"
    done
    if kill -0 "$launch" 2>/dev/null; then
        until_job has_ranks
        saved=$(said 'saved ')
        until_job has_more 'saved ' "$saved"
        kill -TERM "$launch" 2>/dev/null || true
    fi
    printf 'rehearse-cluster: killed %d hosts, %d of them with a hanging connection, and %d ranks; %d restarts, %d of them without the other host\n' \
        "$hosts" "$hanging" "$killed_ranks" "$(said '^launch.sh: restart')" "$(said '^launch.sh: restart.*did not answer')"
}
restarting=()
if [ "$kills" -gt 0 ]; then
    restarting=(--restarts $((kills + 1)))
    exec 7>&1
    exec > >(exec tee "$work/output" >&7) 2>&1
    touch "$work/output"
fi

# launch.sh stands for mpirun: at a signal the job saves and stops. In the background, since a trap waits for what is in front.
ip netns exec "${job}a" unshare --uts taskset -c "$cores_a" "$work/start" \
    "$(dirname "$0")/launch.sh" "${restarting[@]}" --hosts "$work/hosts" --map-by slot --bind-to none \
    --mca oob_tcp_if_include 10.213.7.0/24 \
    --mca pml ob1 --mca btl tcp,self,vader --mca btl_tcp_if_include 10.213.7.0/24 \
    -x OMP_NUM_THREADS "$@" &
launch=$!
for signal in INT TERM USR1; do trap "kill -$signal $launch 2>/dev/null" "$signal"; done
killer=
if [ "$kills" -gt 0 ]; then
    kill_again_and_again &
    killer=$!
fi
while :; do
    status=0
    wait "$launch" || status=$?
    kill -0 "$launch" 2>/dev/null || break
done
[ -z "$killer" ] || wait "$killer"
exit "$status"
