"""The syntax trees of the tests: their modules, classes and functions, and what a name in one of them means."""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, eq=False)
class Function:
    """A function or method, with the names around it where it is an inner one."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    module: "Module"
    owner: "Class | None" = None

    @property
    def decorators(self) -> dict[str, ast.Call | None]:
        """Last names of its decorators, with their calls."""
        called = [(one.func, one) if isinstance(one, ast.Call) else (one, None) for one in self.node.decorator_list]
        return {last_name(name): call for name, call in called}

    @property
    def returned(self) -> "Class | None":
        """Class of what it returns, yields or hands to a with-statement."""
        return self.module.class_of(self.node.returns)


@dataclass(frozen=True, eq=False)
class Class:
    """A class of the tests."""

    node: ast.ClassDef
    module: "Module"

    def member(self, name: str) -> ast.stmt | None:
        """A method or an annotated field, its own or inherited."""
        for statement in self.node.body:
            target = statement.target if isinstance(statement, ast.AnnAssign) else None
            if isinstance(target, ast.Name) and target.id == name:
                return statement
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                return statement
        bases = (self.module.class_of(base) for base in self.node.bases)
        return next((found for base in bases if base and (found := base.member(name))), None)

    def method(self, name: str) -> Function | None:
        """A method, its own or inherited."""
        found = self.member(name)
        return Function(found, self.module, self) if isinstance(found, ast.FunctionDef) else None

    def type_of(self, name: str) -> "Class | None":
        """Class of a field's or property's value."""
        found = self.member(name)
        if isinstance(found, ast.AnnAssign):
            return self.module.class_of(found.annotation)
        return Function(found, self.module, self).returned if isinstance(found, ast.FunctionDef) else None


@dataclass(eq=False)
class Module:
    """A module of the tests, and the others that it may import from."""

    name: str
    tree: ast.Module
    others: "dict[str, Module]" = field(repr=False)

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Functions of the module itself."""
        found = (one for one in self.tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
        return {one.name: Function(one, self) for one in found}

    @cached_property
    def classes(self) -> dict[str, Class]:
        """Its classes."""
        return {one.name: Class(one, self) for one in self.tree.body if isinstance(one, ast.ClassDef)}

    @cached_property
    def values(self) -> dict[str, ast.expr]:
        """What its names stand for."""
        found: dict[str, ast.expr] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                found[statement.targets[0].id] = statement.value
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                found[statement.target.id] = statement.value
        return found

    @cached_property
    def imported(self) -> "dict[str, tuple[Module, str]]":
        """Names that it took from other modules of the tests; of a module itself the name there is empty."""
        found: dict[str, tuple[Module, str]] = {}
        for one in self.tree.body:
            if isinstance(one, ast.ImportFrom):
                for alias in one.names:
                    if inner := self.others.get(f"{one.module}.{alias.name}"):
                        found[alias.asname or alias.name] = (inner, "")
                    elif outer := self.others.get(str(one.module)):
                        found[alias.asname or alias.name] = (outer, alias.name)
        return found

    def place_of(self, name: str) -> "tuple[Module, str]":
        """Module and name where something was defined."""
        module, own = self.imported.get(name, (self, name))
        return module.place_of(own) if module is not self and own else (module, own)

    def function(self, name: str) -> Function | None:
        """Function that a name stands for."""
        module, own = self.place_of(name)
        return module.functions.get(own)

    def class_of(self, annotation: ast.expr | None) -> Class | None:
        """Class that an annotation names; of a container or an iterator, what is in it."""
        match annotation:
            case ast.Constant(value=str(text)):
                return self.class_of(ast.parse(text, mode="eval").body)
            case ast.Name(id=name):
                module, own = self.place_of(name)
                return module.classes.get(own)
            case ast.Subscript(slice=inner):
                parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return next((found for part in parts if (found := self.class_of(part))), None)
            case ast.BinOp(left=left, right=right):
                return self.class_of(left) or self.class_of(right)
            case _:
                return None


def modules(folder: Path) -> dict[str, Module]:
    """Read every module of a package of tests.

    Args:
        folder: of the package ``tests``.
    """
    found: dict[str, Module] = {}
    for file in sorted(folder.rglob("*.py")):
        name = ".".join(file.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__")
        found[name] = Module(name, ast.parse(file.read_text()), found)
    return found


def last_name(expression: ast.expr) -> str:
    """``c`` of ``a.b.c``; empty where it is no name."""
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")
