"""What student code gets for a package that is not there when it is graded: something that can be imported, set up and drawn with.

A stand-in stays a stand-in whatever is taken from it, called or computed with it, and a function that it decorates stays what it
is. So imports that nobody needs, settings of a plot, seeds of another library, annotations and base classes do no harm. Where a
real value is asked for, it says which package that would have to come from.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import MutableSequence
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, NoReturn


class StandIn(ModuleType):
    """Stands for a module, or for something that came from it."""

    def __init__(self, name: str, lacking: str, made: tuple[CodeType, int] | None = None) -> None:
        """`name` is how it was come by, `lacking` the package, `made` the code and line that called it into being."""
        super().__init__(name)
        self.__path__: MutableSequence[str] = []  # whatever is below it is a stand-in too
        self._lacking = lacking
        self._made = made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}", self._lacking, self._made)

    def __call__(self, *args: object, **kwargs: object) -> Any:
        caller = sys._getframe(1)
        if len(args) == 1 and not kwargs and _is_being_defined(args[0], caller):
            return args[0]
        return StandIn(f"{self.__name__}(…)", self._lacking, (caller.f_code, caller.f_lineno))

    def _same(self, *_operands: object) -> StandIn:
        return self

    def _kept(self, *_operands: object) -> None:
        pass

    def needed(self, *_operands: object, **_more: object) -> NoReturn:
        """Say that a value was asked for.

        Raises:
            ImportError: always; its `made` is the place in the code where it came from, if that is not where this is raised.
        """
        error = ImportError(
            f"'{self._lacking}' is not there when this is graded, only NumPy is (used as '{self.__name__}')", name=self._lacking
        )
        error.made = self._made  # type: ignore[attr-defined]
        raise error

    def __bool__(self) -> bool:
        if not self.__name__.rpartition(".")[2].startswith("is_"):  # is_available() and the like: no
            self.needed()
        return False

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        first = next(base for base in bases if type(base) is StandIn)
        return (_Base,) if first is self else ()

    def __instancecheck__(self, _instance: object) -> bool:
        return False

    def __subclasscheck__(self, _subclass: type) -> bool:
        return False

    __getitem__ = __enter__ = __copy__ = __deepcopy__ = _same
    __setitem__ = __delitem__ = __exit__ = _kept
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = _same
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _same
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __neg__ = __pos__ = __abs__ = __invert__ = _same
    __int__ = __float__ = __complex__ = __index__ = __round__ = __len__ = __iter__ = __next__ = __contains__ = __reversed__ = needed
    __lt__ = __le__ = __gt__ = __ge__ = __array__ = __array_ufunc__ = __array_function__ = __fspath__ = needed


class _Base:
    """What a class has in place of a base that is not there."""

    def __init_subclass__(cls, **_settings: object) -> None:
        super().__init_subclass__()

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__()


def _is_being_defined(what: object, caller: FrameType) -> bool:
    """Whether this is a function or class that its own module decorates: not bound to its name yet."""
    if isinstance(what, staticmethod | classmethod | property):
        return True
    if not isinstance(what, FunctionType | type) or what.__name__ == "<lambda>":
        return False
    here = caller.f_globals.get("__name__") == what.__module__
    return here and caller.f_locals.get(what.__name__, caller.f_globals.get(what.__name__)) is not what


def inside(value: Any, depth: int = 8) -> StandIn | None:
    """The first stand-in in a value, looking into lists, tuples and dicts."""
    if type(value) is StandIn:
        return value
    if type(value) is dict:
        value = list(value.values())
    if depth and type(value) in (list, tuple):  # a class of the student's own may go on without end
        for part in value:
            if (found := inside(part, depth - 1)) is not None:
                return found
    return None


def offer_notebook_names() -> None:
    """What IPython puts among the built-in names, so that a module can use it in a notebook without an import."""
    for name in ("get_ipython", "display"):
        setattr(builtins, name, StandIn(f"IPython.{name}", "IPython"))
