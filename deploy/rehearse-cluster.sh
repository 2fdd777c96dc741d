#!/usr/bin/env bash
# Two "hosts" on one Linux machine: network namespaces joined by a link of limited rate, each with half of the cores, and one
# Open MPI job over TCP across both.
#   sudo deploy/rehearse-cluster.sh [--rate 1gbit] [--ranks-per-host 1] COMMAND…
#   e.g. sudo deploy/rehearse-cluster.sh graft doctor
# `--rate none` leaves the link as fast as the machine. Whatever it makes, it removes, also when interrupted.
set -euo pipefail
rate=1gbit
ranks=1
while [ $# -gt 0 ]; do
    case $1 in
        --rate) rate=$2; shift 2 ;;
        --ranks-per-host) ranks=$2; shift 2 ;;
        --) shift; break ;;
        -*) echo "rehearse-cluster: unknown option $1" >&2; exit 64 ;;
        *) break ;;
    esac
done
if [ $# -eq 0 ]; then sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 64; fi
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

# Open MPI starts its daemon on the other host with `AGENT HOST COMMAND…`; this enters the namespace where ssh would log in.
cat > "$work/agent" <<AGENT
#!/usr/bin/env bash
shift
exec ip netns exec ${job}b unshare --uts taskset -c $cores_b bash -c "hostname host-b; \$*"
AGENT
chmod +x "$work/agent"
cat > "$work/start" <<'START'
#!/usr/bin/env bash
hostname host-a
exec "$@"
START
chmod +x "$work/start"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(( half / ranks > 0 ? half / ranks : 1 ))}
# launch.sh stands for mpirun: at a signal the job saves and stops. In the background, since a trap waits for what is in front.
ip netns exec "${job}a" unshare --uts taskset -c "$cores_a" "$work/start" \
    "$(dirname "$0")/launch.sh" -n $((2 * ranks)) --host "10.213.7.1:$ranks,10.213.7.2:$ranks" --map-by slot --bind-to none \
    --mca plm_rsh_agent "$work/agent" --mca oob_tcp_if_include 10.213.7.0/24 \
    --mca pml ob1 --mca btl tcp,self,vader --mca btl_tcp_if_include 10.213.7.0/24 \
    -x OMP_NUM_THREADS "$@" &
launch=$!
for signal in INT TERM USR1; do trap "kill -$signal $launch 2>/dev/null" "$signal"; done
while :; do
    status=0
    wait "$launch" || status=$?
    kill -0 "$launch" 2>/dev/null || break
done
exit "$status"
