"""The numbers of a table with mean 0 and deviation 1, by its training rows."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxdl.data.notes import Notes
from jaxdl.data.source import Dataset, Source, SourceView
from jaxdl.data.table_form import TableForm
from jaxdl.typing import Host

FIELD = "input"


def standardize_inputs(opened: Dataset, split: str, numbers: Host, *, apply: bool) -> Dataset:
    """The set with `input` standardized by the rows `numbers` of `split`, or as it is, in float32.

    What was done is in the notes of its sources, and how in `table`.
    """
    if FIELD not in opened.splits[split][0]:
        return opened
    x = np.asarray(opened.splits[split].rows(numbers)[FIELD], np.float64)
    form = opened.table or TableForm.plain(x.shape[1])
    if apply:
        mean, std = column_moments(x)
        form = dataclasses.replace(form, mean=tuple(mean.tolist()), std=tuple(std.tolist()))
        said = [
            f"input is standardized by the {len(x)} training rows: (x - mean) / deviation, per "
            "column"
        ]
    else:
        said = ["input is as in the file, not standardized: data.standardize"]
        merged = [name for name, column in zip(form.names, x.T, strict=True) if merges(column)]
        said += [f"different numbers become equal in float32: {name}" for name in merged]
    constant = [n for n, column in zip(form.names, x.T, strict=True) if np.ptp(column) == 0]
    said += [f"the same in all training rows: {', '.join(constant)}"] if constant else []
    views = {name: ScaledSource(source, form, said) for name, source in opened.splits.items()}
    return dataclasses.replace(opened, splits=views, table=form)


class ScaledSource(SourceView):
    """A source whose `input` `(D,)` is on the scale of a form."""

    def __init__(self, source: Source, form: TableForm, said: Sequence[str] = ()):
        super().__init__(source)
        self.form = form
        self.notes = source.notes or Notes()
        self.notes.taken += said

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        row = self.source[index]
        return {**row, FIELD: self.form.scaled(row[FIELD])}

    def rows(self, numbers: Host) -> dict[str, Host]:
        """These rows, stacked."""
        rows = self.source.rows(numbers)
        return {**rows, FIELD: self.form.scaled(rows[FIELD])}


def column_moments(x: Host) -> tuple[Host, Host]:
    """Mean and standard deviation `(D,)` of rows `(N, D)`; 1 for a column that is constant."""
    mean = x.mean(axis=0)
    std = np.sqrt(np.mean((x - mean) ** 2, axis=0))
    return mean, np.where(std > 0, std, 1.0)


def merges(column: Host) -> bool:
    """Whether float32 makes different numbers `(N,)` equal."""
    return len(np.unique(column.astype(np.float32))) < len(np.unique(column))
