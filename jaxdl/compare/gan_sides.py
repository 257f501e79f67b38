"""The sides of a comparison where two networks play against each other: DCGAN."""

from functools import partial
from typing import Any

import jax
import numpy as np
import torch

from jaxdl.checks import UsageError
from jaxdl.compare.sides import Arrays, JaxSide, TorchSide, watch
from jaxdl.generative.gan.networks import DCDiscriminator, DCGenerator
from jaxdl.generative.gan.task import (
    GAN,
    GANTask,
    draw_noise,
    make_gan_step,
    network_variables,
    update_network,
)
from jaxdl.interop.torch_twins import adversarial
from jaxdl.interop.torch_twins.classifiers import side_after_convs
from jaxdl.interop.torch_twins.optimizers import TorchRule
from jaxdl.interop.torch_twins.registry import Twin
from jaxdl.interop.torch_twins.trainer import Trainer, tensor
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.models.weights.weight_rules import Rules, to_torch
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.training.step import Step, row_keys
from jaxdl.training.task import as_it_is
from jaxdl.typing import Batch, Host, Tree

# fc2 and norm2 stand before a reshape to an image, whose axes torch has in another order
LAYERS = [(r"([gd])/(fc1|fc|out|norm1|norm3|up\d|conv\d)", "{1}.{2}")]
NOISES = ("d_noise", "g_noise")
PARAMETERS = [(r"([gd])/(\w+)", "{1}.{2}")]


class JaxGANSide(JaxSide):
    """Our two players. A batch that both sides see has `real`, and the noise of both updates."""

    def __init__(self, task: GANTask, seed: int) -> None:
        self.game = task.game
        super().__init__(task, seed)

    def prepared_step(self) -> Step:
        """As `JaxSide.prepared_step`; the noise comes of the same keys."""
        assert self.task.tx is not None, "a game has it"
        return make_gan_step(self.game, self.task.tx, as_it_is)

    def _one(self, state: Any, resident: Any, item: Any) -> Any:
        batch = self.split.gather(resident, item)
        own, d_keys, g_keys = split_rows(
            row_keys(jax.random.fold_in(state.key, state.step), batch), 3
        )
        ready = {
            "real": self.task.prepare(own, batch, train=True)["real"],
            "d_noise": draw_noise(split_rows(d_keys, 2)[0], self.game.game),
            "g_noise": draw_noise(g_keys, self.game.game),
        }
        new, metrics = self.task.step(state, batch)
        return new, [metrics["d_loss"], metrics["g_loss"]], ready

    def update(self, state: Any, grads: Tree) -> Any:
        """Both players by their own gradients."""
        assert self.task.tx is not None, "a game has it"
        for name in grads:
            state = update_network(self.task.tx, state, name, grads[name])
        return state

    def gradients(self, batch: Batch, *, wide: bool = False) -> tuple[float, Tree]:
        """Both losses added up, and each player's gradient of its own, at the same weights."""

        def both(state: Any, batch: Batch) -> Any:
            keys = row_keys(jax.random.fold_in(state.key, 0), batch)
            _, d_keys, g_keys = split_rows(keys, 3)
            total, grads = 0.0, {}
            plays = {"d": (self.game.discriminate, d_keys), "g": (self.game.generate, g_keys)}
            for name, (play, own) in plays.items():

                def of_part(part: Tree, name: str = name, play: Any = play, own: Any = own) -> Any:
                    params = {**state.params, name: part}
                    return play(params, {"real": batch["real"]}, own, state.extra)[0]

                loss, grads[name] = jax.value_and_grad(of_part)(state.params[name])
                total += loss
            return total, grads

        return self.run_once(both, batch, wide=wide)

    def layers(self, batch: Batch) -> tuple[Arrays, dict[str, dict[str, Any]]]:
        """Of both networks, G on its noise, D on real images."""
        seen, fields = {}, {}
        inputs = {"g": batch["g_noise"], "d": batch["real"]}
        for name, model in {"g": self.game.generator, "d": self.game.discriminator}.items():
            made, known = watch(model, network_variables(self.variables, name), inputs[name])
            seen |= {f"{name}/{path}": value for path, value in made.items()}
            fields |= {f"{name}/{path}": value for path, value in known.items()}
        return seen, fields

    def test_batches(self, rows: int) -> list[Batch]:
        """Noise to make images of, and test images to tell them from."""
        rows = min(rows, self.task.splits["test"].size, 1000)
        keys = jax.random.split(jax.random.key(0), rows)
        batch = self.task.splits["test"].batch(np.arange(rows))
        real = self.task.prepare(keys, batch, train=False)["real"]
        return [jax.device_get({"real": real, "noise": draw_noise(keys, self.game.game)})]

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """D's loss, and the share of real and made images that it takes for what they are."""

        def call(variables: Tree, batch: Batch) -> Any:
            g, d = (network_variables(variables, name) for name in ("g", "d"))
            made: Any = self.game.generator.apply(g, batch["noise"], train=False)
            score = partial(self.game.discriminator.apply, d, train=False)
            return score(batch["real"]), score(made)

        (batch,) = batches
        return judge(*jax.device_get(jax.jit(call)(self.variables, batch)))


