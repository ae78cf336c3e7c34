"""Command lines that tests run.

A test counts that pytest would run, with every function of the tests that it calls; a list that nobody hands to a
program does not. What a call hands on is followed through the functions between: the words in
``environment.run(TETHER, "doctor", "--watch")`` reach ``subprocess.run`` in ``Environment.run``.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.forge import github, gitlab_job
from tests.unit.documented.trees import Class, Function, Module, last_name
from tests.unit.documented.words import UNKNOWN, Closure, Scope, Value, Words

DEPTH = 12
"""Functions between a test and the program that it runs."""
SKIPPED = {"skip", "skipif", "xfail"}
STARTS = {"run", "Popen", "check_output", "check_call", "call"}


@dataclass(frozen=True)
class Run:
    """A command line, and who runs it."""

    words: Words
    """Of a shell's script, one word that holds all of it."""
    module: str
    is_fake: bool = False
    """The command line interface is called inside the test, where parts of the world may be made up."""


def collect(modules: dict[str, Module]) -> list[Run]:
    """Everything that the tests run.

    Args:
        modules: every one of them, by its name.
    """
    collector = _Collector(modules)
    for module in modules.values():
        for function in _every_function(module):
            is_run = function.node.name.startswith("test_") or "fixture" in function.decorators
            if is_run and not SKIPPED & set(function.decorators):
                collector.follow(Closure(function), collector.arguments_of(function), DEPTH)
    return list(dict.fromkeys(collector.runs))


def _every_function(module: Module) -> Iterator[Function]:
    yield from module.functions.values()
    for one in module.classes.values():
        yield from (found for name in _names(one.node) if (found := one.method(name)))


def _names(node: ast.ClassDef) -> Iterator[str]:
    return (one.name for one in node.body if isinstance(one, ast.FunctionDef))


class _Collector:
    def __init__(self, modules: dict[str, Module]) -> None:
        self.runs: list[Run] = []
        self._fixtures = {
            module.name: {name: one for name, one in module.functions.items() if "fixture" in one.decorators}
            for module in modules.values()
        }
        self._seen: set[tuple[object, ...]] = set()
        self._inside: dict[ast.AST, list[ast.comprehension | ast.Call]] = {}
        self._made: dict[tuple[str, str], Closure | None] = {}
        self._root = ""

    def arguments_of(self, function: Function) -> dict[str, Value]:
        """What pytest gives a test or fixture: fixtures by their classes or as functions, and its parameters."""
        self._root = function.module.name
        names: dict[str, Value] = {}
        for one in function.node.args.args:
            kind = function.module.class_of(one.annotation)
            names[one.arg] = Value(type=kind, function=self._made_by(one.arg, function.module))
        scope = Scope(function.module, names)
        for decorator in function.node.decorator_list:
            if isinstance(decorator, ast.Call) and last_name(decorator.func) == "parametrize":
                named, values = decorator.args[:2]
                wanted = named.value if isinstance(named, ast.Constant) else ",".join(_texts(named))
                targets: list[ast.expr] = [ast.Name(id=name.strip()) for name in str(wanted).split(",")]
                target = ast.Tuple(elts=targets) if len(targets) > 1 else targets[0]
                scope.bind(target, scope.elements(values))
        return names

    def _made_by(self, name: str, module: Module) -> Closure | None:
        """Function that a fixture returns."""
        if (name, module.name) not in self._made:
            self._made[name, module.name] = None  # a fixture may take the one that it is called like
            self._made[name, module.name] = self._returned_by(name, module)
        return self._made[name, module.name]

    def _returned_by(self, name: str, module: Module) -> Closure | None:
        packages = module.name.split(".")
        places = [module.name, *(".".join([*packages[:end], "conftest"]) for end in range(len(packages), 0, -1))]
        fixture = next((found for place in places if (found := self._fixtures.get(place, {}).get(name))), None)
        if fixture is None:
            return None
        names = self.arguments_of(fixture)
        self._root = module.name
        inner = {one.name: one for one in ast.walk(fixture.node) if isinstance(one, ast.FunctionDef)}
        for statement in ast.walk(fixture.node):
            if isinstance(statement, ast.Return | ast.Yield) and isinstance(statement.value, ast.Name):
                found = inner.get(statement.value.id)
                return Closure(Function(found, fixture.module), names) if found else None
        return None

    def follow(self, closure: Closure, given: dict[str, Value], depth: int) -> None:
        """Walk through a function's body with what it was given."""
        function = closure.function
        key = (
            function.node,
            self._root.split(".")[1],
            *sorted((name, one.alternatives) for name, one in given.items()),
        )
        if key in self._seen or not depth:
            return
        self._seen.add(key)
        scope = Scope(function.module, {**closure.names, **given})
        self._walk(function.node.body, scope, depth)

    def _walk(self, body: Iterable[ast.stmt], scope: Scope, depth: int) -> None:
        for statement in body:
            match statement:
                case ast.FunctionDef():
                    inner = Function(statement, scope.module)
                    scope.names[statement.name] = Value(function=Closure(inner, scope.names))
                case ast.ClassDef():
                    continue
                case ast.For(target=target, iter=iterated):
                    self._expressions(iterated, scope, depth)
                    scope.bind(target, scope.elements(iterated))
                    self._walk([*statement.body, *statement.orelse], scope, depth)
                case ast.With(items=items):
                    for item in items:
                        self._expressions(item.context_expr, scope, depth)
                        if isinstance(item.optional_vars, ast.Name):
                            scope.names[item.optional_vars.id] = scope.value(item.context_expr)
                    self._walk(statement.body, scope, depth)
                case ast.If() | ast.While():
                    self._expressions(statement.test, scope, depth)
                    self._walk([*statement.body, *statement.orelse], scope, depth)
                case ast.Try():
                    self._walk([*statement.body, *statement.orelse, *statement.finalbody], scope, depth)
                    for handler in statement.handlers:
                        self._walk(handler.body, scope, depth)
                case _:
                    self._expressions(statement, scope, depth)
                    _assign(statement, scope)

    def _expressions(self, node: ast.AST, scope: Scope, depth: int) -> None:
        inside = self._inside.get(node)
        if inside is None:
            inside = self._inside[node] = [
                one for one in ast.walk(node) if isinstance(one, ast.comprehension | ast.Call)
            ]
        for one in inside:
            if isinstance(one, ast.comprehension):
                scope.bind(one.target, scope.elements(one.iter))
        for one in inside:
            if isinstance(one, ast.Call):
                self._call(one, scope, depth)

    def _call(self, call: ast.Call, scope: Scope, depth: int) -> None:
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr=name), args=[first, *_]) if (
                name in STARTS
            ):
                self._record(scope.product([ast.Starred(first)]))
            case ast.Call(func=ast.Attribute(attr="invoke"), args=[ast.Name(id="app"), words, *_]):
                self._record([("tether", *rest) for rest in scope.product([ast.Starred(words)])], is_fake=True)
            case ast.Call(func=ast.Attribute(attr="runpytest_subprocess"), args=words):
                self._record([("pytest", *rest) for rest in scope.product(words)], is_fake=True)
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[_, ast.Constant(value="argv"), words]):
                self._record(scope.product([ast.Starred(words)]), is_fake=True)
            case ast.Call(func=ast.Name(id="run_on_github" | "run_on_gitlab" as forge), args=[file, job]):
                self._record(_of_job(forge, scope.product([file, job])))
            case ast.Call(func=ast.Attribute(attr="submit"), args=[function, *arguments]):
                self._call(ast.Call(func=function, args=arguments, keywords=call.keywords), scope, depth)
            case _:
                if closure := scope.value(call.func).function:
                    self.follow(closure, _given(closure.function, call, scope), depth - 1)

    def _record(self, lines: Iterable[Words], *, is_fake: bool = False) -> None:
        self.runs += [Run(words, self._root, is_fake) for words in lines if words]


