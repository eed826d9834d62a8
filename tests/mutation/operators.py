"""Which mutations a node of the syntax tree has."""

from collections.abc import Iterator

import libcst as cst

Change = tuple[cst.CSTNode, cst.CSTNode]  # what is replaced, and by what

COMPARISONS: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]] = {
    cst.LessThan: cst.LessThanEqual,
    cst.LessThanEqual: cst.LessThan,
    cst.GreaterThan: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.GreaterThan,
    cst.Equal: cst.NotEqual,
    cst.NotEqual: cst.Equal,
    cst.Is: cst.IsNot,
    cst.IsNot: cst.Is,
    cst.In: cst.NotIn,
    cst.NotIn: cst.In,
}
ORDERS = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)
ARITHMETIC: dict[type[cst.BaseBinaryOp], type[cst.BaseBinaryOp]] = {
    cst.Add: cst.Subtract,
    cst.Subtract: cst.Add,
    cst.Multiply: cst.Divide,
    cst.Divide: cst.Multiply,
    cst.FloorDivide: cst.Multiply,
    cst.Modulo: cst.Multiply,
    cst.Power: cst.Multiply,
    cst.BitAnd: cst.BitOr,
}
IN_PLACE: dict[type[cst.BaseAugOp], type[cst.BaseAugOp]] = {
    cst.AddAssign: cst.SubtractAssign,
    cst.SubtractAssign: cst.AddAssign,
    cst.MultiplyAssign: cst.DivideAssign,
    cst.DivideAssign: cst.MultiplyAssign,
    cst.BitAndAssign: cst.BitOrAssign,
}
PAIRS = ("min max", "minimum maximum", "argmin argmax", "any all", "floor ceil", "zeros ones")
CALLS = {a: b for pair in PAIRS for a, b in (pair.split(), pair.split()[::-1])}
METHODS = CALLS | {"sum": "mean", "mean": "sum"}
AXES = {"axis", "dim"}
TEXTS = (cst.SimpleString, cst.ConcatenatedString, cst.FormattedString)
SIGNED = {"int", "float", "Tensor", "torch.Tensor", "Floats", "Array"}


def changes(node: cst.CSTNode) -> Iterator[Change]:
    """Yield every mutation that a node has by itself."""
    if isinstance(node, cst.ComparisonTarget):
        yield from _swapped(node.operator, COMPARISONS)
    elif isinstance(node, cst.BinaryOperation):
        if not isinstance(node.left, TEXTS) and not isinstance(node.right, TEXTS):
            yield from _swapped(node.operator, ARITHMETIC)
    elif isinstance(node, cst.AugAssign):
        yield from _swapped(node.operator, IN_PLACE)
        yield node, cst.Pass()
    elif isinstance(node, cst.BooleanOperation):
        yield from _swapped(node.operator, {cst.And: cst.Or, cst.Or: cst.And})
    elif isinstance(node, cst.UnaryOperation):
        yield from _without_operator(node)
    elif isinstance(node, (cst.Break, cst.Continue)):
        yield node, cst.Pass()
    elif isinstance(node, (cst.If, cst.While, cst.IfExp, cst.CompIf)):
        yield from _negated_test(node.test)
    else:
        yield from _other_value(node)


def returned(value: cst.BaseExpression, annotation: str) -> Iterator[Change]:
    """Yield the negation of what a function returns, by its annotation."""
    if annotation == "bool" and not _is_negation(value) and not _is_plain_test(value):
        yield value, negation(value)
    elif annotation in SIGNED and not isinstance(value, (cst.Integer, cst.Float)):
        yield value, cst.UnaryOperation(cst.Minus(), _in_brackets(value))


def negation(value: cst.BaseExpression) -> cst.UnaryOperation:
    """Return `not (value)`."""
    return cst.UnaryOperation(cst.Not(), _in_brackets(value))


def is_axis(node: cst.CSTNode) -> bool:
    """Tell whether a node is an argument such as `axis=0` or `dim=-1`."""
    if not isinstance(node, cst.Arg) or node.keyword is None or node.keyword.value not in AXES:
        return False
    value = node.value
    return isinstance(
        value.expression if isinstance(value, cst.UnaryOperation) else value, cst.Integer
    )


def _other_value(node: cst.CSTNode) -> Iterator[Change]:
    if isinstance(node, cst.Integer):
        yield node, node.with_changes(value=str(node.evaluated_value + 1))
    elif isinstance(node, cst.Float):
        yield node, node.with_changes(value=repr(node.evaluated_value + 1))
    elif isinstance(node, cst.Name) and node.value in ("True", "False"):
        yield node, node.with_changes(value=str(node.value == "False"))
    elif isinstance(node, cst.Arg) and is_axis(node):
        zero = isinstance(node.value, cst.Integer) and node.value.evaluated_value == 0
        yield node.value, cst.Integer("1" if zero else "0")
    elif isinstance(node, cst.Call):
        yield from _other_call(node.func)


def _other_call(called: cst.BaseExpression) -> Iterator[Change]:
    if isinstance(called, cst.Name) and called.value in CALLS:
        yield called, called.with_changes(value=CALLS[called.value])
    elif isinstance(called, cst.Attribute) and called.attr.value in METHODS:
        name = called.attr
        yield name, name.with_changes(value=METHODS[name.value])


def _swapped(operator: cst.CSTNode, table: object) -> Iterator[Change]:
    """Yield an operator's counterpart, with the same spaces around it."""
    assert isinstance(table, dict)
    other = table.get(type(operator))
    if other is not None:
        spaces = {
            name: getattr(operator, name)
            for name in ("whitespace_before", "whitespace_after")
            if hasattr(operator, name)
        }
        yield operator, other(**spaces)


def _without_operator(node: cst.UnaryOperation) -> Iterator[Change]:
    number = isinstance(node.expression, (cst.Integer, cst.Float))
    if isinstance(node.operator, (cst.Not, cst.BitInvert)) or (
        isinstance(node.operator, cst.Minus) and not number
    ):
        yield (
            node,
            node.expression.with_changes(
                lpar=[*node.lpar, *node.expression.lpar], rpar=[*node.expression.rpar, *node.rpar]
            ),
        )


def _negated_test(test: cst.BaseExpression) -> Iterator[Change]:
    constant = isinstance(test, cst.Name) and test.value in ("True", "False")
    if not constant and not _is_negation(test) and not _is_plain_test(test):
        yield test, negation(test)


def _is_negation(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Not)


def _is_plain_test(value: cst.BaseExpression) -> bool:
    """Tell whether the mutated operator of a comparison is its negation already."""
    if not isinstance(value, cst.Comparison) or len(value.comparisons) > 1:
        return False
    return not isinstance(value.comparisons[0].operator, ORDERS)


def _in_brackets(value: cst.BaseExpression) -> cst.BaseExpression:
    if value.lpar or isinstance(value, (cst.Name, cst.Call, cst.Attribute, cst.Subscript)):
        return value
    changed = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    assert isinstance(changed, cst.BaseExpression)
    return changed
