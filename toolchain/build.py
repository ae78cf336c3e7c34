"""Chooses and makes every part, links it into the checkout and records it in ``.tether/parts.json``."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tether import parts, versions
from tether.parts import Chart, Images, Parts, Tool
from tether.versions import IstioLine
from toolchain import (
    charts,
    debian,
    environment,
    images,
    install,
    istio_line,
    istio_tests,
    node,
    places,
    programs,
    progress,
    releases,
    runtime,
    schedule,
    sources,
)  # fmt: skip
from toolchain.places import Cache, Checkout
from toolchain.sources import Choice, Source
from toolchain.store import Artefact, Store

PLUGINS = (
    (versions.PULUMI_KUBERNETES, programs.PULUMI_KUBERNETES, "pulumi-resource-kubernetes"),
    (versions.PULUMI_RANDOM, programs.PULUMI_RANDOM, "pulumi-resource-random"),
)


def built_tools(line: IstioLine) -> dict[str, tuple[versions.Pin, Artefact, str]]:
    """Tool → pin, artefact and file in it."""
    return {
        "pulumi": (versions.PULUMI, programs.PULUMI, "pulumi"),
        "kind": (versions.KIND, programs.KIND, "kind"),
        "kubectl": (versions.KUBERNETES, programs.KUBERNETES, "kubernetes"),
        "istioctl": (line.build, programs.istio(line).istioctl, "istioctl"),
    }


def mesh_artefacts(line: IstioLine) -> tuple[Artefact, ...]:
    """What the source ``packages`` needs whatever is installed; what many others wait for comes first."""
    istio = programs.istio(line)
    return (
        programs.KUBERNETES, istio.pilot, debian.NODE_ROOT, debian.POD_ROOT, images.envoy(line),
        images.istio_files(line), istio.agent, programs.ECHO, programs.KIND, programs.COREDNS, programs.METALLB,
        images.pod_images(line), node.node_image(line), charts.charts(line),
        *(artefact for _, artefact, _ in PLUGINS),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a choice means: artefacts to make, and where each tool lies in them."""

    artefacts: tuple[Artefact, ...]
    tools: dict[str, tuple[versions.Pin, Artefact, str]]
    charts: Artefact
    plugins: tuple[tuple[versions.Pin, Artefact, str], ...]
    images: Images
    node_archive: Artefact | None
    """Holds the node image where it is built here; None where the runtime pulls it."""
    istio: versions.Pin
    """The chosen line's version, built or published."""
    data_plane: str


def ensure(project: Path | None = None, container_runtime: str = "") -> Parts:
    """Make every part that is missing, link it into the project, and write the record.

    Safe to call at any time and twice at once; with nothing to do it takes a fraction of a second.

    Args:
        project: The checkout; by default this one.
        container_runtime: The one that the settings name; empty: the one taken before, else whichever answers.

    Raises:
        schedule.BuildError: a part could not be made.
        runtime.NoRuntimeError: no container runtime answers.
        sources.SourceError: ``TETHER_SOURCE`` or ``TETHER_ISTIO`` asks for what cannot be had.
    """
    clone = Checkout(project.resolve()) if project else places.checkout()
    cache = places.cache()
    with progress.listener() as listener, ThreadPoolExecutor(1) as beside:
        # Both wait for other programs to answer; side by side that costs half.
        before = _recorded(clone)
        asked = beside.submit(runtime.find, cache, container_runtime, before.container_runtime if before else "")
        choice = decide(clone)
        found = asked.result()
        steps = plan(choice)
        made = _make(steps, cache, found.name, listener)
        chosen = _record(clone, cache, choice, steps, made, _with_first_reason(found, before))
        if chosen != before:
            environment.make_private(clone)
            parts.write(chosen, clone.parts)
            listener.note(f"source of images and charts: {chosen.source} — {chosen.why}")
            for name, tool in chosen.tools.items():
                listener.note(f"{name} {tool.version}: {tool.source} — {tool.why}")
    return chosen