class GameTrainer(Trainer):
    """Both players of torch, as `Trainer` for one network."""

    def forward(self, batch: Batch) -> Any:
        """G on its noise, D on real images."""
        g, d = players(self.module)
        return g(self.cast(batch["g_noise"])), d(self.cast(batch["real"]))

    def backward(self, batch: Batch) -> float:
        """The gradients of both losses at the same weights; the losses, added up."""
        self.module.train()
        self.module.zero_grad(set_to_none=True)
        g, d = players(self.module)
        g_loss = adversarial.generator_loss(g, d, self.cast(batch["g_noise"]))
        g_loss.backward()
        d.zero_grad(set_to_none=True)
        real, noise = self.cast(batch["real"]), self.cast(batch["d_noise"])
        d_loss = adversarial.discriminator_loss(g, d, real, noise)
        d_loss.backward()
        return float(d_loss.detach() + g_loss.detach())

    def step(self, batch: Batch, number: int, rate: float) -> float:
        """One update of D, then one of G."""
        self.module.train()
        real, noises = self.cast(batch["real"]), [self.cast(batch[n]) for n in NOISES]
        g, d = players(self.module)
        turns = Turn(self.rule, rate, d), Turn(self.rule, rate, g)
        return float(sum(adversarial.step((g, d), turns, real, noises)))


class TorchGANSide(TorchSide):
    """Both players of torch."""

    trainer_of = GameTrainer

    def evaluate(self, batches: list[Batch]) -> dict[str, float]:
        """As `JaxGANSide.evaluate`."""
        (batch,) = batches
        self.module.eval()
        g, d = players(self.module)
        with torch.no_grad():
            pair = d(tensor(batch["real"])), d(g(tensor(batch["noise"])))
        return judge(*(scores.numpy() for scores in pair))


def players(module: torch.nn.Module) -> tuple[Any, Any]:
    """G and D of a twin."""
    named: Any = dict(module.named_children())
    return named["g"], named["d"]


class Turn:
    """The turn of one player under the rule of both: the `other` stays."""

    def __init__(self, rule: TorchRule, rate: float, other: Any) -> None:
        self.rule, self.rate, self.other = rule, rate, other

    def zero_grad(self, *, set_to_none: bool) -> None:
        """Of both."""
        self.rule.optimizer.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """One update; parameters without a gradient are passed over."""
        self.other.zero_grad(set_to_none=True)
        self.rule.step(self.rate)


def game_twin(game: GAN) -> Twin:
    """DCGAN's; raises UsageError for other networks and rules."""
    g, d = game.generator, game.discriminator
    if not isinstance(g, DCGenerator) or not isinstance(d, DCDiscriminator) or g.classes:
        raise UsageError("compare: of the games only DCGAN without classes has a torch twin")
    if game.game.loss != "gan" or game.game.gradient_penalty or game.game.critic_steps > 1:
        raise UsageError("compare: DCGAN's twin has gan.loss = gan, no penalty, one critic step")
    if g.attention or d.attention or g.norm is not BatchNorm:
        raise UsageError("compare: the twin of DCGAN has batch norm and no attention")
    height, width, _ = g.shape
    generator = adversarial.Generator(game.game.latent_dim, g.shape, g.hidden, g.features)
    critic = adversarial.Discriminator(g.shape, d.features, d.slope)
    module = torch.nn.ModuleDict({"g": generator, "d": critic})
    flat = side_after_convs(height), side_after_convs(width)
    rules = Rules(PARAMETERS, flattened={"d/fc": flat})

    def arrays(variables: Tree) -> dict[str, Host]:
        made = to_torch(rules, variables)
        for name, value in made.items():
            if name.startswith("g.up") and value.ndim == 4:
                made[name] = np.ascontiguousarray(value.swapaxes(0, 1))
            elif name.startswith(("g.fc2.", "g.norm2.")) and value.ndim:
                image = value.reshape(height // 4, width // 4, g.features[0], *value.shape[1:])
                made[name] = np.ascontiguousarray(np.moveaxis(image, 2, 0)).reshape(value.shape)
        return made

    return Twin(module, arrays, LAYERS, {})


def judge(real: Host, made: Host) -> dict[str, float]:
    """D's loss and accuracy from its scores of real and made images."""
    loss = np.logaddexp(0, -real.astype(float)).mean() + np.logaddexp(0, made.astype(float)).mean()
    right = np.concatenate([real > 0, made < 0]).mean()
    return {"loss": float(loss), "accuracy": float(right)}
