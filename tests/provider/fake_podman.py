"""A podman that knows containers, networks and volumes by heart."""

import json
import sys
from typing import Any

import fake_store


def main() -> int:
    fake_store.record("podman")
    arguments = sys.argv[1:]
    with fake_store.state() as content:
        command = " ".join(arguments[: 2 if arguments[0] in ("network", "volume", "image") else 1])
        return COMMANDS[command](content, arguments)


def put(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def version(content: dict[str, Any], arguments: list[str]) -> int:
    if content["mood"].get("podman") == "dead":
        sys.stderr.write("cannot connect\n")
        return 125
    put('{"Client": {"Version": "4.3.1"}}')
    return 0


def image_inspect(content: dict[str, Any], arguments: list[str]) -> int:
    return 0 if arguments[-1] in content["images"] else 125


def listing(content: dict[str, Any], arguments: list[str]) -> int:
    key, _, value = arguments[arguments.index("--filter") + 1].partition("=")
    for identifier, entry in content["containers"].items():
        label, _, wanted = value.partition("=")
        fits = (
            entry["Config"]["Labels"].get(label) == wanted
            if key == "label"
            else (value in entry["NetworkSettings"]["Networks"])
        )
        if fits:
            put(identifier)
    return 0


def inspect(content: dict[str, Any], arguments: list[str]) -> int:
    known = [content["containers"][key] for key in arguments[3:] if key in content["containers"]]
    put(json.dumps(known))
    return 0 if len(known) == len(arguments[3:]) else 125


def kill(content: dict[str, Any], arguments: list[str]) -> int:
    return 0 if all(key in content["containers"] for key in arguments[1:]) else 125


def remove(content: dict[str, Any], arguments: list[str]) -> int:
    if content["mood"].get("remove") == "fails":
        sys.stderr.write("device or resource busy\n")
        return 125
    for key in arguments[3:]:
        content["containers"].pop(key, None)
    return 0


def volume_list(content: dict[str, Any], arguments: list[str]) -> int:
    label = arguments[-1].removeprefix("label=")
    put("\n".join(name for name, node in content["volumes"].items() if node == label))
    return 0


def volume_remove(content: dict[str, Any], arguments: list[str]) -> int:
    for name in arguments[3:]:
        content["volumes"].pop(name, None)
    return 0


def network_inspect(content: dict[str, Any], arguments: list[str]) -> int:
    names = arguments[2:]
    known = [content["networks"][name] for name in names if name in content["networks"]]
    put(json.dumps(known))
    if len(known) < len(names):
        sys.stderr.write("Error: unable to find network with name or ID: network not found\n")
        return 125
    return 0


def network_list(content: dict[str, Any], arguments: list[str]) -> int:
    put("\n".join(content["networks"]))
    return 0


def network_create(content: dict[str, Any], arguments: list[str]) -> int:
    subnet, *more = [arguments[index + 1] for index, part in enumerate(arguments) if part == "--subnet"]
    taken = [one["subnet"] for network in content["networks"].values() for one in network["subnets"]]
    taken.append(content["mood"].get("taken_ipv6", ""))
    if lost := [one for one in more if one in taken]:
        sys.stderr.write(f"Error: subnet {lost[0]} is already used on the host or by another config\n")
        return 125
    if content["mood"].get("busy_subnets", 0) > 0:
        content["mood"]["busy_subnets"] -= 1
        sys.stderr.write(f"Error: subnet {subnet} is already used on the host or by another config\n")
        return 125
    labels = [arguments[index + 1] for index, part in enumerate(arguments) if part == "--label"]
    content["networks"][arguments[-1]] = {
        "name": arguments[-1],
        "subnets": [
            {"subnet": subnet, "gateway": subnet.replace(".0/24", ".1")},
            *({"subnet": one, "gateway": one.replace("::/64", "::1")} for one in more),
        ],
        "labels": dict(label.split("=", 1) for label in labels),
    }
    return 0


def network_remove(content: dict[str, Any], arguments: list[str]) -> int:
    name = arguments[-1]
    users = [entry for entry in content["containers"].values() if name in entry["NetworkSettings"]["Networks"]]
    if users:
        sys.stderr.write(f"Error: {name} has associated containers with it: network is being used\n")
        return 2
    if content["networks"].pop(name, None) is None:
        sys.stderr.write("Error: network not found\n")
        return 1
    return 0


COMMANDS = {
    "version": version,
    "image inspect": image_inspect,
    "ps": listing,
    "inspect": inspect,
    "kill": kill,
    "rm": remove,
    "volume ls": volume_list,
    "volume rm": volume_remove,
    "network inspect": network_inspect,
    "network ls": network_list,
    "network create": network_create,
    "network rm": network_remove,
}

if __name__ == "__main__":
    sys.exit(main())
