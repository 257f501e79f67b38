"""Each script has a config that is run here: its name, and the flags that make it small."""

from pathlib import Path

from tests.detection.small_runs import DETECTION
from tests.generative.small_runs import GENERATIVE

ROOT = Path(__file__).parents[1]
GRAY = ["--image.mean", "0.5", "--image.std", "0.5"]
VAL = ["--data.val", "100"]
FEW = ["--names", "early_stopping", "mlp_drop_connect", "--seeds", "1"]
DIGITS = ["--data.name", "digits"]
TINY = ["--loop.steps", "2", "--model.hidden", "8"]
FIRST_ORDER = [*TINY, "--lbfgs_steps", "0"]
TWO = ["--loop.steps", "2", "--loop.devices", "1"]  # one: half of the time is compiling
OFTEN = [*TWO, *("--loop.log_every", "1", "--loop.eval_every", "2", "--loop.save_every", "2")]
THIN = [
    *("--model.name", "squeezenet1_1", "--model.weights", "", "--model.stem", "4"),
    *("--model.squeeze", *["1"] * 8),
]
MATCHED = [
    *("--weights.content", "conv1", "--weights.styles", "conv1", *THIN),
    *("--weights.style_weights", "1"),
]
SEGMENTS = [
    *("--data.synthetic_rows", "16", "--data.batch_size", "8", "--data.image_size", "24", *TWO),
    *("--loop.log_every", "1", "--loop.save_every", "2", "--optim.warmup", "0"),
]
SCENES = ["--data.image_size", "16", "--model.features", "2", "2", "2"]
FILM = ["--data.path", str(ROOT / "docs"), "--films", "spot.gif", "--model.pools", "2"]
CUT = ["--data.batch_size", "4", "--data.clip_frames", "3", "--share", "0.4"]
PAIR = ["--pictures", "brick.png", "--kinds", "shift", "--most", "2", "--image_size", "64", "64"]
# One config a script: the flags that make it small and independent of prepared data.
SMALL = {
    "classic.activations": ("wide_activations", ["--depth", "1", "--width", "5", "--acts", "tanh"]),
    "classic.against_scikit_learn": (
        "mnist_against_scikit_learn",
        ["--data.name", "digits", "--sizes", "60", "--learners", "kmeans", "pca", "--rounds", "1"],
    ),
    "classic.boundaries": ("xor_boundaries", ["--epochs", "2", "--resolution", "5", "--ks", "1"]),
    "classic.clusters": ("digits_clusters", ["--rows", "40", "--most", "2", "--k", "2"]),
    "classic.cost_surfaces": ("hours_cost_surfaces", ["--steps", "2", "--resolution", "5"]),
    "classic.dense": ("cifar10_svm", ["--data.name", "digits", *GRAY, "--loop.steps", "2"]),
    "classic.double_descent": (
        "mnist_double_descent",
        [*DIGITS, "--rows", "60", "--widths", "9", "60", "90", "--draws", "1"],
    ),
    "classic.grid": (
        "digits_grid",
        ["--epochs", "1", "--learning_rates", "0.01", "--penalty_weights", "0"],
    ),
    "classic.learned_index": ("lognormal_learned_index", ["--num_keys", "100", "--queries", "2"]),
    "classic.neighbors": ("cifar10_knn", ["--data.name", "digits"]),
    "classic.neural_ode": ("spiral_neural_ode", ["--points", "12", "--steps", "2"]),
    "classic.polynomial": ("polynomial_fits", ["--epochs", "10", "--counts", "2"]),
    "classic.random_matrices": ("normal_random_matrices", ["--products", "3"]),
    "classic.relu_bumps": ("curve_relu_bumps", ["--counts", "2", "4", "--points", "9"]),
    "classic.small_nets": (
        "mnist_small_nets",
        [*DIGITS, *VAL, "--data.train", "train", "--questions", "bias", "--loop.steps", "2"],
    ),
    "classic.weight_decay": ("wide_weight_decay", ["--epochs", "2", "--seeds", "1"]),
    "classification.binary": ("diabetes_relu", TWO),
    "classification.pruning": ("mnist_pruning", [*DIGITS, *TINY, "--sparsities", "0.9"]),
    "classification.random_labels": ("cifar10_random_labels", [*DIGITS, "--rows", "200", *TINY]),
    "classification.ensemble": (
        "digits_snapshots",
        ["--members", "2", "--loop.steps", "2", "--model.hidden", "8"],
    ),
    "classification.finetune": (
        "mnist_transfer",
        [
            *("--source", "", "--data.name", "digits", "--data.batch_size", "48", *GRAY, *TWO),
        ],
    ),
    "classification.multilabel": ("shapes_multilabel", ["--data.synthetic_rows", "128", *TINY]),
    "classification.train": ("digits_mlp", TINY),
    "classification.transfer": (
        "hymenoptera_transfer",
        [
            *("--data.name", "digits", *GRAY, "--seeds", "2", "--folds", "0"),
            *("--model.name", "lenet", "--model.weights", "", "--loop.steps", "2"),
        ],
    ),
    **DETECTION,
    "training.curves": ("line_curves", ["--data.synthetic_rows", "11", "--steps", "20"]),
    "training.norms": (
        "fashion_norm_rates",
        ["--data.name", "digits", "--norms", "batch", "--learning_rates", "0.1", *TINY],
    ),
    "training.optimizers": (
        "fashion_optimizers",
        [
            *("--data.name", "digits", "--optimizers", "sgd", "--learning_rates", "0.1", *VAL),
            *FIRST_ORDER,
        ],
    ),
    "training.regularizers": (
        "fashion_regularizers",
        ["--data.name", "digits", "--data.train", "train", *VAL, *FEW, "--loop.steps", "2"],
    ),
    "training.trajectories": ("valley_paths", ["--steps", "3"]),
    **GENERATIVE,
    "interpret.adversarial_training": (
        "mnist_adversarial",
        [
            *("--data.name", "digits", *VAL, "--model.name", "mlp", "--model.hidden", "8", *TWO),
            *("--attack.steps", "2", "--train_attack.steps", "2", "--curve_rows", "50"),
            *("--radii_linf", "0.3", "--radii_l2", "1", "--loop.eval_every", "2"),
        ],
    ),
    "interpret.attack": (
        "photos_attack",
        [
            *("--data.name", "shapes", "--data.synthetic_rows", "20", "--data.image_size", "32"),
            *("--photos", "chelsea.png", "--size", "32", *THIN, "--target", "3", "--most", "2"),
            *("--passes", "1"),
        ],
    ),
    "interpret.features": (
        "hymenoptera_features",
        [
            *("--data.name", "digits", *GRAY, "--model.name", "flat_convnet"),
            *("--model.filters", "4", "--model.kernels", "3", "--model.paddings", "1"),
            *("--model.weights", "", "--units", "2", "--rows", "30"),
        ],
    ),
    "interpret.pointing": (
        "shapes_pointing",
        [
            *("--data.synthetic_rows", "32", "--data.batch_size", "8", "--data.image_size", "24"),
            *("--methods", "gradcam", "cam", "--rows", "2", "--sanity_rows", "1", *TWO),
            *("--model.name", "flat_convnet", "--model.filters", "4"),
            *("--model.kernels", "3", "--model.paddings", "1"),
        ],
    ),
    "interpret.dream": (
        "photos_dream",
        [
            *("--photo", "chelsea.png", "--size", "32", "--stages", "conv1", *THIN),
            *("--dream.octaves", "1", "--dream.steps", "1"),
        ],
    ),
    "interpret.inversion": (
        "photos_inversion",
        [
            *("--photos", "chelsea.png", "--size", "32", "--stages", "conv1", "fire2", *THIN),
            *("--descent.steps", "2"),
        ],
    ),
    "interpret.style": (
        "photos_style",
        [
            *("--data.name", "shapes", "--data.synthetic_rows", "20", "--data.image_size", "24"),
            *("--styles", "ihc.png", "--photos", "chelsea.png", "--size", "32", "--crop", "20"),
            *("--net.features", "2", "--net.blocks", "1", "--descent.steps", "2", *MATCHED, *TWO),
        ],
    ),
    "interpret.texture": (
        "photos_texture",
        [
            *("--textures", "brick.png", "--size", "32", "--descent.steps", "2", *MATCHED),
            *("--grow.sample", "12", "--grow.size", "8", "--grow.window", "5"),
        ],
    ),
    "interpret.visualize": (
        "imagenet_classes",
        [
            *("--size", "32", "--classes", "3", "--stage", "conv1", "--channels", "0", "1", *THIN),
            *("--ascent.steps", "1"),
        ],
    ),
    "language.caption": (
        "shapes_caption_attention",
        [
            *("--data.synthetic_rows", "20", "--data.batch_size", "16", "--data.image_size", "24"),
            *TWO,
        ],
    ),
    "language.characters": (
        "shakespeare_lstm",
        [
            *("--data.path", str(ROOT / "README.md"), "--model.hidden", "8", *TWO),
            *("--sample.length", "5", "--data.max_length", "8"),
        ],
    ),
    "language.hello": ("hello_rnn", TWO),
    "language.months": (
        "dates_months",
        ["--data.synthetic_rows", "20", "--data.batch_size", "16", "--model.hidden", "4", *TWO],
    ),
    "language.sequence_layers": (
        "sequence_layers",
        [
            *("--sequences.lengths", "8", "16", "--sequences.width", "8"),
            *("--rounds", "1", "--steps", "5"),
        ],
    ),
    "language.translate": (
        "reverse_transformer",
        [*("--data.synthetic_rows", "20", "--data.batch_size", "16", "--model.depth", "1"), *TWO],
    ),
    "language.windows": (
        "shakespeare_transformer",
        [
            *("--data.path", str(ROOT / "README.md"), "--model.width", "8", "--model.depth", "1"),
            *("--sample.length", "5", "--data.max_length", "8", "--model.hidden", "8", *TWO),
            *("--loop.log_every", "1"),
        ],
    ),
    "language.word_vectors": ("glove50_words", ["--neighbors", "he", "--draws", "50"]),
    "rl.agent": (
        "cartpole_ppo",
        [
            *("--agent.environments", "2", "--agent.block", "4", "--network.hidden", "4"),
            *("--seeds", "2", "--val_episodes", "2", "--test_episodes", "2"),
            *("--gymnasium_episodes", "1", *OFTEN),
        ],
    ),
    "rl.cloning": (
        "cartpole_cloning",
        [
            *("--agent.environments", "2", "--agent.block", "4", "--network.hidden", "4"),
            *("--seeds", "2", "--val_episodes", "2", "--test_episodes", "2", *OFTEN),
            *("--clone.steps", "2", "--clone.shown", "20", "10", "--gymnasium_episodes", "0"),
        ],
    ),
    "rl.glimpses": (
        "mnist_glimpses",
        [
            *("--data.name", "digits", *VAL, "--model.looks", "2", "--model.size", "3"),
            *("--model.width", "8", *TWO),
        ],
    ),
    "rl.inverse": (
        "gridworld_inverse",
        ["--demonstrations", "5", "20", "--seeds", "2", "--horizon", "5"],
    ),
    "rl.tabular": ("gridworld_tabular", ["--tabular.steps", "200", "--seeds", "2"]),
    "segmentation.backbone": (
        "camvid_pretrained",
        [
            *("--data.name", "shapes", "--data.annotations", "segments", *SEGMENTS),
            *("--model.name", "deep_convnet", "--model.weights", "", "--model.filters", "4", "4"),
            *("--model.pools", "1", "2", "--head.stages", "stage1", "stage2", "--head.features"),
            *("4", "--image.window", "16", "16", "--loop.eval_every", "2", "--data.val", "4"),
        ],
    ),
    "segmentation.train": (
        "shapes_unet",
        [*SEGMENTS, "--model.widths", "4", "6"],
    ),
    "selfsup.clip": (
        "shapes_clip",
        [
            *("--data.synthetic_rows", "80", "--data.batch_size", "8", "--data.image_size", "24"),
            *("--model.blocks", "1", "--model.width", "4", "--text.width", "8", *OFTEN),
        ],
    ),
    "selfsup.few_shots": (
        "omniglot_prototypical",
        ["--data.forms", "1", "--data.batch_size", "4", "--features", "4", *OFTEN],
    ),
    "selfsup.maml": (
        "omniglot_maml",
        ["--data.forms", "4", "--data.batch_size", "20", "--features", "4", *OFTEN],
    ),
    "selfsup.pretext": (
        "cifar10_rotation",
        [
            *("--data.name", "shapes", "--data.synthetic_rows", "24", "--data.image_size", "24"),
            *("--data.batch_size", "8", "--size", "8", "--model.width", "4", *TWO),
        ],
    ),
    "selfsup.two_views": (
        "digits_simclr",
        [
            *("--data.train", "train[:200]", "--data.batch_size", "64", "--model.width", "4"),
            *("--method.name", "moco", "--method.projector", "4", "--loop.epochs", "None", *TWO),
        ],
    ),
    "video.actors": (
        "scenes_actors",
        [*SCENES, "--data.synthetic_rows", "8", "--data.batch_size", "4", *TWO],
    ),
    "video.arrow_of_time": (
        "clips_arrow_of_time",
        [*FILM, *CUT, *SCENES[:4], *TWO],
    ),
    "video.classification": (
        "moving_slow_fusion",
        [
            *("--data.synthetic_rows", "24", "--data.batch_size", "8", "--data.image_size", "16"),
            *("--model.features", "2", "3", "--model.pools", "2", "2", *TWO),
        ],
    ),
    "video.color_change": (
        "colors_change",
        ["--frames", "6", "--steps", "2", "--starts", "1", "--pixels", "3", "--batch_size", "4"],
    ),
    "video.visualize": ("moving_classes", ["--classes", "left", "--ascent.steps", "2"]),
    "video.flow_pairs": ("flow_pairs", [*PAIR, "--others", "opencv_dis", "--filmed"]),
    "video.temporal": (
        "actions_localization",
        [
            *("--data.synthetic_rows", "16", "--data.batch_size", "8", "--model.features", "4"),
            *("--model.lengths", "14", "--model.hidden", "4", "--model.proposals", "3", *TWO),
        ],
    ),
    "vision3d.depth": (
        "solids_depth",
        [
            *("--data.synthetic_rows", "16", "--data.batch_size", "8", "--data.image_size", "8"),
            *("--model.widths", "2", "3", *TWO),
        ],
    ),
    "vision3d.image_to_shape": (
        "solids_image_points",
        [
            *("--data.synthetic_rows", "4", "--data.batch_size", "2", "--data.points", "16"),
            *("--data.image_size", "16", "--data.resolution", "8", "--views", "1"),
            *("--model.encoder", "2", "2", "--model.hidden", "4", "--model.count", "8", *TWO),
        ],
    ),
    "vision3d.mesh_rcnn": (
        "solids_mesh_rcnn",
        [
            *("--data.synthetic_rows", "4", "--data.batch_size", "2", "--data.points", "16"),
            *("--data.image_size", "32", "--data.resolution", "4", "--samples", "8"),
            *("--model.encoder", "2", "2", "2", "--model.features", "4", "--model.hidden", "2"),
            *("--least_score", "0.0", *TWO),
        ],
    ),
    "vision3d.nerf": (
        "solids_nerf",
        [
            *("--data.image_size", "12", "--data.batch_size", "16", "--views", "1"),
            *("--test_views", "1", "--field.samples", "4", "--field.width", "4", *TWO),
        ],
    ),
    "vision3d.occupancy": (
        "spot_occupancy",
        [
            *("--data.path", str(ROOT / "tests/vision3d/octahedron.off"), "--places", "400"),
            *("--data.batch_size", "100", "--test_places", "50", "--resolution", "8"),
            *("--field.width", "8", "--field.depth", "2", *TWO),
        ],
    ),
    "vision3d.pixel2mesh": (
        "solids_pixel2mesh",
        [
            *("--data.synthetic_rows", "4", "--data.batch_size", "2", "--data.points", "16"),
            *("--data.image_size", "16", "--data.resolution", "8", "--views", "1"),
            *("--samples", "8", "--model.encoder", "2", "2", "2", "--model.aligned", "2"),
            *("--model.hidden", "2", "2", "2", "--model.blocks", "1", "1", "1", *TWO),
        ],
    ),
    "vision3d.points": (
        "solids_parts",
        [
            *("--data.synthetic_rows", "40", "--data.batch_size", "8", "--data.points", "16"),
            *("--model.local", "4", "--model.whole", "8", "--model.head", "8", *TWO),
        ],
    ),
    "vision3d.stereo": (
        "aloe_stereo",
        [
            *(f"--{eye}={ROOT / 'docs/selfsup.png'}" for eye in ("left", "right", "truth")),
            *("--most", "2", "--window", "3"),
        ],
    ),
    "vision3d.voxels": (
        "solids_voxels",
        [
            *("--data.synthetic_rows", "40", "--data.batch_size", "8", "--data.resolution", "8"),
            *("--model.features", "2", "4", "--model.hidden", "8", *TWO),
        ],
    ),
}