def ensure_other_lines() -> None:
    """Make the parts of every line of Istio that this checkout does not run, for the tests that bring one up.

    Nothing is linked or recorded: the checkout stays with its own line.

    Raises:
        schedule.BuildError: a part could not be made.
        runtime.NoRuntimeError: no container runtime answers.
        sources.SourceError: ``TETHER_SOURCE`` or ``TETHER_ISTIO`` asks for what cannot be had.
    """
    clone, cache = places.checkout(), places.cache()
    own = decide(clone)
    before = _recorded(clone)
    found = runtime.find(cache, recorded=before.container_runtime if before else "")
    with progress.listener() as listener:
        for line in versions.ISTIO_LINES:
            if line != own.line:
                _make(plan(decide(clone, line)), cache, found.name, listener)


def _make(steps: Plan, cache: Cache, container_runtime: str, listener: progress.Progress) -> dict[str, Path]:
    made = schedule.realise(steps.artefacts, Store(cache), listener)
    if steps.node_archive and not runtime.has_image(cache, container_runtime, steps.images.node):
        listener.note(f"loading the node image into {container_runtime}")
        runtime.load_image(cache, container_runtime, made[steps.node_archive.name] / node.ARCHIVE)
    return made


def ensure_helm(project: Path | None = None) -> Path:
    """Build helm, which only the benchmark's step-by-step sequence calls, and link it into the project.

    Returns:
        The executable.

    Raises:
        schedule.BuildError: it could not be built.
    """
    clone = Checkout(project.resolve()) if project else places.checkout()
    _ensure_programs([programs.HELM], clone)
    return clone.programs / programs.HELM.name


def ensure_test_programs() -> None:
    """Build actionlint and the language host of YAML, which only tests call, and link them into the project.

    Raises:
        schedule.BuildError: one could not be built.
    """
    _ensure_programs([programs.ACTIONLINT, programs.PULUMI_YAML], places.checkout())


def _ensure_programs(wanted: list[Artefact], clone: Checkout) -> None:
    with progress.listener() as listener:
        made = schedule.realise(wanted, Store(places.cache()), listener)
    for program in wanted:
        install.link(clone.programs / program.name, made[program.name] / program.name)


def ensure_istio_tests() -> dict[str, Path]:
    """Build Istio's integration tests and their images, which only ``make conformance`` runs.

    Returns:
        Folder by artefact name (toolchain.istio_tests).

    Raises:
        schedule.BuildError: they could not be built.
        sources.SourceError: the checkout runs another line of Istio than the tests are of.
    """
    own = decide(places.checkout()).line
    if own != versions.DEFAULT_LINE:
        raise sources.SourceError(
            f"{istio_line.VARIABLE} — Istio's own tests are built of {versions.DEFAULT_LINE.name}, and this checkout "
            f"runs {own.name}. Run them with: {istio_line.VARIABLE}={versions.DEFAULT_LINE.name} make conformance"
        )
    with progress.listener() as listener:
        return schedule.realise([istio_tests.TESTS, istio_tests.TEST_IMAGES], Store(places.cache()), listener)


def decide(clone: Checkout, line: IstioLine | None = None) -> Choice:
    """Where the parts of this checkout come from, and of which line of Istio they are.

    Args:
        clone: The checkout, whose record says what was decided before.
        line: Another line than the one that the checkout runs.

    Raises:
        sources.SourceError: ``TETHER_SOURCE`` or ``TETHER_ISTIO`` asks for what cannot be had.
    """
    before = _recorded(clone)
    line = line or istio_line.wanted(os.environ, before.istio_version if before else "")
    remembered = (Source(before.source), before.why) if before else None
    return sources.choose(sources.ThisMachine(), sources.wanted(os.environ), remembered, line)


def _recorded(clone: Checkout) -> Parts | None:
    try:
        return parts.read(clone.parts)
    except (parts.PartsMissingError, ValueError, TypeError, KeyError):
        # A record that cannot be read is no record: it is written anew.
        return None


