"""The mark of a named model."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

T = TypeVar("T", bound=Callable[..., Any])


@overload
def register(target: str) -> Callable[[T], T]: ...


@overload
def register(target: T) -> T: ...


def register(target: Any) -> Any:
    """Puts a Linen module class, or a function that returns a module, among the named models.

    `@register` uses the name in snake case (`DenseNet` -> `dense_net`), `@register("lenet")` the
    given one, which must be a literal. It stands on the top level of a file below this folder,
    because the list of names is read from the source text; so it changes nothing here.
    """
    return (lambda model: model) if isinstance(target, str) else target
