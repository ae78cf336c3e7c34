"""``tether up``: from nothing to a proved mesh, or on from wherever an earlier run ended."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from tether import parts, settings, standing, topology
from tether.authority import root_key
from tether.cli import locks, mending, policy, private_file, processes, project, records, room, stack_file
from tether.cli.engine import Engine, EngineError, engine_of
from tether.cli.project import Project
from tether.cli.recovery import recover
from tether.cli.remnants import Machine
from tether.cli.state import State
from tether.cli.summary import Outcome
from tether.cli.talk import say, warn
from tether.compatibility import verdict
from tether.environments import registry
from tether.errors import SettingsError, TetherError
from tether.redact import HIDDEN, hide, plain_credentials
from tether.settings import ContainerRuntime, Settings
from tether.settings.stack import of_project
from tether.settings.wording import encrypt, subject


def up(
    place: Project,
    *,
    refresh: bool = False,
    allow_unsupported: bool = False,
    packs: policy.Packs | None = None,
    deadline: float | None = None,
) -> Outcome:
    """Bring the stack up.

    Args:
        place: The checkout and its stack.
        refresh: First look at what is really there.
        allow_unsupported: Only warn of versions that would be refused.
        packs: Policy packs that the update must satisfy.
        deadline: Moment of the monotonic clock after which the engine is cancelled; None: never.

    Raises:
        TetherError: with the exit code that belongs to it.
    """
    packs = packs or policy.Packs()
    packs.check()
    began = time.monotonic()
    wanted = checked_settings(place)
    with locks.alone(place):
        permission = {verdict.VARIABLE: "true"} if allow_unsupported else {}
        engine = ready_engine(place, wanted, permission, deadline)
        options = ["--refresh"] if refresh else []
        policy.preview(place, engine, packs, *options)
        try:
            state = update(place, engine, *packs.options(), *options)
        except EngineError:
            # What was not known in the preview is known now.
            policy.refuse_violations(place, "what was made before is recorded")
            raise
        return outcome(place, engine, state, began)


def ready_engine(
    place: Project, wanted: Settings, more: Mapping[str, str] | None = None, deadline: float | None = None
) -> Engine:
    """Look at the machine, have the tools made, and mend what an earlier run left; the stack must be held.

    Args:
        place: The checkout and the stack.
        wanted: Its settings.
        more: Environment variables for the engine, beside the checkout's own.
        deadline: Moment of the monotonic clock after which it is cancelled; None: never.

    Raises:
        TetherError: with the exit code that belongs to it.
    """
    if not place.shared_state:
        room.check(place, wanted, deadline)
    build_tools(place, wanted.container_runtime)
    if place.shared_state:
        # Only the engine knows what stands already of a state that other checkouts share.
        room.check(place, wanted, deadline)
    environment = {**project.full_environment(place), **(more or {})}
    check_against_state(place, wanted, environment)
    engine = engine_of(place, environment, deadline)
    check_root_key_file(place, wanted, ready_stack(place, engine))
    return engine


def update(place: Project, engine: Engine, *options: str) -> State:
    """Run the engine, and write down what the stack has on this machine whatever comes of it.

    Raises:
        TetherError: the engine failed or was interrupted.
    """
    try:
        engine.up(*options)
    finally:
        state = remember(place, engine)
    if state is None:
        raise TetherError("The engine left no state behind; look at it with: pulumi stack export")
    return state


def checked_settings(place: Project) -> Settings:
    """Check the settings before anything is built; the program checks them again, secrets included."""
    raw = of_project(project.written_settings(place), place.name)
    try:
        wanted = settings.read(raw, place.name, folder=place.root)
    except SettingsError as error:
        if place.environment or place.read_state() is not None:
            raise
        raise mending.with_steps(error, place) from None
    _warn_of_plain_credentials(place)
    return wanted


def _warn_of_plain_credentials(place: Project) -> None:
    """Tell of credentials in the stack file that git would show to everybody; the policy pack refuses the same."""
    written = hide(project.stack_config(place), project.is_encrypted, HIDDEN)
    for key, *inner in plain_credentials(written):
        path = (str(key).partition(":")[2], *inner)
        warn(
            f"{subject(path, place.name)} lies unencrypted in {place.stack_file.relative_to(place.root)}. "
            f"Encrypt it: {encrypt(path, place.name)}"
        )


def check_against_state(place: Project, wanted: Settings, environment: Mapping[str, str]) -> None:
    """Refuse settings that the mesh cannot follow, and versions that are known to be bad or do not go together.

    Raises:
        SettingsError: carries every problem.
        UnsupportedError: carries every finding, unless the settings or the environment allow them.
    """
    chosen = parts.read(place.root / parts.FILE)
    # A state that machines share cannot be read as a file.
    written = Engine(place, environment).export() if place.shared_state else place.read_state()
    state = State(written or {})
    way = standing.anew(place.environment, place.stack)
    standing.refuse(wanted, state.resources, place.name, chosen.images.node, way=way)
    findings, silent = verdict.examine(
        topology.plan(wanted), chosen, place.root, running=verdict.istio_of(state.outputs), project=place.name
    )
    verdict.enforce(findings, silent, warn, allowed=verdict.is_allowed(wanted, environment), project=place.name)


def build_tools(place: Project, runtime: ContainerRuntime) -> None:
    """Have the toolchain make or choose every part; it shows its own progress.

    Args:
        place: The checkout.
        runtime: What the settings name; ``auto``: the toolchain chooses.

    Raises:
        TetherError: it failed, and has said why.
    """
    named = [] if runtime is ContainerRuntime.AUTO else ["--container-runtime", runtime.value]
    done = subprocess.run(
        [sys.executable, "-m", "toolchain", "build", *named], cwd=place.root, stdout=sys.stderr.fileno(), check=False
    )
    if done.returncode:
        raise TetherError(
            f"The tools are not complete, so nothing was created. Once that is mended: {place.up_command}"
        )


def ready_stack(place: Project, engine: Engine) -> State | None:
    """Make the stack where there is none, and mend what a killed run left.

    Returns:
        The state, or None for a new stack.
    """
    locks.clear_dead_locks(place, say)
    processes.end(processes.orphaned_plugins(place.private / "pulumi"))
    exported = engine.export()
    if exported is None:
        # A salt of an earlier state fits an earlier passphrase.
        stack_file.forget_salt(place)
        engine.ask("stack", "init")
    stack_file.keep_salt_out_of_git(place)
    if exported is None:
        return None
    state = State(exported)
    records.add(place, state.suffixes())
    return recover(state, engine, machine_of(place), say)


def machine_of(place: Project) -> Machine:
    """The container runtime that the parts chose."""
    chosen = parts.read(place.root / parts.FILE)
    return Machine(chosen.container_runtime, project.full_environment(place), again=place.down_command)


def check_root_key_file(place: Project, wanted: Settings, state: State | None) -> None:
    """See that the key of a root that is still to be made can be handed out: this run makes no preview that would.

    Raises:
        SettingsError: it cannot.
    """
    file = wanted.certificate_authority.root_key_file
    if not file or (state is not None and state.has_root):
        return
    if problem := root_key.hindrance(place.root / Path(file).expanduser(), place.name):
        raise SettingsError("1 problem in the settings; nothing was created.", [problem])


def remember(place: Project, engine: Engine) -> State | None:
    """Write down what the stack has on this machine, also when the run failed."""
    exported = engine.export()
    if exported is None:
        return None
    state = State(exported)
    clusters = len(state.clusters())
    records.add(place, state.suffixes(), clusters)
    if place.environment:
        registry.of_user().recount(place.root, clusters)
    return state


def outcome(place: Project, engine: Engine, state: State, began: float) -> Outcome:
    """Say what a run brought, and write the kubeconfigs of the clusters that there are now."""
    changes = place.last_changes()
    names = cast("list[str]", state.outputs.get("clusters") or [])
    if changes or not all((place.kubeconfigs / name).is_file() for name in names):
        shown = engine.ask("stack", "output", "kubeconfigs", "--json", "--show-secrets")
        write_kubeconfigs(place, json.loads(shown))
    return Outcome(
        outputs=state.outputs,
        changes=changes,
        seconds=time.monotonic() - began,
        kubeconfigs=str(place.kubeconfigs.relative_to(place.root)),
        environment=place.environment,
    )


def write_kubeconfigs(place: Project, kubeconfigs: Mapping[str, str]) -> None:
    """Write one private file per cluster, and remove those of clusters that are gone."""
    place.kubeconfigs.mkdir(mode=0o700, parents=True, exist_ok=True)
    for stale in place.kubeconfigs.iterdir():
        if stale.name not in kubeconfigs:
            stale.unlink()
    for name, content in kubeconfigs.items():
        private_file.write(place.kubeconfigs / name, content)
