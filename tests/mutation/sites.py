"""Every site of a module that can be mutated, and the module with one of them changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from medusa.tests.mutation.operators import Change, changes, is_axis, returned

SILENT = {"say", "print", "echo", "secho", "warn", "progress", "advance", "cast"}  # calls
UNCHANGED = {"__all__", "__version__"}  # names
SPEED = {"strict", "fused", "set_to_none"}  # arguments that change no result
SHAPES = {"reshape", "view"}  # methods to which every negative size is the unknown one


@dataclass(frozen=True)
class Scope:
    """Which statement a node belongs to.

    Attributes:
        first, last: lines of the statement, or of its header.
        inside: in the body of a function; else it is executed by the import.
        returns: the annotation of the function.
    """

    first: int = 1
    last: int = 1
    inside: bool = False
    returns: str = ""


@dataclass(frozen=True)
class Site:
    """One mutation that is possible."""

    scope: Scope
    change: Change


@dataclass(frozen=True)
class Mutant:
    """A module with one mutation: its text, and the first line that differs."""

    path: str
    scope: Scope
    line: int
    old: str
    new: str
    code: str


class Module:
    """A parsed module and its sites, in the order of the text."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.tree = wrapper.module
        self._positions = wrapper.resolve(PositionProvider)
        self.sites = list(self._walk(self.tree, Scope()))

    def mutant(self, number: int) -> Mutant:
        """Return the module with its site of this number changed."""
        site = self.sites[number]
        changed = self.tree.deep_replace(*site.change)
        assert isinstance(changed, cst.Module)
        before, after = self.text.splitlines(), changed.code.splitlines()
        pairs = enumerate(zip(before, after, strict=False))
        line = next(number for number, (old, new) in pairs if old != new)
        old, new = before[line].strip(), after[line].strip()
        return Mutant(self.path, site.scope, line + 1, old, new, changed.code)

    def _walk(self, node: cst.CSTNode, scope: Scope) -> Iterator[Site]:
        if _left_out(node):
            return
        scope = self._scope(node, scope)
        if isinstance(node, cst.Return) and node.value is not None:
            yield from (Site(scope, one) for one in returned(node.value, scope.returns))
        yield from (Site(scope, one) for one in changes(node))
        if is_axis(node):
            return
        for child in node.children:
            if not _is_unknown_size(node, child):
                yield from self._walk(child, _inner(node, child, scope))

    def _scope(self, node: cst.CSTNode, scope: Scope) -> Scope:
        """Return the scope of a statement, or that of the one around."""
        if not isinstance(node, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            return scope
        position = self._position(node)
        first, last = position.start.line, position.end.line
        body = getattr(node, "body", None)
        if isinstance(body, cst.IndentedBlock):
            last = max(first, self._position(body.body[0]).start.line - 1)
        return replace(scope, first=first, last=last)

    def _position(self, node: cst.CSTNode) -> CodeRange:
        position = self._positions[node]
        assert isinstance(position, CodeRange)
        return position


def _inner(node: cst.CSTNode, child: cst.CSTNode, scope: Scope) -> Scope:
    if not isinstance(node, cst.FunctionDef) or child is not node.body:
        return scope
    annotation = node.returns.annotation if node.returns else None
    name = cst.Module([]).code_for_node(annotation) if annotation else ""
    return replace(scope, inside=True, returns=name)


def _left_out(node: cst.CSTNode) -> bool:
    """Tell whether a node stays as it is.

    Annotations, decorators, errors and printed texts stay, and what cannot change a result.
    """
    if isinstance(node, (cst.Annotation, cst.Decorator, cst.Raise, cst.FormattedString)):
        return True
    if isinstance(node, cst.If):
        return isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING"
    if isinstance(node, cst.Assign):
        target = node.targets[0].target
        return isinstance(target, cst.Name) and target.value in UNCHANGED
    if isinstance(node, cst.Arg):
        return node.keyword is not None and node.keyword.value in SPEED
    if isinstance(node, cst.Param):  # Any default seed is as good as another.
        return node.name.value == "seed"
    if isinstance(node, cst.Call):
        called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        return isinstance(called, cst.Name) and called.value in SILENT
    return isinstance(node, cst.Subscript) and _is_literal(node)


def _is_unknown_size(node: cst.CSTNode, child: cst.CSTNode) -> bool:
    """Tell whether a child is the argument -1 of a call such as `x.reshape(3, -1)`."""
    if not isinstance(node, cst.Call) or not isinstance(child, cst.Arg):
        return False
    shapes = isinstance(node.func, cst.Attribute) and node.func.attr.value in SHAPES
    value = child.value
    return (
        shapes and isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus)
    )


def _is_literal(node: cst.Subscript) -> bool:
    return isinstance(node.value, cst.Name) and node.value.value == "Literal"
