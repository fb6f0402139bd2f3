"""What a notebook's code says, read from its syntax trees. Runs inside the sandbox; nothing of it is executed.

Cells are known by what they do (train, record a log of this name, write results.json), wherever they stand. A name is known if the
same cell assigns it plainly, or one earlier cell alone.
"""

import ast
import re
import warnings
from collections import ChainMap

from notebook_values import UNKNOWN, Unknown, flat, known_value, scalar, value

FAMILIES = {
    "optimizer_experiment": "optimizers",
    "sgd_momentum_compare": "compare",
    "initialization_experiment": "initialization",
}
SETTINGS = ("lr", "num_epochs", "batch_size", "lr_decay", "update_rule")
MAX_SOURCE = 200_000
_TARGETS = re.compile(r"[\w, \t]+")
_NOT_PYTHON = re.compile(r"^\s*%%(?!time|capture|prun)\w+")
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOCAL = (*_NAMED, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SEQUENCE = (ast.Tuple, ast.List)


def parse(source):
    """The tree of a cell, an empty one if it is in another language, None if it is no Python; lines for Jupyter are left out."""
    if len(source) > MAX_SOURCE:
        return None
    if _NOT_PYTHON.match(source):
        return ast.Module([], [])
    for text in (source, "\n".join(map(_without_magic, source.splitlines()))):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _without_magic(line):
    """The line, or what stands for it where it is for the shell or for Jupyter (`%cd x`, `files = !ls`, `help?`)."""
    stripped = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if stripped.startswith(("%", "!")) or (stripped.endswith("?") and not set(stripped) & set("'\"#")):
        return indent + "pass"
    target, _, rest = line.partition("=")
    return f"{target}= _" if rest.lstrip().startswith(("%", "!")) and _TARGETS.fullmatch(target) else line


def facts(sources):
    """What each code cell says, one dict a cell; `sources` are texts in the order of the notebook."""
    trees = [parse(source) for source in sources]
    walks = [_nodes(tree) if tree else [] for tree in trees]
    stores = [_stores(tree) if tree else _mentioned(source) for tree, source in zip(trees, sources, strict=True)]
    assigned_in = {}
    for names in stores:
        for name in names:
            assigned_in[name] = assigned_in.get(name, 0) + 1
    known = {}
    found = []
    for tree, nodes, source, names in zip(trees, walks, sources, stores, strict=True):
        values = _values(names, known)
        roles = _roles(nodes, source)
        cell = {"parsed": tree is not None, "roles": roles, "assigned": {}, "unknown": []}
        for name in SETTINGS:
            if name in values and not isinstance(values[name], (list, dict)) and values[name] is not UNKNOWN:
                cell["assigned"][name] = values[name]
            elif name in values:
                cell["unknown"].append(name)
        if tree and "seed" in source:
            cell.update(_seeds(nodes, ChainMap(values, known)))
        if tree and roles:
            cell.update(_details(nodes, ChainMap(values, known)))
        found.append(cell)
        known.update({name: value for name, value in values.items() if assigned_in[name] == 1})
    return found


def _nodes(tree):
    """As `ast.walk`, breadth first: a list that grows while it is gone through."""
    found = [tree]
    for node in found:
        found += _children(node)
    return found


def _children(node):
    """As `ast.iter_child_nodes`."""
    found = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif type(value) is list:
            found += [item for item in value if isinstance(item, ast.AST)]
    return found


def _stores(tree):
    """name -> value nodes assigned to it in the cell's own scope, in order; None for what is no plain assignment."""
    found = {}

    def put(name, node):
        found.setdefault(name, []).append(node)

    def pair(target, value):
        if isinstance(target, ast.Name):
            plain.add(id(target))
            put(target.id, value)
        elif isinstance(target, _SEQUENCE) and isinstance(value, _SEQUENCE) and len(target.elts) == len(value.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                pair(one, other)

    plain = set()
    top = {id(node) for node in tree.body}
    waiting = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Assign) and id(node) in top:
            for target in node.targets:
                pair(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None and id(node) in top:
            pair(node.target, node.value)
        elif isinstance(node, ast.For) and isinstance(node.iter, _SEQUENCE) and node.iter.elts:
            pair(node.target, node.iter.elts[-1])  # what the name is afterwards
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and id(node) not in plain:
            put(node.id, None)
        elif isinstance(node, ast.alias):
            put((node.asname or node.name).split(".")[0], None)
        elif isinstance(node, _LOCAL):
            if isinstance(node, _NAMED):
                put(node.name, None)
            for inner in _nodes(node):
                if isinstance(inner, ast.Global):
                    for name in inner.names:
                        put(name, None)
            continue
        waiting.extend(reversed(_children(node)))
    return found


def _mentioned(source):
    """Any name in a cell that cannot be parsed may be assigned there."""
    return {name: [None] for name in re.findall(r"[A-Za-z_]\w*", source[:MAX_SOURCE])}


def _values(names, known):
    values = {}
    for name, nodes in names.items():
        try:
            if None in nodes:
                raise Unknown
            values[name] = value(nodes[-1], ChainMap(values, known))
        except Unknown:
            values[name] = UNKNOWN
    return values


def _roles(nodes, source):
    """What the cell is for: which logs it writes, whether it trains the best model or writes results.json."""
    if nodes:
        called = {name for name, _ in _calls(nodes)}
        texts = [node.value[:200] for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        defined = any(isinstance(node, ast.ClassDef) and node.name == "Solver" for node in nodes)
    else:
        called = names = set(re.findall(r"[A-Za-z_]\w*", source[:MAX_SOURCE]))
        texts, defined = [source[:MAX_SOURCE]], False
    roles = []
    if "record_histories_as_npz" in called:
        roles += [role for word, role in FAMILIES.items() if any(word in text for text in texts)]
    if "Solver" in called and "FullyConnectedNet" in called and names & {"n_layers", "lr_decay", "best_solver", "best_model"}:
        roles.append("final")
    if "dump" in called | names and any("results.json" in text for text in texts):
        roles.append("results")
    return [] if defined else roles


def _calls(nodes):
    for node in nodes:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr, node


def _seeds(nodes, known):
    """What np.random is seeded with; None stands for a value not known."""
    found = {"seeds": [], "seeded_otherwise": False}
    for name, call in _calls(nodes):
        if name == "seed" and call.args and getattr(getattr(call.func, "value", None), "attr", "") == "random":
            found["seeds"] = [*found["seeds"][-20:], scalar(known_value(call.args[0], known))]
        elif "seed" in name:
            found["seeded_otherwise"] = True
    return found


def _details(nodes, known):
    """Rates, sizes of networks and what the loops around the training run over; None stands for a value not known."""

    def read(node):
        return known_value(node, known)

    found = {"nets": [], "rates": [], "table": {}, "over": [], "loops_known": True}
    for name, call in list(_calls(nodes))[:200]:
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        if name == "FullyConnectedNet":
            sizes = call.args[0] if call.args else keywords.get("hidden_dims")
            found["nets"].append(flat(read(sizes)) if sizes is not None else None)
        elif name == "Solver" and "optim_config" in keywords:
            config = read(keywords["optim_config"])
            found["rates"].append(scalar(config.get("learning_rate")) if isinstance(config, dict) else None)
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Dict, ast.Call)):
            table = read(node.value)
            if isinstance(table, dict) and "adam" in table:
                found["table"] = {key: scalar(rate) for key, rate in table.items()}
        if isinstance(node, (ast.FunctionDef, ast.While)) and _trains(node):
            found["loops_known"] = False
        if isinstance(node, ast.For) and _trains(node):
            items = flat(read(node.iter))
            if items is not None:
                found["over"].append(items)
            else:
                found["loops_known"] = False
    return found


def _trains(node):
    return any(name in ("train", "record_histories_as_npz") for name, _ in _calls(_nodes(node)))
