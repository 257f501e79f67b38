"""What a weight file is, as a small JSON file beside it says."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.models.weights.imagenet import imagenet_classes
from jaxdl.models.weights.preprocessing import Preprocessing
from jaxdl.models.weights.weight_file import WeightFileError

IMAGENET = "imagenet"  # in place of its thousand names
LARGEST = 2**20  # bytes of such a JSON file


@dataclass(frozen=True)
class Facts:
    """Where a weight file comes from and how it is used."""

    model: str
    """The registered model that it fits."""
    names: str
    """The library in whose names it is written, or jaxdl."""
    preprocessing: Preprocessing
    """What an image goes through before the model sees it."""
    sha256: str
    source: str
    license: str
    classes: str | tuple[str, ...] = ()
    """Their names; "imagenet" stands for its thousand; empty where they are not known."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the model that the weights were trained with, where they are not its defaults."""
    notes: tuple[str, ...] = ()
    """What a person should know before they use it."""

    def lines(self) -> list[str]:
        """As `jaxdl weights show` prints them."""
        table = dataclasses.asdict(self)
        notes = table.pop("notes")
        table["preprocessing"] = ", ".join(f"{k} {v}" for k, v in table["preprocessing"].items())
        table["options"] = ", ".join(f"{k} {v}" for k, v in table["options"].items())
        if not isinstance(self.classes, str):
            table["classes"] = ", ".join(self.classes)
        said = [f"{name}: {value}" for name, value in table.items() if value]
        return said + [f"note: {note}" for note in notes]


def class_names(classes: str | tuple[str, ...]) -> tuple[str, ...]:
    """The names that `Facts.classes` stands for."""
    return imagenet_classes() if classes == IMAGENET else tuple(classes)


def facts_path(path: Path) -> Path:
    """The JSON file beside a weight file."""
    return path.with_name(path.name + ".json")


def write_facts(path: Path, facts: Facts) -> None:
    """Writes the JSON file beside the weight file `path`."""
    text = json.dumps(dataclasses.asdict(facts), indent=1, ensure_ascii=False)
    try:
        facts_path(path).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise WeightFileError(
            f"weights {facts_path(path)}: cannot be written ({error.strerror})"
        ) from None


def read_facts_file(path: Path) -> Facts:
    """The facts in a JSON file; CheckpointError, naming it and the field, where it is damaged."""
    try:
        if path.stat().st_size > LARGEST:
            raise CheckpointError(f"{path}: must be at most {LARGEST} bytes")
        return facts_from(json.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise CheckpointError(f"{path}: not the JSON of a weight file ({reason})") from None


def facts_from(table: Any, path: Path) -> Facts:
    """The facts that a table of plain values holds; what is missing or unknown is named."""
    fields = {f.name: f for f in dataclasses.fields(Facts)}
    needed = {name for name in fields if name not in ("classes", "options", "notes")}
    if not isinstance(table, dict):
        raise CheckpointError(f"{path}: must hold a table, got {type(table).__name__}")
    wrong = [f"{name} is missing" for name in sorted(needed - table.keys())]
    wrong += [f"{name} is unknown" for name in sorted(table.keys() - fields.keys())]
    words = ("model", "names", "sha256", "source", "license")
    wrong += [f"{n} must be text" for n in words if not isinstance(table.get(n, ""), str)]
    tables = ("preprocessing", "options")
    wrong += [f"{n} must be a table" for n in tables if not isinstance(table.get(n, {}), dict)]
    if wrong:
        raise CheckpointError(f"{path}: {'; '.join(wrong)}")
    try:
        preprocessing = Preprocessing(**{k: plain(v) for k, v in table["preprocessing"].items()})
    except (TypeError, UsageError) as error:
        raise CheckpointError(f"{path}: preprocessing: {error}") from None
    options = {name: plain(value) for name, value in table.get("options", {}).items()}
    values = {k: plain(v) for k, v in table.items()}
    return Facts(**{**values, "preprocessing": preprocessing, "options": options})


def plain(value: Any) -> Any:
    """A list of JSON as the tuple that a dataclass holds."""
    return tuple(value) if isinstance(value, list) else value