def plan(choice: Choice, fetcher: releases.Fetcher | None = None) -> Plan:
    """What has to be made for this choice."""
    if choice.source is Source.RELEASES:
        fetcher = fetcher or releases.Web()
        published = {
            name: (pin, artefact, name)
            for name, (pin, artefact) in releases.tools(fetcher, choice.line).items()
            if name not in choice.installed
        }
        chart_folder = releases.charts(fetcher, choice.line)
        return Plan(
            artefacts=(*(artefact for _, artefact, _ in published.values()), chart_folder),
            tools=published,
            charts=chart_folder,
            plugins=(),
            images=releases.images(choice.line),
            node_archive=None,
            istio=choice.line.release,
            data_plane="istio",
        )
    line = choice.line
    built = {name: tool for name, tool in built_tools(line).items() if name not in choice.installed}
    return Plan(
        artefacts=(*mesh_artefacts(line), *(artefact for _, artefact, _ in built.values())),
        tools=built,
        charts=charts.charts(line),
        plugins=PLUGINS,
        images=Images(
            node=node.reference(line),
            pilot=images.pilot(line),
            proxy=images.proxy(line),
            echo=images.ECHO,
            metallb_controller=images.METALLB_CONTROLLER,
            metallb_speaker=images.METALLB_SPEAKER,
        ),
        node_archive=node.node_image(line),
        istio=line.build,
        data_plane="envoy",
    )


def _with_first_reason(found: runtime.Found, before: Parts | None) -> runtime.Found:
    """That a choice stands is no new reason for it, and no news."""
    known = before.tools.get(found.name) if before and before.container_runtime == found.name else None
    return replace(found, why=known.why) if known else found


def _record(
    clone: Checkout, cache: Cache, choice: Choice, steps: Plan, made: dict[str, Path], found: runtime.Found
) -> Parts:
    """Link everything into the checkout and describe it."""
    tools = _link_tools(clone, choice, steps, made)
    tools[found.name] = Tool(path=runtime.path(found.name), version=found.version, source="installed", why=found.why)
    for pin, artefact, file in steps.plugins:
        install.install_plugin(clone, pin, made[artefact.name] / file)
    return Parts(
        source=choice.source,
        why=choice.why,
        container_runtime=found.name,
        data_plane=steps.data_plane,
        istio_version=steps.istio.version,
        envoy_version=choice.line.envoy.version,
        kubernetes_version=versions.KUBERNETES.version,
        images=steps.images,
        charts=_link_charts(clone, made[steps.charts.name]),
        tools=tools,
        environment=runtime.environment(cache, found.name),
    )


def _link_tools(clone: Checkout, choice: Choice, steps: Plan, made: dict[str, Path]) -> dict[str, Tool]:
    tools: dict[str, Tool] = {}
    for name in built_tools(choice.line):
        place = clone.programs / name
        if name in choice.installed:
            found = choice.installed[name]
            install.link(place, Path(found.path))
            tools[name] = Tool(path=str(place), version=found.version, source="installed", why=found.why)
            continue
        pin, artefact, file = steps.tools[name]
        put = install.place_beside if name == "pulumi" else install.link
        put(place, made[artefact.name] / file)
        why = choice.notes.get(name, choice.why)
        tools[name] = Tool(path=str(place), version=pin.version, source=choice.source, why=why)
    _link_language_host(clone, choice, steps, made)
    return tools


def _link_language_host(clone: Checkout, choice: Choice, steps: Plan, made: dict[str, Path]) -> None:
    """The official engine brings its own host; only the one that was built here needs ours."""
    if "pulumi" in choice.installed:
        install.unlink(clone.programs / "pulumi-language-python")
    elif choice.source is Source.RELEASES:
        folder = made[steps.tools["pulumi"][1].name]
        for host in folder.glob("pulumi-language-python*"):
            install.link(clone.programs / host.name, host)
    else:
        install.write_launcher(clone)


def _link_charts(clone: Checkout, folder: Path) -> dict[str, Chart]:
    """Link each chart under a name that changes with its content, or the engine would not see a change."""
    found: dict[str, Chart] = {}
    for chart in sorted(folder.iterdir()):
        digest = tree_digest(chart)
        place = clone.charts / f"{chart.name}-{digest[:12]}"
        install.link(place, chart)
        found[chart.name] = Chart(path=str(place.relative_to(clone.root)), digest=digest)
    return found


def tree_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files in a folder."""
    total = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        total.update(f"{path.relative_to(folder)}:{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()
