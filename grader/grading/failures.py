"""How endings and exceptions are told: to the student in plain sentences with their own lines, to staff in full.

Code that was asked something hidden could tell of it in whatever it says; then the student reads only what the grader knows itself.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Iterable

from ..sandbox.errors import Ending, Frame, SessionEnded
from ..submission.layout import Layout
from ..submission.text import name as shown
from ..submission.text import quoted
from .findings import Finding

_MESSAGE_LIMIT = 600
_LINE_LIMIT = 160


def told(error: SessionEnded, layout: Layout, ours: Collection[str] = ()) -> Finding:
    """What a session that ended tells its two readers; of the files `ours`, mounted beside the student's, they read nothing."""
    return Finding(student=_for_student(error, layout, ours), staff=_for_staff(error))


def _for_student(error: SessionEnded, layout: Layout, ours: Collection[str]) -> str:
    doing = _doing(error, layout, {name.removesuffix(".py") for name in ours})
    lines = _lines([frame for frame in error.frames if frame.file not in ours])
    if error.ending is Ending.RAISED:
        said = "" if error.secret else quoted(error.message, _MESSAGE_LIMIT)
        name = _builtin(error.kind) if error.secret else shown(error.type_name, 80)
        head = f"{doing} raised {name}" + (f": {said}" if said else "")
        return "\n".join([_with_stop(head), *lines])
    verb = "did not come to an end" if error.ending is Ending.TIMED_OUT else "failed"
    return "\n".join([f"{doing} {verb}: {error.reason}.", *lines])


def _for_staff(error: SessionEnded) -> str:
    frames = "; ".join(f"{shown(f.file, 80)}:{f.line} in {shown(f.function, 80)}" for f in error.frames)
    doing = error.doing or ", ".join(error.asked) or "waiting"
    said = f": {quoted(error.message, _MESSAGE_LIMIT)}" if error.secret and error.message else ""
    return f"{error.ending}: {shown(error.reason, 300)} while: {doing}{said}" + (f" [{frames}]" if frames else "")


def _builtin(kind: str) -> str:
    """The name of a built-in exception; of one that there is not, that it is one."""
    known = getattr(builtins, kind, None)
    return kind if isinstance(known, type) and issubclass(known, BaseException) else "an exception"


def _doing(error: SessionEnded, layout: Layout, ours: Collection[str]) -> str:
    """What was being done, as the beginning of a sentence; a message that was not answered names all that it may have been."""
    labels = [label for label in ([error.doing] if error.doing else error.asked) if not _is_ours(label, ours)]
    if any(label.startswith("import ") for label in labels):
        return f"Importing {' or '.join(_file(label.removeprefix('import '), layout) for label in labels)}"
    if labels and all(label.endswith(")") for label in labels):
        return f"Calling {' or '.join(_short(label, layout) for label in labels)}"
    return f"Asking for {_short(labels[0], layout)}" if labels and "." in labels[0] else "Your code"


def _is_ours(label: str, ours: Collection[str]) -> bool:
    return re.split(r"[.(]", label.removeprefix("import "), maxsplit=1)[0] in ours


def _file(module: str, layout: Layout) -> str:
    return layout.modules.get(module, module)


def _short(label: str, layout: Layout) -> str:
    """A label without the path of the student's module: "package.module.Class(…).run(…)" reads "Class(…).run(…)"."""
    for module in layout.modules:
        label = label.removeprefix(f"{module}.")
    return label


def _lines(frames: Iterable[Frame]) -> list[str]:
    """The student's own lines that led there, innermost last."""
    lines = []
    for frame in frames:
        where = f"  {shown(frame.file, 80)}, line {frame.line}"
        if frame.function and frame.function != "<module>":
            where += f", in {shown(frame.function, 80)}"
        text = shown(frame.text, _LINE_LIMIT).strip()
        lines.append(where + (f":  {text}" if text else ""))
    return lines


def _with_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."
