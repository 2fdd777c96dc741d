#!/usr/bin/env bash
# Three pretended hosts at one switch, slow between two of them: does `graft doctor --links` name these two?
#   sudo Tests/Soak/links.sh      build first (swift build -c release)
# Some ten seconds. Status 1 if the warning is missing or names others.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/deploy/environment.sh"
leave_out_unless_root
enter_scratch
job=links$$
cleanup() {
    for host in a b c s; do
        # Whatever still runs in a namespace of this script was started by it.
        ip netns pids "$job$host" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
        ip netns del "$job$host" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A private range of addresses that lives in the namespaces alone. The switch has one of its own.
ip netns add "${job}s"
ip -n "${job}s" link add switch type bridge
ip -n "${job}s" link set switch up
number=0
for host in a b c; do
    number=$((number + 1))
    ip netns add "$job$host"
    ip link add eth0 netns "$job$host" type veth peer name "to-$host" netns "${job}s"
    ip -n "${job}s" link set "to-$host" master switch up
    ip -n "$job$host" addr add "10.213.7.$number/24" dev eth0
    ip -n "$job$host" link set eth0 up
    ip -n "$job$host" link set lo up
done
# From b to c, and not to a, a tenth of what is usual.
inside() { ip netns exec "${job}b" tc "$@"; }
inside qdisc add dev eth0 root handle 1: htb default 10
inside class add dev eth0 parent 1: classid 1:10 htb rate 1gbit burst 256kb quantum 60000
inside class add dev eth0 parent 1: classid 1:20 htb rate 100mbit burst 64kb quantum 6000
inside filter add dev eth0 parent 1: protocol ip u32 match ip dst 10.213.7.3/32 flowid 1:20
for host in a c; do ip netns exec "$job$host" tc qdisc add dev eth0 root tbf rate 1gbit burst 256kb latency 100ms; done

# Open MPI starts its daemons with `AGENT HOST COMMAND…`; this enters the namespace where ssh would log in.
cat > agent <<AGENT
#!/usr/bin/env bash
case \$1 in 10.213.7.2) host=b ;; *) host=c ;; esac
shift
exec ip netns exec $job\$host unshare --uts bash -c "hostname host-\$host; \$*"
AGENT
chmod +x agent
printf '%s slots=1\n' 10.213.7.1 10.213.7.2 10.213.7.3 > hosts
export OMPI_MCA_plm_rsh_agent=$work/agent
ip netns exec "${job}a" unshare --uts bash -c 'hostname host-a; exec "$@"' start mpirun --hostfile hosts --map-by slot --bind-to none \
    --mca mpi_yield_when_idle 1 --mca oob_tcp_if_include 10.213.7.0/24 --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include 10.213.7.0/24 \
    "$graft" doctor --links --seconds 0 > out 2>&1 || { cat out; exit 1; }
sed -n '/^links/,$p' out
warnings=$(grep '^warning: the link' out || true)
case $warnings in
    *$'\n'*) echo "more than one link is called slow"; exit 1 ;;
    "warning: the link between host-b and host-c carries "*) ;;
    *) echo "the slow link is not named"; exit 1 ;;
esac
