"""A kind that makes clusters out of nothing, and misbehaves on demand."""

import os
import subprocess
import sys
import time
from pathlib import Path

import fake_store


def main() -> int:
    fake_store.record("kind")
    with fake_store.state() as content:
        mood = content["mood"].get("kind", "well")
        server = content["mood"]["api_server"]
    arguments = sys.argv[1:]
    if arguments[:2] == ["get", "kubeconfig"]:
        sys.stdout.write(kubeconfig(server))
        return 0
    name = arguments[arguments.index("--name") + 1]
    (fake_store.ROOT / f"{name}.config.yaml").write_text(sys.stdin.read())
    return MOODS[mood](name, Path(arguments[arguments.index("--kubeconfig") + 1]), server)


def well(name: str, path: Path, server: str) -> int:
    say(" • Preparing nodes 📦   ...")
    make_node(name, server)
    say(" ✓ Preparing nodes 📦 ")
    path.write_text(kubeconfig(server))
    return 0


def fails_half_way(name: str, path: Path, server: str) -> int:
    make_node(name, server)
    say(" • Starting control-plane 🕹️   ...")
    say("ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1")
    say("token: abcdef.0123456789abcdef")
    return 1


def hangs(name: str, path: Path, server: str) -> int:
    make_node(name, server)
    say(" • Starting control-plane 🕹️   ...")
    child = subprocess.Popen(["sleep", "600"])
    (fake_store.ROOT / "pids").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
    return 0


def cannot_pull(name: str, path: Path, server: str) -> int:
    say('ERROR: failed to create cluster: failed to pull image "nowhere/node:v9": command failed')
    return 1


def port_taken(name: str, path: Path, server: str) -> int:
    say("ERROR: failed to create cluster: listen tcp 127.0.0.1:6443: bind: address already in use")
    return 1


def finds_name_taken(name: str, path: Path, server: str) -> int:
    make_node(name, server)
    say(f'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "{name}"')
    return 1


def make_node(name: str, server: str) -> None:
    node = f"{name}-control-plane"
    network = next(value for key, value in os.environ.items() if key.endswith("_NETWORK"))
    with fake_store.state() as content:
        identifier = f"id-of-{node}-{len(content['calls'])}"
        port = int(server.rpartition(":")[2])
        content["containers"][identifier] = fake_store.container(node, identifier, name, network, port, "10.89.0.2")
        content["volumes"][f"volume-of-{node}"] = node


def kubeconfig(server: str) -> str:
    return f"""apiVersion: v1
kind: Config
clusters: [{{name: it, cluster: {{server: "{server}", insecure-skip-tls-verify: true}}}}]
users: [{{name: it, user: {{token: very-secret-token}}}}]
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
current-context: it
"""


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


MOODS = {
    "well": well,
    "fails half-way": fails_half_way,
    "hangs": hangs,
    "cannot pull": cannot_pull,
    "port taken": port_taken,
    "finds name taken": finds_name_taken,
}

if __name__ == "__main__":
    sys.exit(main())
