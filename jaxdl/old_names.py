"""Names that configs, saved runs and results had in earlier versions; readers take them and say so.

Plain data: `jaxdl.config` applies it to TOML files and flags, `jaxdl.runs.results` to results.
"""

EXPERIMENTS = {
    "classic.neighbours": "classic.neighbors",
    "detection.localise": "detection.localize",
    "training.optimisers": "training.optimizers",
    "training.regularisers": "training.regularizers",
}

CONFIGS = {
    "fashion_optimisers": "fashion_optimizers",
    "fashion_regularisers": "fashion_regularizers",
    "shapes_localise": "shapes_localize",
}

METRICS = {"best_strength": "best_penalty_weight"}

# Old -> new, dotted. The name of a table stands for all that is in it, unless a longer one is here.
FIELDS: dict[str, str] = {
    "binary": "binarize",
    "corrupt": "input_noise",
    "data.boxes": "data.max_boxes",
    "data.budget": "data.max_device_bytes",
    "data.frames": "data.clip_frames",
    "data.label": "data.label_type",
    "data.length": "data.max_length",
    "data.objects": "data.max_objects",
    "data.road": "data.placement",
    "data.rows": "data.synthetic_rows",
    "detect.before": "detect.pre_nms_top_k",
    "detect.count": "detect.max_detections",
    "detect.overlap": "detect.nms_iou",
    "detect.threshold": "detect.score_threshold",
    "diffusion.drop_label": "diffusion.label_dropout",
    "game": "gan",
    "game.noise": "gan.latent_dim",
    "game.noise_kind": "gan.latent_distribution",
    "game.penalty": "gan.gradient_penalty",
    "judge": "evaluator",
    "judge.neighbors": "evaluator.k",
    "judge.neighbours": "evaluator.k",
    "judge.samples": "evaluator.num_samples",
    "ks": "neighbor_counts",
    "loop.histograms": "loop.tensorboard_histograms",
    "mirror": "flip_eval",
    "optim.accumulate": "optim.accumulate_steps",
    "optim.accumulator": "optim.adagrad_init",
    "optim.cycle": "optim.first_cycle",
    "optim.floor": "optim.min_factor",
    "optim.memory": "optim.lbfgs_history",
    "optim.search_steps": "optim.lbfgs_search_steps",
    "optim.smoothing": "optim.rmsprop_decay",
    "optim.step_momentum": "optim.rmsprop_momentum",
    "reach": "axis_range",
    "strength": "penalty_weight",
    "strengths": "penalty_weights",
}

# Options of `optim` that every rule had, and the rules that use them: a file with old names loses
# them under another rule.
RULES_OF: dict[str, tuple[str, ...]] = {
    "adagrad_init": ("adagrad",),
    "b1": ("adam", "adamw"),
    "b2": ("adam", "adamw"),
    "centered": ("rmsprop",),
    "eps": ("adagrad", "rmsprop", "adam", "adamw"),
    "eps_in_root": ("adagrad", "rmsprop", "adam", "adamw"),
    "lbfgs_history": ("lbfgs",),
    "lbfgs_search_steps": ("lbfgs",),
    "momentum": ("momentum", "nesterov"),
    "rmsprop_decay": ("rmsprop",),
    "rmsprop_momentum": ("rmsprop",),
    **dict.fromkeys(
        (
            *("decoupled", "l1", "max_norm", "schedule", "milestones", "step_factor"),
            *("first_cycle", "cycle_mult", "min_factor", "warmup", "clip_norm", "clip_value"),
            *("accumulate_steps", "ema", "swa", "swa_every"),
        ),
        ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"),
    ),
}

