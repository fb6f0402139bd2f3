"""Which blanks of the homework are not filled in, read from a student's source. Runs inside the sandbox; nothing of it is executed.

A blank counts as unfilled only if nothing was written there: all that stands in its place is what some term handed out, in any of
the forms a blank had (`pass`, `None`, FIXME, a bare question mark, `raise NotImplementedError`).
"""

import ast
import re
import warnings

RULES = ("sgd_momentum", "rmsprop", "adam")
SCHEMES = ("random", "he", "zero")
MAX_SOURCE = 200_000
MAX_MARKS = 60  # more bare question marks than any term had blanks
_MARK = re.compile(r"(?<![\w'\"?])\?(?![\w'\"?])")
_READS = {"get", "setdefault", "zeros_like", "dict"}  # calls that compute nothing
_WORK = (
    *(ast.BinOp, ast.AugAssign, ast.For, ast.While, ast.With, ast.Try, ast.Lambda, ast.FunctionDef, ast.Import, ast.ImportFrom),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_HISTORY = "log_grad_norm_history"
_STEP_WORDS = frozenset(
    "self np num_train batch_mask X_batch y_batch loss grads p name w dw config next_w next_config FIXME NotImplementedError "
    "X_train y_train shape random choice batch_size model loss_history append params items optim_configs update_rule "
    f"record_grad_norm {_HISTORY}".split()
)


def unfilled(source):
    """{"places": names of blanks ("adam", "he", "loss", "grad_norm") where nothing was written, "marks": lines of bare `?`}."""
    tree, marks = _parsed(source.decode("utf-8", "replace"))
    if tree is None:
        return {"places": [], "marks": []}
    functions = _functions(tree.body)
    places = [name for name in RULES if _rule_is_blank(functions.get(name))]
    places += [scheme for scheme in SCHEMES if _branch_is_blank(tree, scheme)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = _functions(node.body)
            if node.name == "FullyConnectedNet" and _computes_nothing(methods.get("loss"), {"astype"}):
                places.append("loss")
            if node.name == "Solver" and _step_is_blank(methods.get("_step")):
                places.append("grad_norm")
    return {"places": places, "marks": marks}


def _parsed(text):
    """The syntax tree, bare question marks read as FIXME, and their lines; (None, []) if it is no Python for another reason."""
    lines, marks = text.splitlines(), []
    while len(text) <= MAX_SOURCE and len(marks) <= MAX_MARKS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse("\n".join(lines)), marks
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or not _MARK.search(lines[at].partition("#")[0]):
                break
            code, hash_sign, comment = lines[at].partition("#")
            lines[at] = _MARK.sub("FIXME", code) + hash_sign + comment
            marks.append(at + 1)
        except (ValueError, RecursionError, MemoryError):
            break
    return None, []


def _functions(body):
    """The functions of a module or class by name; None for a name that is bound otherwise too, or decorated."""
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = None if node.name in found or node.decorator_list else node
        elif isinstance(node, ast.Assign):
            found.update({target.id: None for target in node.targets if isinstance(target, ast.Name)})
    return found


def _rule_is_blank(function):
    """Whether an update rule only reads its config and returns what it has not worked out."""
    if function is None or not _computes_nothing(function, _READS):
        return False
    read = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) not in ("(next_w, config)", "None"):
            return False
        if not isinstance(node, ast.Assign):
            continue
        puts_back = isinstance(node.value, ast.Name) and node.value.id in read and isinstance(node.targets[0], ast.Subscript)
        if not puts_back and not _is_placeholder(node.value) and not isinstance(node.value, (ast.Call, ast.Dict)):
            return False
        read.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return True


def _computes_nothing(function, calls):
    """Whether a function calls nothing beyond `calls` (and exceptions), and has no arithmetic, loop or function of its own."""
    if function is None:
        return False
    for node in (inner for statement in function.body for inner in ast.walk(statement)):
        if isinstance(node, _WORK):
            return False
        if (
            isinstance(node, ast.Call)
            and not _is_placeholder(node)
            and _last_name(node.func) not in {*calls, "NotImplementedError"}
        ):
            return False
    return True


def _branch_is_blank(tree, scheme):
    """Whether there are branches for an initialization and nothing stands in any of them.

    The last branch may be an `else` behind those for the two others.
    """
    bodies = []
    for node in ast.walk(tree):
        if isinstance(node, ast.If):
            tested = _tested(node)
            if tested == scheme:
                bodies.append(node.body)
            before = {tested}
            while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
                node = node.orelse[0]
                before.add(_tested(node))
            if node.orelse and before == {*SCHEMES} - {scheme}:
                bodies.append(node.orelse)
    return bool(bodies) and all(_stands_for_nothing(statement) for body in bodies for statement in body)


def _tested(node):
    """The initialization that a branch is for (`… == "he"`), or None."""
    if isinstance(node.test, ast.Compare) and len(node.test.ops) == 1 and isinstance(node.test.ops[0], ast.Eq):
        sides = (node.test.left, *node.test.comparators)
        return next((side.value for side in sides if isinstance(side, ast.Constant) and side.value in SCHEMES), None)
    return None


def _step_is_blank(function):
    """Whether a training step neither records a norm nor holds a word of its own; a blank in a block of its own is enough."""
    if function is None:
        return False
    for node in ast.walk(function):
        if isinstance(node, (ast.Assign, ast.AugAssign)) and _HISTORY in ast.dump(node):
            return False
        if isinstance(node, ast.Call) and _HISTORY in ast.dump(node.func) and not _is_placeholder(node):
            return False
    if any(isinstance(node, ast.If) and all(map(_stands_for_nothing, node.body)) for node in ast.walk(function)):
        return True
    words = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
    return words <= _STEP_WORDS


def _stands_for_nothing(statement):
    """Whether a statement is one of the forms that a blank was handed out in."""
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Raise):
        return statement.exc is not None and _last_name(getattr(statement.exc, "func", statement.exc)) == "NotImplementedError"
    if isinstance(statement, (ast.Expr, ast.Assign)):
        return _is_placeholder(statement.value) or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    return False


def _is_placeholder(value):
    """None, `...`, FIXME, or a call of something with FIXME alone (`history.append(FIXME)`)."""
    if isinstance(value, ast.Call):
        return bool(value.args) and not value.keywords and all(map(_is_fixme, value.args))
    return _is_fixme(value) or (isinstance(value, ast.Constant) and value.value in (None, ...))


def _is_fixme(value):
    return isinstance(value, ast.Name) and value.id == "FIXME"


def _last_name(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
