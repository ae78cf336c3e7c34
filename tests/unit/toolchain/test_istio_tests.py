from pathlib import Path

import pytest

from toolchain.istio_tests import PULL_POLICIES, use_images_of_the_nodes


def lay_out(source: Path) -> None:
    for name, (said, _) in PULL_POLICIES.items():
        (source / name).parent.mkdir(parents=True)
        (source / name).write_text(f"image: auto\n  {said}\n")


def test_images_of_istios_tests_are_taken_from_the_nodes(tmp_path: Path):
    lay_out(tmp_path)
    use_images_of_the_nodes(tmp_path)
    assert {(tmp_path / name).read_text() for name in PULL_POLICIES} == {
        "image: auto\n  imagePullPolicy: IfNotPresent\n"
    }


def test_a_pull_policy_that_moved_in_istios_tests_stops_their_build(tmp_path: Path):
    lay_out(tmp_path)
    (tmp_path / "manifests/charts/gateway/values.yaml").write_text("image: auto\n")
    with pytest.raises(ValueError, match=r"manifests/charts/gateway/values\.yaml of Istio's tests"):
        use_images_of_the_nodes(tmp_path)
