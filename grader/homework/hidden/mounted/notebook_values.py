"""Plain values of expressions, where they follow from literals and known names. Runs inside the sandbox; nothing is executed."""

import ast

MAX_ITEMS = 100
MAX_DEPTH = 30
UNKNOWN = object()  # stands for the value of a name that is assigned and not known


class Unknown(Exception):
    """A value that does not follow from literals."""


def value(node, known, depth=0):
    """The plain value of an expression: numbers, texts, True, False, None, lists, dicts with text keys.

    Raises:
        Unknown: it does not follow from literals and `known` names, or is larger than such a value is.
    """
    if depth > MAX_DEPTH:
        raise Unknown
    match node:
        case ast.Constant(value=None | bool()):
            return node.value
        case ast.Constant(value=int() | float()):
            return _number(node.value)
        case ast.Constant(value=str(text)) if len(text) <= 200:
            return text
        case ast.Name(id=name) if name in known and known[name] is not UNKNOWN:
            return known[name]
        case ast.List(elts=elements) | ast.Tuple(elts=elements) if len(elements) <= MAX_ITEMS:
            return [value(element, known, depth + 1) for element in elements]
        case ast.Dict(keys=keys, values=items) if len(keys) <= MAX_ITEMS:
            return _table(zip((value(key, known, depth + 1) for key in keys), items, strict=False), known, depth)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=items) if len(items) <= MAX_ITEMS:
            return _table(((item.arg, item.value) for item in items), known, depth)
        case ast.Call(func=ast.Name(id="int" | "float" as kind), args=[inside], keywords=[]):
            number = _number(value(inside, known, depth + 1))
            return int(number) if kind == "int" else float(number)
        case ast.Subscript(value=ast.Name() as table, slice=key):
            held, at = value(table, known, depth + 1), value(key, known, depth + 1)
            if isinstance(held, dict) and isinstance(at, str) and at in held:
                return held[at]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inside):
            number = _number(value(inside, known, depth + 1))
            return -number if isinstance(sign, ast.USub) else number
        case ast.BinOp(left=left, op=operator, right=right):
            return _combined(value(left, known, depth + 1), operator, value(right, known, depth + 1))
    raise Unknown


def _table(items, known, depth):
    found = {}
    for key, node in items:
        if not isinstance(key, str):
            raise Unknown
        try:
            found[key] = value(node, known, depth + 1)
        except Unknown:
            found.pop(key, None)
    return found


def _number(found):
    if type(found) not in (int, float) or not abs(found) < 2**62:
        raise Unknown
    return found


def _combined(left, operator, right):
    if isinstance(operator, ast.Mult):
        for items, times in ((left, right), (right, left)):
            if isinstance(items, list) and type(times) is int and 0 <= times * len(items) <= MAX_ITEMS:
                return items * times
    if isinstance(operator, ast.Add) and isinstance(left, list) and isinstance(right, list) and len(left + right) <= MAX_ITEMS:
        return left + right
    left, right = _number(left), _number(right)
    try:
        match operator:
            case ast.Add():
                return _number(left + right)
            case ast.Sub():
                return _number(left - right)
            case ast.Mult():
                return _number(left * right)
            case ast.Div():
                return _number(left / right)
            case ast.FloorDiv():
                return _number(left // right)
            case ast.Pow() if abs(right) <= 62:
                return _number(left**right)
    except ArithmeticError:
        pass
    raise Unknown


def known_value(node, known):
    """As `value`; None for what is not known."""
    try:
        return value(node, known)
    except Unknown:
        return None


def scalar(found):
    """The value if it is no list and no dict, else None."""
    return None if isinstance(found, (list, dict)) else found


def flat(found):
    """The value if it is a list of scalars, else None."""
    return found if isinstance(found, list) and all(scalar(item) is not None for item in found) else None
