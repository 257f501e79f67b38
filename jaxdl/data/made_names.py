"""Names of synthetic sets, where one kind has several."""

TOYS = ("blobs", "xor", "rings", "moons", "spirals", "hours", "polynomial", "wide")
LANGUAGES = ("copy", "reverse", "dates", "hello")
POINTS = (
    *("gaussian", "eight_gaussians", "grid_of_gaussians", "two_moons", "two_spirals", "circles"),
    *("checkerboard", "pinwheel"),
)
