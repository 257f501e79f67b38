"""The flags that make the scripts of generative models small; see `tests/small_runs.py`."""

VAL = ["--data.val", "100"]
TWO = ["--loop.steps", "2", "--loop.devices", "1"]  # one: half of the time is compiling
GENERATIVE = {
    "generative.adversarial": (
        "mnist_gan",
        [
            *("--data.name", "digits", *VAL, "--model.hidden", "8", "--model.critic", "8"),
            *("--evaluator.epochs", "1", "--evaluator.features", "4"),
            *("--evaluator.num_samples", "40", *TWO),
        ],
    ),
    "generative.autoencoder": (
        "mnist_vae",
        ["--data.name", "digits", *VAL, "--model.hidden", "8", *TWO],
    ),
    "generative.diffusion": (
        "mnist_ddpm",
        [
            *("--data.name", "digits", *VAL, "--model.features", "8", "--evaluator.epochs", "0"),
            *("--diffusion.sample_steps", "2", "--model.multipliers", "1", *TWO),
        ],
    ),
    "generative.pixels": (
        "mnist_pixelcnn",
        ["--data.name", "digits", *VAL, "--model.features", "4", "--model.depth", "2", *TWO],
    ),
    "generative.ring_diffusion": (
        "ring_diffusion",
        [*("--data.synthetic_rows", "900", "--hidden", "8", "--diffusion.sample_steps", "2"), *TWO],
    ),
    "generative.ring_gan": ("ring_gan", ["--data.synthetic_rows", "900", "--hidden", "8", *TWO]),
    "generative.score_matching": (
        "ring_score",
        ["--data.synthetic_rows", "900", "--hidden", "8", *TWO],
    ),
    "generative.vqvae": (
        "mnist_vqvae",
        [
            *("--data.name", "digits", *VAL, "--model.codebook_size", "8"),
            *("--evaluator.epochs", "0"),
            *("--prior.features", "4", "--prior.depth", "2", "--prior.loop.steps", "2", *TWO),
        ],
    ),
    "generative.text_diffusion": (
        "shapes_text_diffusion",
        [
            *("--data.synthetic_rows", "600", "--model.features", "8", "--model.multipliers", "1"),
            *(
                "--text_width",
                "4",
                "--diffusion.sample_steps",
                "2",
                "--samples",
                "1",
                "--guidances",
            ),
            *("--loop.eval_every", "2", "--loop.save_every", "2"),
            *("--optim.warmup", "0", "--loop.log_every", "1", *TWO),
        ],
    ),
}
