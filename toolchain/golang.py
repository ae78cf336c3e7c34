"""Builds Go programs from the pinned wrapper modules in ``toolchain/go``.

Each wrapper has a go.mod and go.sum of ours, because ``go install pkg@version``
refuses modules with replace lines, and so that no checksum server is asked.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tether import versions
from toolchain import shell
from toolchain.places import PACKAGE, Cache
from toolchain.store import Artefact, Workshop

WRAPPERS = PACKAGE / "go"
LANE = "go"
MEMORY_SHARE = 4
"""A compiler may use this fraction of the memory before it collects garbage."""
MEMORY_FALLBACK_MIB = 2048


@dataclass(frozen=True, kw_only=True)
class Program:
    """Go programs that are linked from one wrapper module with the same flags."""

    name: str
    wrapper: str
    """Folder under ``toolchain/go``."""
    packages: Mapping[str, str]
    """Name of the executable → Go package."""
    tags: str = ""
    stamps: Mapping[str, str] = field(default_factory=dict[str, str])
    """Package variable → value that the linker sets."""
    generate: Callable[[Workshop, Path], None] | None = None
    """Makes files that the program embeds, in the copy of the wrapper that is its second argument."""
    needs: tuple[Artefact, ...] = ()


def artefact(program: Program) -> Artefact:
    """The artefact that holds the program's executables."""
    flags = [f"-X={variable}={value}" for variable, value in program.stamps.items()]
    return Artefact(
        name=program.name,
        make=lambda workshop: build(program, workshop),
        inputs={
            "go": versions.GO.version,
            "tags": program.tags,
            "flags": " ".join(flags),
            "packages": json.dumps(program.packages, sort_keys=True),
        },
        files=(WRAPPERS / program.wrapper,),
        needs=program.needs,
        lane=LANE,
    )


def build(program: Program, workshop: Workshop) -> None:
    """Compile and link the program into the workshop's draft."""
    source = workshop.draft / "source"
    # A copy: what a program embeds is generated, and nothing may be written into the checkout.
    shutil.copytree(WRAPPERS / program.wrapper, source)
    if program.generate:
        program.generate(workshop, source)
    for executable, package in program.packages.items():
        compile_package(program, workshop, source, package, workshop.draft / executable)
    shell.remove_tree(source)


def compile_package(program: Program, workshop: Workshop, source: Path, package: str, goal: Path) -> None:
    """Compile one package of a program to the executable ``goal``."""
    stamps = [f"-X={variable}={value}" for variable, value in program.stamps.items()]
    workshop.run(
        go_program(workshop.cache), "build", "-tags", program.tags, "-ldflags", " ".join(["-s", "-w", *stamps]),
        "-o", goal, package,
        cwd=source, env=environment(workshop.cache),
    )  # fmt: skip


def module_folder(workshop: Workshop, wrapper: str, pin: versions.Pin) -> Path:
    """The folder of a module's files, downloaded now if need be; go.sum vouches for it."""
    wanted = f"{pin.module}@{pin.module_version}"
    answer = shell.output(
        [go_program(workshop.cache), "-C", WRAPPERS / wrapper, "mod", "download", "-json", wanted],
        env=environment(workshop.cache),
        timeout=600,
    )
    return Path(json.loads(answer)["Dir"])


def replace_module(workshop: Workshop, source: Path, module: str, folder: Path) -> None:
    """Have the copy of a wrapper in ``source`` take a module from a folder."""
    workshop.run(
        go_program(workshop.cache), "mod", "edit", f"-replace={module}={folder}",
        cwd=source, env=environment(workshop.cache),
    )  # fmt: skip


def required_version(wrapper: str, module: str) -> str:
    """The version of a module that a wrapper's go.mod requires.

    Raises:
        ValueError: it requires none.
    """
    found = re.search(
        rf"^\s*(?:require )?{re.escape(module)} (v\S+)", (WRAPPERS / wrapper / "go.mod").read_text(), re.M
    )
    if not found:
        raise ValueError(f"toolchain/go/{wrapper}/go.mod does not require {module}")
    return found[1]


def environment(cache: Cache) -> dict[str, str]:
    """Environment of a Go build: ours alone, so that the user's Go settings cannot change the result."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GO", "CGO_"))}
    # Where modules come from is the machine's business; what they must be is in go.sum.
    kept.update({name: os.environ[name] for name in ("GOPROXY", "GONOPROXY", "GOPRIVATE") if name in os.environ})
    return kept | {
        "GOENV": "off",
        "GOFLAGS": "-trimpath -buildvcs=false -mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOCACHE": str(cache.go / "build"),
        "GOMODCACHE": str(cache.go / "mod"),
        "CGO_ENABLED": "0",
        # The compiler's processes are short and memory is plenty: collecting garbage costs a fifth of the time.
        "GOGC": "off",
        "GOMEMLIMIT": f"{_memory_mib() // MEMORY_SHARE}MiB",
    }


def _memory_mib() -> int:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) // 1024 if found else MEMORY_FALLBACK_MIB * MEMORY_SHARE


def go_program(cache: Cache) -> str:
    """The Go to use: the machine's, if it is new enough, else the one that bootstrap installed.

    Raises:
        FileNotFoundError: there is neither; ``python -m toolchain bootstrap`` gets one.
    """
    ours = cache.programs / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), str(ours) if ours.is_file() else None):
        if candidate and fits(candidate):
            return candidate
    raise FileNotFoundError(
        f"Go {versions.GO.version} or newer is missing: Tether's parts are compiled with it. "
        "Get it with: python3 -m toolchain bootstrap"
    )


_known: dict[str, bool] = {}


def fits(program: str) -> bool:
    """Whether this Go is of the pinned version or newer; asked once per program."""
    if program not in _known:
        try:
            answer = shell.output([program, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"})
        except (OSError, shell.CommandError):
            answer = ""
        _known[program] = shell.version_numbers(answer) >= shell.version_numbers(versions.GO.version)
    return _known[program]