def _given(function: Function, call: ast.Call, scope: Scope) -> dict[str, Value]:
    """Arguments of a call by the names of the function's parameters."""
    wanted = function.node.args
    given: dict[str, Value] = {}
    names = [one.arg for one in wanted.args]
    if function.owner and "staticmethod" not in function.decorators:
        given[names.pop(0)] = Value(type=function.owner)
    annotated = {one.arg: one.annotation for one in [*wanted.args, *wanted.kwonlyargs]}
    for name in [*names, *(one.arg for one in wanted.kwonlyargs)]:
        given[name] = Value(type=function.module.class_of(annotated[name]))
    positional = list(call.args)
    for name in names:
        if not positional or isinstance(positional[0], ast.Starred):
            break
        given[name] = _typed(scope.value(positional.pop(0)), given[name].type)
    if wanted.vararg:
        given[wanted.vararg.arg] = Value(tuple(scope.product(positional)))
    for keyword in call.keywords:
        if keyword.arg in annotated:
            given[str(keyword.arg)] = _typed(scope.value(keyword.value), given[str(keyword.arg)].type)
    return given


def _typed(value: Value, kind: Class | None) -> Value:
    return Value(value.alternatives, value.type or kind, value.function)


def _assign(statement: ast.stmt, scope: Scope) -> None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            scope.names[name] = scope.value(value)
        case ast.Assign(targets=[ast.Tuple() as names], value=ast.Tuple() as values):
            for name, value in zip(names.elts, values.elts, strict=False):
                _assign(ast.Assign(targets=[name], value=value), scope)
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value:
            scope.names[name] = _typed(scope.value(value), scope.module.class_of(statement.annotation))
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            both = ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=value)
            scope.names[name] = scope.value(both)
        case ast.Assign(targets=targets):
            for target in targets:
                for one in ast.walk(target):
                    if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                        scope.names[one.id] = UNKNOWN
        case _:
            return


def _texts(node: ast.expr) -> list[str]:
    return [str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant)]


def _of_job(forge: str, jobs: Iterable[Words]) -> Iterator[Words]:
    """Scripts of pipelines' jobs."""
    for file, job in jobs:
        if forge == "run_on_github":
            yield from ((step["run"],) for step in github(file)["jobs"][job]["steps"] if "run" in step)
        else:
            described = gitlab_job(file, job)
            lines = [*described.get("before_script", []), *described["script"], *described.get("after_script", [])]
            yield ("\n".join(lines),)
