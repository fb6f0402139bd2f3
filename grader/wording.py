"""How endings and exceptions are told: to the student in plain sentences with their own lines, to staff in full."""

from __future__ import annotations

from .finding import Finding
from .sandbox.ending import Ending, SessionEnded
from .text import clean

_MESSAGE_LIMIT = 600
_LINE_LIMIT = 160
_MODULES = ("deeplearning.optim", "deeplearning.classifiers.fc_net", "deeplearning.solver")


def told(error: SessionEnded) -> Finding:
    """What a session that ended tells its two readers."""
    return Finding(student=_for_student(error), staff=_for_staff(error))


def _for_student(error: SessionEnded) -> str:
    doing = _doing(error.doing)
    if error.ending is Ending.RAISED:
        said = clean(error.message, _MESSAGE_LIMIT).strip()
        head = f"{doing} raised {clean(error.type_name, 80)}" + (f": {said}" if said else "")
        return "\n".join([_with_stop(head), *_lines(error)])
    verb = "did not come to an end" if error.ending is Ending.TIMED_OUT else "failed"
    return "\n".join([f"{doing} {verb}: {error.reason}.", *_lines(error)])


def _for_staff(error: SessionEnded) -> str:
    frames = "; ".join(f"{clean(f.file, 80)}:{f.line} in {clean(f.function, 80)}" for f in error.frames)
    return f"{error.ending}: {error.reason} while: {error.doing or 'waiting'}" + (f" [{frames}]" if frames else "")


def _doing(label: str) -> str:
    if label.startswith("import "):
        return f"Importing {_file(label.removeprefix('import '))}"
    if label.endswith("(…)"):
        return f"Calling {_short(label)}"
    return f"Asking for {_short(label)}" if label else "Your code"


def _file(module: str) -> str:
    return module.replace(".", "/") + ".py" if module.startswith("deeplearning") else module


def _short(label: str) -> str:
    """A label without the module path: "deeplearning.solver.Solver(…).train(…)" reads "Solver(…).train(…)"."""
    for module in _MODULES:
        label = label.removeprefix(f"{module}.")
    return label


def _lines(error: SessionEnded) -> list[str]:
    """The student's own lines that led there, innermost last."""
    lines = []
    for frame in error.frames:
        where = f"  {clean(frame.file, 80)}, line {frame.line}"
        if frame.function and frame.function != "<module>":
            where += f", in {clean(frame.function, 80)}"
        text = clean(frame.text, _LINE_LIMIT).strip()
        lines.append(where + (f":  {text}" if text else ""))
    return lines


def _with_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."
