"""A DQN as one writes it in PyTorch on Gymnasium's environments: one learner, the same settings."""

import copy
import itertools
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jaxdl.rl.agents.dqn import DQNConfig
from jaxdl.typing import Host


class TorchQNetwork(nn.Module):
    """Twin of `QNetwork` for numbers: `(B, N)` -> `(B, A)`."""

    def __init__(
        self, actions: int, hidden: tuple[int, ...], scale: tuple[float, ...], dueling: bool
    ) -> None:
        super().__init__()
        widths = (len(scale), *hidden)
        self.torso = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.head = nn.Linear(widths[-1], actions)
        self.value = nn.Linear(widths[-1], 1) if dueling else None
        self.scale = torch.tensor(scale)

    def forward(self, x: Tensor) -> Tensor:
        x = x / self.scale
        for layer in self.torso:
            x = torch.relu(layer(x))
        q = self.head(x)
        if self.value is None:
            return q
        return self.value(x) + q - q.mean(dim=1, keepdim=True)


class TorchDQN:
    """The loop: `advance(steps)` acts, remembers and learns, as `make_dqn_step` does for one
    learner; `rates` `(steps,)` are the learning rates of updates."""

    def __init__(
        self,
        environment: str,
        cfg: DQNConfig,
        network: TorchQNetwork,
        rates: Host,
        *,
        clip_norm: float,
        ema: float,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.environment, self.cfg, self.network, self.rates = environment, cfg, network, rates
        self.clip_norm, self.ema, self.step, self.written = clip_norm, ema, 0, 0
        self.target, self.average = copy.deepcopy(network), copy.deepcopy(network)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=float(rates[0]))
        self.games = [gymnasium.make(environment) for _ in range(cfg.environments)]
        seen = [game.reset(seed=seed + i)[0] for i, game in enumerate(self.games)]
        self.seen = np.stack(seen).astype(np.float32)
        self.rng = np.random.default_rng(seed)
        size = cfg.replay * cfg.environments
        width = self.seen.shape[1]
        self.memory = {
            "observation": torch.zeros(size, width),
            "action": torch.zeros(size, dtype=torch.int64),
            "reward": torch.zeros(size),
            "next_observation": torch.zeros(size, width),
            "terminated": torch.zeros(size, dtype=torch.bool),
        }

    def advance(self, steps: int) -> None:
        """`steps` of training."""
        for _ in range(steps):
            for _ in range(self.cfg.block):
                self.act()
            if self.step >= self.cfg.warmup:
                for i in range(self.cfg.updates):
                    self.learn(self.sample(), self.step * self.cfg.updates + i)
                if self.step % self.cfg.target_every == 0:
                    mix(self.target, self.network, self.cfg.target_rate)
            mix(self.average, self.network, 1 - self.ema)
            self.step += 1

    def act(self) -> None:
        """One step of every game, into the memory."""
        with torch.no_grad():
            q = self.network(torch.from_numpy(self.seen))
        share = max(
            1 - (1 - self.cfg.epsilon_end) * self.step / self.cfg.epsilon_steps,
            self.cfg.epsilon_end,
        )
        count = len(self.games)
        drawn = self.rng.integers(q.shape[1], size=count)
        action = np.where(self.rng.random(count) < share, drawn, q.argmax(1).numpy())
        reward, ended = np.zeros(count, np.float32), np.zeros((2, count), bool)
        after, fresh = np.empty_like(self.seen), np.empty_like(self.seen)
        for i, game in enumerate(self.games):
            after[i], reward[i], ended[0, i], ended[1, i], _ = game.step(int(action[i]))  # pyright: ignore
            fresh[i] = game.reset()[0] if ended[:, i].any() else after[i]
        first = self.written * count % len(self.memory["reward"])
        rows = (self.seen, action, reward, after, ended[0])
        for ring, row in zip(self.memory.values(), rows, strict=True):
            ring[first : first + count] = torch.from_numpy(row)
        self.seen, self.written = fresh, self.written + 1

    def sample(self) -> dict[str, Tensor]:
        """Rows of the memory, uniform over those that are kept."""
        kept = min(self.written * len(self.games), len(self.memory["reward"]))
        at = torch.from_numpy(self.rng.integers(kept, size=self.cfg.batch))
        return {name: ring[at] for name, ring in self.memory.items()}

    def loss(self, rows: dict[str, Tensor]) -> Tensor:
        """The mean over rows of the error's loss (`make_q_update`)."""
        with torch.no_grad():
            later = self.target(rows["next_observation"])
            chosen = self.network(rows["next_observation"]) if self.cfg.double else later
            best = later.gather(1, chosen.argmax(1, keepdim=True))[:, 0]
            wanted = rows["reward"] + self.cfg.discount * best * ~rows["terminated"]
        taken = self.network(rows["observation"]).gather(1, rows["action"][:, None])[:, 0]
        return F.huber_loss(taken, wanted, delta=self.cfg.delta)

    def learn(self, rows: dict[str, Tensor], update: int) -> None:
        """One update."""
        self.optimizer.param_groups[0]["lr"] = float(self.rates[min(update, len(self.rates) - 1)])
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(rows).backward()
        if self.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.optimizer.step()

    def returns(self, episodes: int) -> Host:
        """Whole episodes of the averaged network without exploration `(episodes,)`."""
        game: Any = gymnasium.make(self.environment)
        totals = np.zeros(episodes)
        for i in range(episodes):
            seen, over = game.reset(seed=i)[0], False
            while not over:
                with torch.no_grad():
                    q = self.average(torch.from_numpy(np.float32(seen))[None])
                seen, reward, terminated, truncated, _ = game.step(int(q.argmax()))
                totals[i] += reward
                over = terminated or truncated
        return totals


def mix(network: nn.Module, other: nn.Module, share: float) -> None:
    """Moves the parameters of `network` by `share` towards the other's."""
    with torch.no_grad():
        for own, there in zip(network.parameters(), other.parameters(), strict=True):
            own.lerp_(there, share)
