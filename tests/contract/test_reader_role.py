"""What the reader may do in a remote, whose token the primary's istiod has."""

from pathlib import Path

from tests.contract.conftest import releases
from tests.contract.recording import Recording
from tether import reader_rights
from tether.topology import READER_SERVICE_ACCOUNT

PROJECT = Path(__file__).parents[2]
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"


def test_the_reader_may_do_what_is_in_the_table_and_nothing_else(two_clusters: Recording) -> None:
    role = two_clusters.one(f"{RBAC}:ClusterRole", "cluster2-reader").inputs
    binding = two_clusters.one(f"{RBAC}:ClusterRoleBinding", "cluster2-reader").inputs
    assert role["rules"] == reader_rights.rules()
    assert role["metadata"]["name"] == binding["roleRef"]["name"] == "tether-reader-istio-system"
    (subject,) = binding["subjects"]
    assert (subject["name"], subject["namespace"]) == (READER_SERVICE_ACCOUNT, "istio-system")
    assert releases(two_clusters)["cluster2-istiod"].inputs["values"]["global"]["enableReaderRBAC"] is False


def test_the_guide_lists_the_rights_as_they_are() -> None:
    guide = (PROJECT / "docs" / "how-to" / "renew-the-remote-credential.md").read_text()
    listed = [line for line in guide.splitlines() if line.startswith("| `") and line.count(" | ") == 3]
    assert listed == [
        f"| `{right.resource}` | {right.group or 'core'} | {', '.join(right.verbs)} | {right.why} |"
        for right in reader_rights.RIGHTS
    ]


def test_no_right_is_to_everything(two_clusters: Recording) -> None:
    for rule in two_clusters.one(f"{RBAC}:ClusterRole", "cluster2-reader").inputs["rules"]:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
