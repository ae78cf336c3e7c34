import dataclasses

from tests.unit.report.meshes import broken, mesh
from tether.report import mermaid


def test_every_cluster_is_a_subgraph_with_its_gateway():
    text = mermaid.flowchart(mesh(4))
    assert text.count("subgraph") == text.count("\n  end\n") == 5
    for address in ("10.89.126.128", "10.89.126.144", "10.89.126.160", "10.89.126.176", "10.89.126.192"):
        assert f'"east-west gateway<br/>{address}"' in text


def test_remote_secrets_and_what_they_read_are_links():
    text = mermaid.flowchart(mesh(1))
    assert 'c0i -- "reads with<br/>istio-remote-secret-cluster2<br/>synced" --> c1a' in text
    assert 'c1a["API server<br/>https://cluster2-ba41a77e-control-plane:6443"]' in text
    assert 'c1s -- "15012, 15017" --> c0g' in text


def test_what_is_not_tied_has_no_link():
    text = mermaid.flowchart(broken())
    assert " --> c3a" not in text
    assert "c3s --" not in text
    assert "c3g <==> between" not in text
    assert "c2r -. another root .- root" in text
    assert "c1r -.- root" in text


def test_names_cannot_end_a_label_or_become_markup():
    picture = mesh()
    primary, remote = picture.clusters
    evil = dataclasses.replace(remote, name='x"] <script>; #1 `y`\n%% z')
    text = mermaid.flowchart(dataclasses.replace(picture, clusters=(primary, evil), mesh_id='m"\n---\nevil'))
    (line,) = (line for line in text.splitlines() if line.startswith("  subgraph c1["))
    assert line == ('  subgraph c1["x#34;] #60;script#62;#59; #35;1 #96;y#96; %% z · remote · network2 · v1.34.4"]')
    assert text.splitlines()[:3] == ["---", 'title: "Mesh m---evil"', "---"]
