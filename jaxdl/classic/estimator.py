"""The face that scikit-learn's tools expect: `fit`, `predict`, `score`, parameters by name.

An estimator is a dataclass: its fields are its parameters, `fit` writes what it found into
attributes whose names end in an underscore. The work is done by pure functions of the same module.
"""

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np

from jaxdl.checks import DataError, check_rank, unknown
from jaxdl.typing import ArrayLike, Host


@dataclasses.dataclass(kw_only=True, eq=False)
class Estimator:
    """Parameters by name, for `sklearn.base.clone`, pipelines and searches."""

    kind: ClassVar[str | None] = None  # scikit-learn's estimator type

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Name -> value of every field; nothing is nested, so `deep` changes nothing."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Sets fields by name; an unknown name is an error."""
        for name, value in params.items():
            if name not in self.get_params():
                raise unknown(f"{type(self).__name__}: parameters", name, self.get_params())
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=self.kind,
            target_tags=TargetTags(required=self.kind in ("classifier", "regressor")),
            classifier_tags=ClassifierTags() if self.kind == "classifier" else None,
            regressor_tags=RegressorTags() if self.kind == "regressor" else None,
            transformer_tags=TransformerTags() if self.kind == "transformer" else None,
        )

    def fitted(self, name: str) -> Any:
        """The attribute that `fit` writes; an error that says so before."""
        if not hasattr(self, name):
            raise ValueError(f"{type(self).__name__}: call fit before this, {name!r} is not there")
        return getattr(self, name)


class Classifier(Estimator):
    """Any labels in, the same labels out; `score` is the accuracy."""

    kind: ClassVar[str | None] = "classifier"
    classes_: Host

    def encode(self, x: ArrayLike, y: ArrayLike) -> tuple[Host, Host]:
        """Rows `(N, D)` and their labels as 0..K-1; remembers the K labels in rising order."""
        x, y = rows(type(self).__name__, x), np.asarray(y)
        if y.shape != (len(x),):
            raise ValueError(
                f"{type(self).__name__}: y must have one label per row, got shape {y.shape} "
                f"for {len(x)} rows"
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        return x, codes.astype(np.int32)

    def fit(self, x: ArrayLike, y: ArrayLike) -> Self:
        raise NotImplementedError

    def predict(self, x: ArrayLike) -> Host:
        raise NotImplementedError

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """The fraction of rows whose predicted label is `y`."""
        return float(np.mean(self.predict(x) == np.asarray(y)))


class Regressor(Estimator):
    """Real numbers out; `score` is the coefficient of determination."""

    kind: ClassVar[str | None] = "regressor"

    def predict(self, x: ArrayLike) -> Host:
        raise NotImplementedError

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """R^2 = 1 - sum (y - y')^2 / sum (y - mean y)^2."""
        y = np.asarray(y, np.float64)
        left = np.sum((y - self.predict(x)) ** 2)
        return float(1 - left / np.sum((y - y.mean()) ** 2))


def rows(who: str, x: ArrayLike) -> Host:
    """`x` as rows `(N, D)`: images `(N, H, W, C)` are flattened; NaN and no rows are errors."""
    x = np.asarray(x)
    if x.ndim > 2:
        x = x.reshape(len(x), -1)
    check_rank(f"{who}: x", x, 2)
    if not len(x):
        raise DataError(f"{who}: x must have at least one row, got shape {x.shape}")
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        raise DataError(f"{who}: x must be finite, got NaN or infinity; fill or drop those rows")
    return x
