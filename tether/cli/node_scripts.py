"""What is run inside of a kind node before it stops and after it starts (bash; a node of kind's has systemd)."""

_RULES = "/kind/service-rules"
"""Folder in the node; its own files stay while it is stopped."""
_TABLES = "iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy"
"""kube-proxy brings its own iptables, which need not write where the node's does."""
_MANIFESTS = "/etc/kubernetes/manifests"
_HELD = "/kind/held-manifests"

SETTLE = f"""
set -u
[ "$(cat /proc/1/comm)" = systemd ] || exit 0
mv {_HELD}/*.yaml {_MANIFESTS} 2>/dev/null
mkdir -p {_RULES}
for table in {_TABLES}; do
  $table-save -t nat 2>/dev/null | grep -E '^([*]|COMMIT)|^:KUBE-|^-A KUBE-|-j KUBE-' | grep -v nfacct > {_RULES}/$table
done
systemctl stop kubelet
of_pods() {{ # 0 is a process that this node does not see
  find /sys/fs/cgroup -path '*kubepods*' -name cgroup.procs -exec cat {{}} + 2>/dev/null | grep -vx 0 | sort -u
}}
store() {{ pidof etcd | tr ' ' '\\n' | sort; }}
others() {{ comm -23 <(of_pods) <(store); }}
end() {{ # signal all that $1 lists, and wait for $2 tenths of a second at most
  $1 | xargs -r kill -TERM 2>/dev/null
  for _ in $(seq "$2"); do [ -z "$($1)" ] && return; sleep 0.1; done
  $1 | xargs -r kill -KILL 2>/dev/null
}}
end others 30
end store 50
true
"""
"""Ends what runs in pods, the API server's store last and on its own, so that nothing writes to it while it closes.

systemd waits longer for proxies that go on serving than a node has until it is killed.
"""

WAKE = f"""
set -u
for _ in $(seq 100); do [ "$(cat /proc/1/comm)" = systemd ] && break; sleep 0.1; done
[ "$(cat /proc/1/comm)" = systemd ] || exit 0
failed=0
mkdir -p {_HELD}
mv {_MANIFESTS}/kube-controller-manager.yaml {_MANIFESTS}/kube-scheduler.yaml {_HELD} 2>/dev/null
trap 'mv {_HELD}/*.yaml {_MANIFESTS} 2>/dev/null; exit $failed' EXIT
for table in {_TABLES}; do
  grep -q '^-A KUBE-SVC' {_RULES}/$table 2>/dev/null || continue
  $table-restore --noflush < {_RULES}/$table || failed=1
done
for _ in $(seq 100); do systemctl is-active --quiet containerd && break; sleep 0.1; done
systemctl start kubelet
[ -z "$(ls {_HELD})" ] && exit
for _ in $(seq 300); do (: </dev/tcp/localhost/6443) 2>/dev/null && break; sleep 0.2; done
"""
"""Gives a node the rules back by which pods reach Services, and lets its API server start before what asks it.

All pods of a node start at once, kube-proxy as one of them. Those that come before it do not reach the API server,
end, and wait longer each time before they are started again (kubelet: 10 s, 20 s, 40 s). The node has its old address,
so the old rule of the API server is right; kube-proxy replaces all of them. Rules that count (nfacct) need objects that
are gone, and no pod.

The controller manager gives up after ten seconds without an API server and then waits ten seconds more. kubelet ends
where containerd does not answer yet, and is started again a second later.
"""
