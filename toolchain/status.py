"""What is chosen, what is cached, and how to be rid of it."""

import shutil
from pathlib import Path

from tether import parts, versions
from toolchain import build, istio_line, node, places, programs, runtime, shell
from toolchain.places import Cache, Checkout
from toolchain.schedule import closure
from toolchain.store import Store

MIB = 1 << 20


def describe() -> str:
    """A page of text: the parts in use, and every artefact of the cache."""
    clone, cache = places.checkout(), places.cache()
    return "\n".join([*_chosen(clone), "", *_cached(clone, cache)]) + "\n"


def _chosen(clone: Checkout) -> list[str]:
    try:
        chosen = parts.read(clone.parts)
    except parts.PartsMissingError as error:
        return [str(error)]
    lines = [
        f"Source      {chosen.source} ({chosen.why})",
        f"Runtime     {chosen.container_runtime}",
        f"Versions    Kubernetes {chosen.kubernetes_version}, Istio {chosen.istio_version}, "
        f"Envoy {chosen.envoy_version}",
        f"Istio line  {istio_line.wanted({}, chosen.istio_version).name} of "
        f"{', '.join(line.name for line in versions.ISTIO_LINES)}; stays until {istio_line.VARIABLE} names another",
        f"Data plane  {chosen.data_plane}",
        f"Node image  {chosen.images.node}",
        "",
    ]
    width = max(map(len, chosen.tools))
    return lines + [
        f"{name:<{width}}  {tool.version:<22}{tool.source:<10}{tool.path}\n{'':<{width}}  {tool.why}"
        for name, tool in chosen.tools.items()
    ]


def _cached(clone: Checkout, cache: Cache) -> list[str]:
    wanted = list(closure(build.plan(build.decide(clone)).artefacts))
    store = Store(cache)
    lines = [f"Cache       {cache.root}"]
    for artefact in wanted:
        there = store.has(artefact)
        size = f"{_size(store.path(artefact)) // MIB:>6} MiB" if there else "   missing"
        lines.append(f"  {artefact.name:<20}{artefact.digest}  {size}")
    names = {artefact.folder_name for artefact in wanted}
    other = [path for path in cache.artefacts.glob("[!.]*") if path.name not in names]
    if other:
        size = sum(map(_size, other)) // MIB
        lines.append(
            f"  {len(other)} others, {size} MiB, not used by this checkout; remove them with: make tools-clean"
        )
    return lines


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def clean(*, everything: bool) -> str:
    """Remove cached artefacts and loaded node images that this checkout does not use, or all of them.

    Returns:
        What was done, in words.
    """
    clone, cache = places.checkout(), places.cache()
    wanted = () if everything else (*build.plan(build.decide(clone)).artefacts, programs.HELM)
    kept = {artefact.folder_name for artefact in closure(wanted)}
    removed = Store(cache).remove(keep=kept.__contains__)
    lines = [f"removed {name}" for name in removed]
    try:
        chosen = parts.read(clone.parts)
        lines += [f"removed image {name}" for name in _remove_images(cache, chosen, everything=everything)]
    except parts.PartsMissingError:
        pass
    if everything:
        for folder in (cache.go, cache.logs, cache.programs):
            shell.remove_tree(folder)
        for place in (clone.programs, clone.charts):
            shutil.rmtree(place, ignore_errors=True)
        clone.parts.unlink(missing_ok=True)
        lines.append(f"removed Go's caches and what was installed into {cache.root}")
    return "\n".join(lines or ["nothing to remove"]) + "\n"


def _remove_images(cache: Cache, chosen: parts.Parts, *, everything: bool) -> list[str]:
    return [
        reference
        for reference in runtime.images_of(cache, chosen.container_runtime, node.REPOSITORY)
        if (everything or reference != chosen.images.node)
        and runtime.remove_image(cache, chosen.container_runtime, reference)
    ]
