"""A data set in a line: its name, the rows of each split, classes or words."""

from collections.abc import Mapping

from jaxdl.data.splits.split import NoData, Split


def in_words(name: str, splits: Mapping[str, Split]) -> str:
    """Such as `mnist: 54,000 train, 6,000 val, 10,000 test rows; 10 classes`.

    Made data is called so; of steps without data only the name is there.
    """
    train = splits["train"]
    if isinstance(train, NoData):
        return name
    rows = ", ".join(f"{split.size:,} {role}" for role, split in splits.items())
    parts = [f"{name}{' (synthetic)' if train.synthetic else ''}: {rows} rows"]
    if train.classes:
        parts.append(f"{len(train.classes):,} classes")
    if train.vocabulary:
        parts.append(f"{len(train.vocabulary):,} words")
    return "; ".join(parts)