# The same for single experiments, before FIELDS; a name that maps to itself stays as it is.
FIELDS_OF: dict[str, dict[str, str]] = {
    "classic.grid": {"rates": "learning_rates", "together": "vmap"},
    "classic.neighbors": {"compare": "compare_libraries"},
    "classic.polynomial": {"counts": "feature_counts"},
    "classic.random_matrices": {"data": "matrices"},
    "classification.finetune": {"rate": "finetune_lr_factor", "scratch": "train_scratch"},
    "detection.centernet": {
        "head.hidden": "head.features",
        "head.peaks": "head.max_peaks",
        "head.ups": "head.num_upsamples",
        "head.weights": "head.loss_weights",
    },
    "detection.faster_rcnn": {
        "head.cells": "head.fpn_canonical_cells",
        "head.flat": "head.flatten_roi",
        "head.negative": "head.rpn_negative_iou",
        "head.overlap": "head.rpn_nms_iou",
        "head.pooled": "head.roi_size",
        "head.positive": "head.rpn_positive_iou",
        "head.proposals": "head.post_nms_top_k",
        "head.pyramid": "head.fpn_features",
        "head.region": "head.roi_positive_iou",
        "head.samples": "head.samples_per_image",
        "head.weights": "head.loss_weights",
    },
    "detection.localize": {"head.hidden": "head.features", "head.weight": "head.box_weight"},
    "detection.one_stage": {
        "head.background": "head.background_weight",
        "head.confidence": "head.confidence_loss",
        "head.hidden": "head.features",
        "head.negative": "head.negative_iou",
        "head.weights": "head.loss_weights",
    },
    "detection.regions": {
        "head.most": "head.max_proposals",
        "head.pooled": "head.roi_size",
        "head.region": "head.roi_positive_iou",
        "head.samples": "head.samples_per_image",
        "head.side": "head.warp_size",
        "head.sides": "head.window_sides",
        "head.source": "head.proposal_method",
        "head.step": "head.window_step",
        "head.way": "head.warp",
    },
    "generative.adversarial": {
        "model.critic": "model.discriminator_hidden",
        "model.hidden": "model.generator_hidden",
    },
    "generative.autoencoder": {"model.latent": "model.latent_dim"},
    "generative.pixels": {
        "model.first_size": "model.first_kernel_size",
        "model.size": "model.kernel_size",
    },
    "generative.vqvae": {
        "model.codes": "model.codebook_size",
        "model.width": "model.code_dim",
        **{
            f"prior.{old}": f"prior.{new}"
            for old, new in FIELDS.items()
            if old.startswith(("optim.", "loop."))
        },
    },
    "language.caption": {
        "backbone.standardise": "backbone.standardize",
        "backbone.weights": "model.weights",
        "beam": "beam_size",
        "captions": "captions_per_image",
    },
    "language.characters": {"model.embedding": "model.embedding_dim"},
    "language.hello": {"embedding": "embedding_dim"},
    "language.sequence_layers": {"data": "sequences", "data.rows": "sequences.rows"},
    "language.translate": {"beam": "beam_size"},
    "training.curves": {"data.reach": "data.axis_range"},
    "training.norms": {"rates": "learning_rates"},
    "training.optimizers": {"names": "optimizers", "rates": "learning_rates"},
    "training.regularizers": {"names": "regularizers"},
    "training.trajectories": {"data": "surface"},
}

# New name of the field -> old value -> new value.
VALUES: dict[str, dict[str, str | bool]] = {
    "data.placement": {"resident": "device"},
    "features.name": {"hog_colour": "hog_color"},
    "head.proposal_method": {"colours": "colors"},
    "head.warp": {"fast": False, "warp": True},
}

# Fields under their new names with values that said nothing: they are left out.
UNSET: dict[str, object] = {
    "data.annotations": "",
    "data.max_objects": 0,
    "data.synthetic_rows": 0,
    "matrices.name": "normal",
    "model.weights": "",
    "sequences.name": "normal",
    "surface.name": "valley",
}

# Options that every source of data had, with the values that meant nothing to most: they are left
# out where the chosen source has no such option.
FOREIGN: dict[str, object] = {
    "data.dir": "",
    "data.download": False,
    "data.image_size": [],
    "data.images": "",
    "data.label_type": "class",
    "data.max_boxes": 64,
    "data.max_length": 17,
    "data.clip_frames": 16,
    "data.path": "",
}

# Options that came later, with the value that is what was done before there was a choice.
ADDED: dict[str, object] = {
    "data.standardize": False,
    "model.padding": "auto",
    "model.weights": "",
}
