"""The two services, asked from every cluster."""

from tether.testing import Calls, MeshNamespace, wait_for


def deploy_stock(namespace: MeshNamespace, image: str) -> None:
    namespace.deploy("manifests/stock-service.yaml")
    namespace.deploy("manifests/stock.yaml", into=namespace.mesh.remotes[0], image=image)


def test_stock_is_answered_from_every_cluster(mesh_namespace: MeshNamespace, image: str) -> None:
    deploy_stock(mesh_namespace, image)
    (home, *_) = mesh_namespace.mesh.remotes

    for cluster in mesh_namespace.mesh.clusters:
        calls = wait_for(
            lambda cluster=cluster: mesh_namespace.call("http://stock/", source=cluster, requests=10),
            lambda calls: calls.ok,
            successes=2,
            what=f"stock, asked from {cluster},",
        )
        assert all(f"Cluster={home}" in body for body in calls.bodies)


def test_only_web_may_ask_stock(mesh_namespace: MeshNamespace, image: str) -> None:
    deploy_stock(mesh_namespace, image)
    mesh_namespace.deploy("manifests/only-web-asks-stock.yaml")

    def ask(account: str) -> Calls:
        return mesh_namespace.call("http://stock/", source=mesh_namespace.mesh.primary, requests=5, account=account)

    wait_for(lambda: ask("web"), lambda calls: calls.ok, successes=2, what="stock, asked by web,")
    wait_for(lambda: ask("thief"), lambda calls: calls.statuses == {403: 5}, successes=2, what="the refusal of thief")


def test_the_other_clusters_web_answers_where_one_is_gone(mesh_namespace: MeshNamespace, image: str) -> None:
    mesh = mesh_namespace.mesh
    mesh_namespace.deploy("manifests/web.yaml", image=image, replicas=1)

    def answering() -> set[str]:
        calls = mesh_namespace.call("http://web/", source=mesh.primary, requests=20)
        assert calls.ok, str(calls)
        return {name for name in mesh.clusters if any(f"Cluster={name}" in body for body in calls.bodies)}

    wait_for(answering, lambda names: names == set(mesh.clusters), what="web of every cluster")
    mesh_namespace.deploy("manifests/web.yaml", into=mesh.primary, image=image, replicas=0)
    wait_for(answering, lambda names: names == set(mesh.remotes), successes=3, what="web of the remotes alone")
