"""What an expression in a test stands for on a command line, as far as its text tells."""

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.unit.documented.trees import Class, Function, Module, last_name

ANY = "…"
"""A word that only the run knows."""
Words = tuple[str, ...]
MOST = 64
"""Alternatives of one expression; a table of more is not a list of commands."""


@dataclass(frozen=True)
class Value:
    """What is known of an expression."""

    alternatives: tuple[Words, ...] = ()
    """Each a word, or the words of a list; none if unknown."""
    type: Class | None = None
    function: "Closure | None" = None


@dataclass(frozen=True, eq=False)
class Closure:
    """A function with the names around it."""

    function: Function
    names: Mapping[str, Value] = field(default_factory=dict[str, Value])


UNKNOWN = Value()


@dataclass
class Scope:
    """Names at one place of a test."""

    module: Module
    names: dict[str, Value]

    def value(self, node: ast.expr) -> Value:
        """What is known of an expression."""
        match node:
            case ast.Constant(value=value):
                return _words([(str(value),)])
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
                return _words([("python",)])
            case ast.Attribute(value=inner, attr=name):
                return self._attribute(inner, name)
            case ast.List() | ast.Tuple() | ast.Set():
                return _words(self.product(node.elts))
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return _words(_joined([self._many(left), self._many(right)]))
            case ast.BinOp(op=ast.Div(), right=right):
                return self.value(right)
            case ast.IfExp(body=body, orelse=other):
                return _words([*self.value(body).alternatives, *self.value(other).alternatives])
            case ast.BoolOp(values=values):
                return _words(itertools.chain.from_iterable(self.value(one).alternatives for one in values))
            case ast.JoinedStr(values=values):
                parts = [self.value(one.value if isinstance(one, ast.FormattedValue) else one) for one in values]
                texts = [[" ".join(one) for one in part.alternatives] or [ANY] for part in parts]
                return _words([("".join(chosen),) for chosen in itertools.product(*texts)])
            case ast.ListComp(elt=element, generators=[generator]) if _unchanged(element, generator.target):
                return self.value(generator.iter)
            case ast.Lambda(body=body):
                return self.value(body)
            case ast.Call():
                return self._called(node)
            case _:
                return UNKNOWN

    def _named(self, name: str) -> Value:
        if name in self.names:
            return self.names[name]
        module, own = self.module.place_of(name)
        if own in module.values:
            return Scope(module, {}).value(module.values[own])
        function = self.module.function(name)
        return Value(function=Closure(function)) if function else UNKNOWN

    def _attribute(self, inner: ast.expr, name: str) -> Value:
        if isinstance(inner, ast.Name) and inner.id in self.module.imported and inner.id not in self.names:
            module, own = self.module.imported[inner.id]
            return Scope(module, {}).value(ast.Name(id=name)) if not own else UNKNOWN
        owner = self.value(inner).type
        if owner is None:
            return UNKNOWN
        method = owner.method(name)
        if method and "property" not in method.decorators:
            return Value(function=Closure(method))
        return Value(type=owner.type_of(name))

    def _called(self, node: ast.Call) -> Value:
        match node:
            case ast.Call(func=ast.Name(id="str" | "tuple" | "list" | "cast" | "sorted"), args=[*_, inner]):
                return self.value(inner)
            case ast.Call(func=ast.Name(id="map"), args=[_, inner]):
                return self.value(inner)
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="split"), args=[]):
                return _words([tuple(text.split())])
            case _:
                function = self.value(node.func).function
                made = self.module.class_of(node.func) if isinstance(node.func, ast.Name) else None
                return Value(type=made or (function.function.returned if function else None))

    def product(self, parts: Iterable[ast.expr]) -> list[Words]:
        """Alternatives of several expressions one after the other; an unknown one is one word, unknown many none."""
        return _joined([self._many(one.value) if isinstance(one, ast.Starred) else self._one(one) for one in parts])

    def _one(self, node: ast.expr) -> list[Words]:
        return list(self.value(node).alternatives) or [(ANY,)]

    def _many(self, node: ast.expr) -> list[Words]:
        return list(self.value(node).alternatives) or [()]

    def elements(self, node: ast.expr) -> Iterator[ast.expr]:
        """Expressions in a list, a table or what a name stands for."""
        match node:
            case ast.List() | ast.Tuple() | ast.Set():
                yield from node.elts
            case ast.Dict(keys=keys):
                yield from (key for key in keys if key)
            case ast.Name(id=name):
                module, own = self.module.place_of(name)
                if name not in self.names and own in module.values:
                    yield from Scope(module, {}).elements(module.values[own])
            case ast.Call(func=func, args=[first, *_]) if last_name(func) == "param":
                yield first
            case _:
                return

    def bind(self, target: ast.expr, elements: Iterable[ast.expr]) -> None:
        """Have names stand for each of several expressions."""
        every = list(elements)
        if isinstance(target, ast.Name):
            values = [self.value(_of_param(one)) for one in every]
            known = itertools.chain.from_iterable(value.alternatives for value in values)
            kind = next((value.type for value in values if value.type), None)
            self.names[target.id] = Value(_words(known).alternatives, kind)
        elif isinstance(target, ast.Tuple):
            rows = [_of_param(one) for one in every]
            for index, inner in enumerate(target.elts):
                cells = [list(self.elements(row)) for row in rows]
                self.bind(inner, [cell[index] for cell in cells if index < len(cell)])


def _of_param(node: ast.expr) -> ast.expr:
    """What is in a ``pytest.param``."""
    if not isinstance(node, ast.Call) or last_name(node.func) != "param":
        return node
    return node.args[0] if len(node.args) == 1 else ast.Tuple(elts=node.args)


def _unchanged(element: ast.expr, target: ast.expr) -> bool:
    inner = element.args[0] if isinstance(element, ast.Call) and last_name(element.func) == "str" else element
    return last_name(inner) == last_name(target) != ""


def _words(alternatives: Iterable[Words]) -> Value:
    return Value(tuple(dict.fromkeys(itertools.islice(alternatives, MOST))))


def _joined(parts: list[list[Words]]) -> list[Words]:
    every = itertools.islice(itertools.product(*parts), MOST)
    return [tuple(itertools.chain.from_iterable(chosen)) for chosen in every]
