"""The numbers and arrows that stand on a figure's cells."""

import numpy as np

from jaxdl.draw import Figure
from jaxdl.rl.environments.grid_worlds import GridWorld
from jaxdl.rl.tabular.drawing import draw_values
from jaxdl.rl.tabular.dynamic_programming import value_iteration


def test_each_cell_shows_its_value_and_where_to_go():
    world, figure = GridWorld(), Figure()
    solved = value_iteration(world.mdp, discount=1.0)
    draw_values(figure.axes[0], world, solved.values, solved.policy, title="best")
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    at = {tuple(np.round(text.get_position()).astype(int)): text.get_text() for text in texts}
    assert len(at) == 14
    assert (at[1, 0], at[2, 2], at[3, 0]) == ("-1", "-2", "-3")
    arrows = [text for text in figure.axes[0].texts if not text.get_text()]
    assert len(arrows) == (solved.policy[~world.mdp.terminal] > 0).sum()
    ups = [a for a in arrows if a.xyann[0] == 0 and a.xy[1] < a.xyann[1]]
    assert {round(a.xyann[1] + 0.1) for a in ups} == {1, 2, 3}
