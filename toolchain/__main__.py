"""``python -m toolchain``: gets, shows and removes the parts that a mesh is made of."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from tether.parts import PartsMissingError
from toolchain import bootstrap, places, runtime, shell, sources

OK, FAILED, USAGE, PREFLIGHT = 0, 1, 2, 3


def _bootstrap(_options: argparse.Namespace) -> int:
    bootstrap.main()
    return OK


def _test_tools(_options: argparse.Namespace) -> int:
    bootstrap.main_for_tests()
    from toolchain import build

    build.ensure_test_programs()
    build.ensure_other_lines()
    return OK


def _clouds(_options: argparse.Namespace) -> int:
    bootstrap.main_for_clouds()
    return OK


def _build(options: argparse.Namespace) -> int:
    # Here and below: it shows progress with a library that bootstrap has yet to install.
    from toolchain import build

    build.ensure(container_runtime=options.container_runtime)
    return OK


def _status(_options: argparse.Namespace) -> int:
    from toolchain import status

    sys.stdout.write(status.describe())
    return OK


def _clean(options: argparse.Namespace) -> int:
    from toolchain import status

    sys.stderr.write(status.clean(everything=options.all))
    return OK


def _env(_options: argparse.Namespace) -> int:
    from toolchain import environment

    sys.stdout.write(environment.export_lines(places.checkout().root))
    return OK


def _bin(_options: argparse.Namespace) -> int:
    sys.stdout.write(f"{places.checkout().programs}\n")
    return OK


COMMANDS: Mapping[str, tuple[Callable[[argparse.Namespace], int], str]] = {
    "bootstrap": (_bootstrap, "install what the build needs: uv, Go, system packages, the Python environment"),
    "test-tools": (_test_tools, "get what only tests need: a browser, actionlint, Pulumi's YAML, other lines of Istio"),
    "clouds": (_clouds, "install the packages of all clouds, for clusters of platform eks, gke and aks"),
    "build": (_build, "make or fetch every part that is missing and link it into .tether"),
    "status": (_status, "what is used, where it comes from and why; what is cached"),
    "clean": (_clean, "remove cached parts that this checkout does not use; --all removes all of them"),
    "env": (_env, 'shell lines for eval "$(python -m toolchain env)"'),
    "bin": (_bin, "the folder with the chosen programs"),
}


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolchain", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (function, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        if name == "build":
            command.add_argument(
                "--container-runtime", choices=runtime.NAMES, default="",
                help="the one to have the node image; by default what was taken before, else whichever answers",
            )  # fmt: skip
        if name == "clean":
            command.add_argument("--all", action="store_true", help="also what is in use, and Go's own caches")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return options.function(options)
    except KeyboardInterrupt:
        shell.stop_all()
        sys.stderr.write("stopped; what was finished is kept, go on with: make tools\n")
        return 128 + signal.SIGINT
    except Exception as error:
        if os.environ.get("TETHER_DEBUG"):
            raise
        sys.stderr.write(f"{error}\n")
        return _code(error)


def _terminated(number: int, _frame: object) -> None:
    shell.stop_all()
    sys.exit(128 + number)


def _code(error: Exception) -> int:
    """The exit code that names the kind of error."""
    if isinstance(error, bootstrap.BootstrapError | runtime.NoRuntimeError):
        return PREFLIGHT
    return USAGE if isinstance(error, sources.SourceError | PartsMissingError) else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
