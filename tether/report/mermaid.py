"""The topology picture as Mermaid text, for READMEs, wikis and pull requests."""

from collections.abc import Iterator

from tether.report.card import Relation, way_in
from tether.report.layout import is_tied
from tether.report.picture import Cluster, Picture, short
from tether.topology import CROSS_NETWORK_PORT, WEBHOOK_PORT, XDS_PORT


def flowchart(picture: Picture) -> str:
    """A flow chart of the mesh (Mermaid, ``flowchart LR``)."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "---"
    yield f"title: {_front(picture.name)}"
    yield "---"
    yield "flowchart LR"
    for index, cluster in enumerate(picture.clusters):
        yield from _cluster(picture, cluster, f"c{index}")
    names = {f"c{index}": cluster for index, cluster in enumerate(picture.clusters)}
    for name, remote in names.items():
        if not remote.is_primary:
            yield from _links(picture, remote, name)
    crossing = [name for name, cluster in names.items() if way_in(cluster)]
    if len(crossing) > 1:
        yield f'  between(["{CROSS_NETWORK_PORT}: mTLS between networks"])'
        yield from (f"  {name}g <==> between" for name in crossing)
    yield f'  root{{{{"{_label(*_root(picture))}"}}}}'
    for name, cluster in names.items():
        yield f"  {name}r -.- root" if picture.trusts_the_root(cluster) else f"  {name}r -. another root .- root"


def _root(picture: Picture) -> list[str]:
    until = [f"until {picture.root_until}"] if picture.root_until else []
    return [f"trust domain {picture.trust_domain}", f"root {short(picture.root) or 'unknown'}", *until]


def _cluster(picture: Picture, cluster: Cluster, name: str) -> Iterator[str]:
    title = " · ".join(filter(None, [cluster.name, str(cluster.role), cluster.network, cluster.kubernetes]))
    yield f'  subgraph {name}["{_label(title)}"]'
    if cluster.is_primary:
        istiod = picture.istiod
        doors = f"{XDS_PORT} XDS, CA · {WEBHOOK_PORT} webhook"
        yield f'    {name}i["{_label(f"istiod {istiod.version}".strip(), doors, istiod.readiness)}"]'
    else:
        leads = ", ".join(cluster.istiod_addresses) or "nowhere"
        yield f'    {name}a["{_label("API server", cluster.api_server or "unknown")}"]'
        yield f'    {name}s["{_label(f"Service {picture.istiod.service}", f"leads to {leads}")}"]'
    gateway = way_in(cluster)
    yield f'    {name}g["{_label("east-west gateway", gateway.address if gateway else "no address")}"]'
    for index, ingress in enumerate(cluster.ingress):
        yield f'    {name}in{index}["{_label("ingress gateway", ingress.address or "no address")}"]'
    yield f'    {name}r["{_label("trusts root", short(cluster.root) or "none")}"]'
    if cluster.is_primary and gateway:
        yield f"    {name}g -- by SNI --> {name}i"
    yield "  end"


def _links(picture: Picture, remote: Cluster, name: str) -> Iterator[str]:
    secret = remote.secret
    if secret and is_tied(picture, remote, Relation.READING):
        how = _label("reads with", secret.name.partition("/")[2], secret.state or "unknown to istiod")
        yield f'  c0i -- "{how}" --> {name}a'
    if is_tied(picture, remote, Relation.CONTROL):
        gateway = way_in(picture.primary)
        ports = [gateway.entrance(port) if gateway else port for port in (XDS_PORT, WEBHOOK_PORT)]
        yield f'  {name}s -- "{ports[0]}, {ports[1]}" --> c0g'


def _label(*lines: str) -> str:
    """Text inside quotes: Mermaid takes entities for what it would else read as syntax or markup."""
    return "<br/>".join("".join(map(_letter, line)) for line in lines)


def _letter(letter: str) -> str:
    if letter in '"#;&<>`\\':
        return f"#{ord(letter)};"
    return letter if letter.isprintable() else " "


def _front(text: str) -> str:
    """Text of the front matter, which is YAML."""
    return '"' + "".join(letter for letter in text if letter.isprintable() and letter not in '"\\') + '"'
