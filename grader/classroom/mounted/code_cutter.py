"""Cuts functions out of a student's source, as they stand there. Runs inside the sandbox; nothing of the source is executed."""

import ast
import re
import warnings

MAX_LINES = 400  # of one function


def cut(source, names):
    """The functions called `names` ("f", "Class.method"), as far as they are there: name -> (number of the first line, text).

    Source that Python cannot parse is cut by how far its lines are set in.
    """
    text = source.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        spans = {name: _by_indentation(lines, name) for name in names}
    else:
        spans = {name: _by_tree(tree, name.split(".")) for name in names}
    found = {}
    for name, span in spans.items():
        if span is not None:
            first, last = span
            left_out = last - first + 1 - MAX_LINES
            kept = lines[first - 1 : min(last, first - 1 + MAX_LINES)]
            found[name] = (first, "\n".join(kept + ([f"… {left_out} more lines"] if left_out > 0 else [])))
    return found


def _by_tree(tree, path):
    """First and last line of the last definition of that name, with its decorators; as Python would take it."""
    body = tree.body
    node = None
    for name in path:
        node = next((one for one in reversed(body) if _defines(one, name)), None)
        if node is None:
            return None
        body = node.body
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return first, node.end_lineno


def _defines(node, name):
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name


def _by_indentation(lines, name):
    *owners, function = name.split(".")
    start = 0
    for owner in owners:
        start = next((n + 1 for n in range(start, len(lines)) if re.match(rf"\s*class\s+{owner}\b", lines[n])), len(lines))
    head = re.compile(rf"(\s*)def\s+{function}\b")
    first = next((n for n in range(start, len(lines)) if head.match(lines[n])), None)
    if first is None:
        return None
    depth = len(head.match(lines[first])[1].expandtabs())
    last = first
    for number in range(first + 1, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) <= depth and not line.lstrip().startswith((")", "#")):
            break
        if line.strip():
            last = number
    return first + 1, last + 1
