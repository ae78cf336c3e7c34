"""A docker that has what the fake podman has, and tells of it as Docker does.

Shapes, sentences and exit codes were read off docker 26.1.5.
"""

import json
import sys
from typing import Any

import fake_podman
import fake_store
from fake_podman import put

_NO_CONTAINER = "Error response from daemon: No such container: {}"
_NO_NETWORK = "Error response from daemon: network {} not found"


def main() -> int:
    fake_store.record("docker")
    arguments = sys.argv[1:]
    with fake_store.state() as content:
        command = " ".join(arguments[: 2 if arguments[0] in ("network", "volume", "image") else 1])
        return COMMANDS[command](content, arguments)


def complain(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


def version(content: dict[str, Any], arguments: list[str]) -> int:
    put(json.dumps({"Client": {"Version": "26.1.5"}, "Server": {"Version": "26.1.5"}}))
    return 0


def inspect(content: dict[str, Any], arguments: list[str]) -> int:
    known = content["containers"]
    put(json.dumps([_container(known[key]) for key in arguments[3:] if key in known]))
    lost = [key for key in arguments[3:] if key not in known]
    return complain(_NO_CONTAINER.format(lost[0])) if lost else 0


def _container(entry: dict[str, Any]) -> dict[str, Any]:
    """One that does not run has no address, and publishes nothing."""
    settings: dict[str, Any] = entry["NetworkSettings"]
    running: bool = entry["State"]["Running"]
    nowhere: dict[str, Any] = {"IPAMConfig": None, "IPAddress": "", "GlobalIPv6Address": ""}
    known: dict[str, dict[str, Any]] = settings["Networks"]
    networks = {name: {**nowhere, **told} if running else nowhere for name, told in known.items()}
    return {
        **entry,
        "Name": f"/{entry['Name']}",
        "State": {"Status": "running" if running else "exited", "Running": running},
        "NetworkSettings": {"Ports": settings["Ports"] if running else {}, "IPAddress": "", "Networks": networks},
    }


def kill(content: dict[str, Any], arguments: list[str]) -> int:
    lost = [key for key in arguments[1:] if key not in content["containers"]]
    return complain(f"Error response from daemon: cannot kill container: {lost[0]}: No such container") if lost else 0


def remove(content: dict[str, Any], arguments: list[str]) -> int:
    """With --force, one that is absent is told of and no error; a node's volume is anonymous and goes with it."""
    for key in arguments[3:]:
        entry = content["containers"].pop(key, None)
        if entry is None:
            complain(_NO_CONTAINER.format(key))
        elif "--volumes" in arguments:
            content["volumes"] = {volume: node for volume, node in content["volumes"].items() if node != entry["Name"]}
    return 0


def volume_list(content: dict[str, Any], arguments: list[str]) -> int:
    """Anonymous ones have no label of kind's."""
    return 0


def network_inspect(content: dict[str, Any], arguments: list[str]) -> int:
    known = {name: {"Name": name, "IPAM": {"Config": None}, "Labels": {}} for name in ("host", "none")}
    known |= {name: _network(entry) for name, entry in content["networks"].items()}
    put(json.dumps([known[name] for name in arguments[2:] if name in known]))
    lost = [name for name in arguments[2:] if name not in known]
    return complain(_NO_NETWORK.format(lost[0])) if lost else 0


def _network(entry: dict[str, Any]) -> dict[str, Any]:
    words = {"subnet": "Subnet", "gateway": "Gateway"}
    parts = [{words[key]: value for key, value in one.items() if value} for one in entry["subnets"]]
    return {"Name": entry["name"], "IPAM": {"Driver": "default", "Config": parts}, "Labels": entry["labels"]}


def network_list(content: dict[str, Any], arguments: list[str]) -> int:
    put("\n".join(["host", "none", *content["networks"]]))
    return 0


def network_create(content: dict[str, Any], arguments: list[str]) -> int:
    """A gateway that nobody named is chosen, and not told by ``inspect``; an overlap does not say of what."""
    wanted = {part: _values(arguments, part) for part in ("--subnet", "--gateway", "--label")}
    taken = [one["subnet"] for network in content["networks"].values() for one in network["subnets"]]
    if set(wanted["--subnet"]) & set(taken):
        return complain("Error response from daemon: Pool overlaps with other one on this address space")
    gateways = wanted["--gateway"] or [""] * len(wanted["--subnet"])
    content["networks"][arguments[-1]] = {
        "name": arguments[-1],
        "subnets": [
            {"subnet": subnet, "gateway": gateway} for subnet, gateway in zip(wanted["--subnet"], gateways, strict=True)
        ],
        "labels": dict(label.split("=", 1) for label in wanted["--label"]),
    }
    return 0


def _values(arguments: list[str], option: str) -> list[str]:
    return [arguments[index + 1] for index, part in enumerate(arguments) if part == option]


def network_remove(content: dict[str, Any], arguments: list[str]) -> int:
    name = arguments[-1]
    if any(name in entry["NetworkSettings"]["Networks"] for entry in content["containers"].values()):
        return complain(f"Error response from daemon: error while removing network: {name} has active endpoints")
    return 0 if content["networks"].pop(name, None) else complain(_NO_NETWORK.format(name))


COMMANDS = {
    "version": version,
    "ps": fake_podman.listing,
    "inspect": inspect,
    "kill": kill,
    "rm": remove,
    "volume ls": volume_list,
    "network inspect": network_inspect,
    "network ls": network_list,
    "network create": network_create,
    "network rm": network_remove,
}

if __name__ == "__main__":
    sys.exit(main())
