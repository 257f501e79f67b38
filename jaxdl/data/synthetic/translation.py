"""Synthetic small languages to translate, with one right answer each: copy, reverse, dates."""

from datetime import date, timedelta

import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.data.captions import END, NULL, SPECIAL, START, UNKNOWN
from jaxdl.data.splits.philox import choose, uniforms
from jaxdl.data.synthetic.base import Generated
from jaxdl.typing import Host

TASKS = ("copy", "reverse", "dates")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FIRST_DAY, LAST_DAY = date(1950, 1, 1).toordinal(), date(2049, 12, 31).toordinal()


class Language(Generated):
    """Pairs of texts, character by character. A row:

    `source` `(L,)` and `target` `(M,)` int32 ids of `vocabulary`: <START>, the characters, <END>,
    then <NULL>. "copy" and "reverse" repeat 1 to `longest` letters; "dates" brings a date of
    1950-2049, written in one of six ways, to the form 1987-03-09.
    """

    def __init__(self, task: str, size: int = 100_000, seed: int = 0, *, longest: int = 12):
        super().__init__(size, seed)
        check_one_of("Language: task", task, TASKS)
        if longest < 1:
            raise ValueError(f"Language: longest must be >= 1, got {longest}")
        self.task = task
        self.longest = longest
        characters = LETTERS if task != "dates" else " ,-." + "0123456789" + LETTERS
        self.vocabulary = (*SPECIAL, *characters)
        longest_source = len("wednesday, september 30, 2049") if task == "dates" else longest
        self.lengths = (longest_source + 2, (10 if task == "dates" else longest) + 2)

    @property
    def description(self) -> str:
        """One line for reports."""
        return f"synthetic language: {self.task}, seed {self.seed}"

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        write = self.write_dates if self.task == "dates" else self.write_letters
        pairs = write(rows)
        return {
            "source": encode([source for source, _ in pairs], self.vocabulary, self.lengths[0]),
            "target": encode([target for _, target in pairs], self.vocabulary, self.lengths[1]),
        }

    def write_letters(self, rows: Host) -> list[tuple[str, str]]:
        """Letters and the same letters in the task's order."""
        u = uniforms(self.seed, "languages.letters", rows, self.longest + 1)
        counts, letters = 1 + choose(u[:, 0], self.longest), choose(u[:, 1:], len(LETTERS))
        texts = [
            "".join(LETTERS[i] for i in line[:count])
            for line, count in zip(letters, counts, strict=True)
        ]
        order = 1 if self.task == "copy" else -1
        return [(text, text[::order]) for text in texts]

    def write_dates(self, rows: Host) -> list[tuple[str, str]]:
        """A day written in one of six ways, and as year-month-day."""
        u = uniforms(self.seed, "languages.dates", rows, 2)
        days, ways = choose(u[:, 0], LAST_DAY - FIRST_DAY + 1), choose(u[:, 1], 6)
        first = date.fromordinal(FIRST_DAY)
        pairs = []
        for offset, way in zip(days.tolist(), ways.tolist(), strict=True):
            day = first + timedelta(offset)
            pairs.append((write_date(day, way), day.isoformat()))
        return pairs

    def text(self, ids: Host) -> str:
        """The characters of ids up to <END>, without the special ones."""
        numbers = list(ids)
        numbers = numbers[: numbers.index(END)] if END in numbers else numbers
        return "".join(self.vocabulary[i] for i in numbers if i > UNKNOWN)


def write_date(day: date, way: int) -> str:
    """A date in one of six ways, lower case."""
    month = MONTHS[day.month - 1]
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{DAYS[day.weekday()]}, {month} {day.day}, {day.year}",
        f"{day.day} {month[:3]} {day.year}",
        f"{DAYS[day.weekday()][:3]} {day.day} {month[:3]} {day.year}",
        f"{day.day:02d}.{day.month:02d}.{day.year}",
    )[way]


class Hello(Generated):
    """The one row of the smallest task: `source` "hello", `target` "ohlol", ids `(5,)` int32."""

    vocabulary = ("e", "h", "l", "o")

    @property
    def description(self) -> str:
        """One line for reports."""
        return "synthetic: hello to ohlol"

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        number = {character: i for i, character in enumerate(self.vocabulary)}
        pair = {"source": "hello", "target": "ohlol"}
        ids = {name: np.array([number[c] for c in text], np.int32) for name, text in pair.items()}
        return {name: np.tile(value, (len(rows), 1)) for name, value in ids.items()}


def encode(texts: list[str], vocabulary: tuple[str, ...], length: int) -> Host:
    """<START>, characters, <END>, <NULL>s: `(n, length)` int32."""
    number = {character: i for i, character in enumerate(vocabulary)}
    ids = np.full((len(texts), length), NULL, np.int32)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text) + 2] = [START, *(number[c] for c in text), END]
    return ids
