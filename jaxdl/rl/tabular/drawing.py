"""Values and arrows on the cells of a grid."""

from typing import Any

import numpy as np

from jaxdl.rl.environments.grid_worlds import Grid
from jaxdl.typing import Host


def draw_values(axis: Any, world: Grid, values: Host, policy: Host, *, title: str = "") -> None:
    """Cells in the color of their value `(S,)`, which is written there; an arrow for each action
    that the policy `(S, A)` takes with at least half of the largest probability. Terminal states
    are gray."""
    rows, columns = world.shape
    ends = world.mdp.terminal.reshape(world.shape)
    cells = np.where(ends, np.nan, values.reshape(world.shape))
    axis.set_facecolor("lightgray")
    axis.imshow(cells, cmap="viridis")
    middle = np.nanmean([np.nanmin(cells), np.nanmax(cells)])
    for state in np.flatnonzero(~world.mdp.terminal):
        row, column = divmod(int(state), columns)
        ink = "black" if values[state] > middle else "white"
        axis.text(column, row + 0.4, f"{values[state]:.2g}", color=ink, fontsize=6, ha="center")
        for action, (down, right) in enumerate(world.moves):
            if policy[state, action] >= 0.5 * policy[state].max():
                axis.annotate(
                    "",
                    (column + 0.4 * right, row - 0.1 + 0.4 * down),
                    (column, row - 0.1),
                    arrowprops={"arrowstyle": "->", "color": ink},
                )
    axis.set_xticks(np.arange(columns + 1) - 0.5, [])
    axis.set_yticks(np.arange(rows + 1) - 0.5, [])
    axis.set_title(title, fontsize=8)
    axis.grid(color="gray", linewidth=0.5)
