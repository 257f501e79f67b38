"""A known shift judges that other libraries' flows come out as x and y in pixels."""

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.video.flow.foreign import METHODS, foreign_flow
from jaxdl.video.flow.made_pairs import make_pair
from tests.video.flow.made_picture import made_picture


@pytest.mark.parametrize("name", METHODS)
def test_a_shift_is_found_along_x_and_y(name):
    pytest.importorskip("cv2" if name.startswith("opencv") else "skimage")
    first, second, flow = make_pair(made_picture(40, 48), "shift", most=2)
    found = foreign_flow(name, first, second)[6:-6, 6:-6]
    np.testing.assert_allclose(np.median(found, axis=(0, 1)), flow[0, 0], atol=0.3)


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(UsageError, match="opencv_dis needs cv2.*pip install .opencv-python-head"):
        foreign_flow("opencv_dis", np.zeros((8, 8, 3)), np.zeros((8, 8, 3)))
