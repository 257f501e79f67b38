"""What two views of an image are to have in common: the methods by name, each with its options."""

from dataclasses import dataclass, fields
from typing import ClassVar

from jaxdl.checks import UsageError, check_at_least, check_one_of
from jaxdl.losses.contrastive import info_nce, nt_xent
from jaxdl.losses.non_contrastive import barlow_twins, byol, simsiam
from jaxdl.typing import AXIS, Array

Views = tuple[Array, Array]  # of each image one, `(B, D)` both


@dataclass(frozen=True)
class MethodConfig:
    """Which method, and the head that the backbone carries while it learns."""

    name: str = "simclr"
    """simclr, moco, byol, simsiam or barlow_twins."""
    projector: tuple[int, ...] = (128, 64)
    """Widths of the projector; the last is that of the embedding."""

    # What only some methods have, where they have it not.
    last_norm: ClassVar[bool] = False  # the projector's last layer is normalized
    predictor: ClassVar[tuple[int, ...]] = ()
    momentum: ClassVar[float] = 0.0
    queue_size: ClassVar[int] = 0

    @staticmethod
    def choose(name: str) -> type["MethodConfig"]:
        """The class of the method `name`."""
        check_one_of("method.name", name, METHODS)
        return METHODS[name]

    @staticmethod
    def known_by(option: str) -> list[str]:
        """The names of the methods that have `option`."""
        return [n for n, method in METHODS.items() if option in {f.name for f in fields(method)}]

    def __post_init__(self) -> None:
        method = MethodConfig.choose(self.name)
        if not isinstance(self, method):
            raise UsageError(
                f"method.name = {self.name} is {method.__name__}, got {type(self).__name__}"
            )
        if not self.projector or min((*self.projector, *self.predictor)) < 1:
            raise UsageError("method.projector needs one width or more, each at least 1")
        if not 0 <= self.momentum < 1:
            raise UsageError(f"method.momentum must lie in [0, 1), got {self.momentum}")

    def losses(self, z: Views, p: Views, target: Views, queue: Array) -> Array:
        """One value per view, image or, of barlow_twins, feature; their mean is the loss.

        `z` are the embeddings of both views, `p` what the predictor makes of them, `target` what
        the averaged network gives, `queue` earlier of its embeddings; only the methods that have
        these look at them.
        """
        raise NotImplementedError(f"method {self.name}")


@dataclass(frozen=True)
class SimCLR(MethodConfig):
    """Each view finds its partner among all views of the batch (Chen et al. 2020, 2002.05709)."""

    temperature: float = 0.5
    """What cosines are divided by."""

    def losses(self, z: Views, p: Views, target: Views, queue: Array) -> Array:
        """NT-Xent over the batch of all devices."""
        return nt_xent(*z, temperature=self.temperature, axis_name=AXIS)


@dataclass(frozen=True)
class MoCo(MethodConfig):
    """Each view finds the averaged network's embedding of the other among earlier ones.

    He et al. 2020, arXiv 1911.05722, both views as queries (as MoCo v3). Batches are not shuffled
    for batch norm, whose statistics are over all rows here.
    """

    name: str = "moco"
    temperature: float = 0.2
    """What cosines are divided by."""
    momentum: float = 0.99
    """Share that the averaged network keeps of itself in a step."""
    queue_size: int = 4096
    """Earlier embeddings that are kept."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("method.queue_size", self.queue_size, 1)

    def losses(self, z: Views, p: Views, target: Views, queue: Array) -> Array:
        """The mean of both views' InfoNCE, `(B,)`."""
        one = info_nce(z[0], target[1], queue, temperature=self.temperature)
        return (one + info_nce(z[1], target[0], queue, temperature=self.temperature)) / 2


@dataclass(frozen=True)
class BYOL(MethodConfig):
    """A predictor meets the averaged network's embedding of the other view, with no negatives.

    Grill et al. 2020, arXiv 2006.07733; the momentum stays what it is (theirs grows to 1).
    """

    name: str = "byol"
    predictor: tuple[int, ...] = (128,)
    """Hidden widths of the predictor."""
    momentum: float = 0.99
    """Share that the averaged network keeps of itself in a step."""

    def losses(self, z: Views, p: Views, target: Views, queue: Array) -> Array:
        """Both directions added up, `(B,)`."""
        return byol(p[0], target[1]) + byol(p[1], target[0])


@dataclass(frozen=True)
class SimSiam(MethodConfig):
    """A predictor meets the other view's embedding, held still (Chen & He 2021, 2011.10566)."""

    name: str = "simsiam"
    predictor: tuple[int, ...] = (32,)
    """Hidden widths of the predictor."""
    stop_gradient: bool = True
    """Hold the other view's embedding still; without it all images get one embedding."""

    last_norm: ClassVar[bool] = True

    def losses(self, z: Views, p: Views, target: Views, queue: Array) -> Array:
        """The mean of both directions, `(B,)`."""
        return simsiam(*p, *z, stop_gradient=self.stop_gradient)


@dataclass(frozen=True)
class BarlowTwins(MethodConfig):
    """Features agree between views, not with each other (Zbontar et al. 2021, 2103.03230)."""

    name: str = "barlow_twins"
    redundancy_weight: float = 5e-3
    """Of the correlations between different features."""

    def losses(self, z: Views, p: Views, target: Views, queue: Array) -> Array:
        """One value per feature, equal on all devices (the paper's loss is their sum)."""
        return barlow_twins(*z, redundancy_weight=self.redundancy_weight, axis_name=AXIS)


METHODS: dict[str, type[MethodConfig]] = {
    "simclr": SimCLR,
    "moco": MoCo,
    "byol": BYOL,
    "simsiam": SimSiam,
    "barlow_twins": BarlowTwins,
}
