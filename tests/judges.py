"""Where a test of another name judges a module of jaxdl, and tests that judge a chain of them."""

# test (below tests/) -> modules (below jaxdl/) that it judges beside the one of its own name.
# Each is imported by the test, or by a module that the test imports.
JUDGES = {
    "bench/accelerator/test_check.py": "bench/accelerator: inputs jax_side quality rows side "
    "table torch_side",
    "bench/test_against_torch.py": "bench: devices jax_workloads step_loop torch_workloads "
    "worker_pool workloads interop/torch_twins: adversarial detectors",
    "bench/test_shapes3d.py": "bench: interleaved",
    "classic/backprop/test_by_hand.py": "classic/backprop: activation conv dropout linear loss "
    "norm pool rnn windows",
    "classic/test_linear_classifier.py": "classic: sgd_classifier two_layer gradient_descent",
    "classic/test_regression.py": "classic: cost_surface",
    "classic/test_worked_examples.py": "classic: entropy",
    "classic/features/test_pca.py": "classic/features: standardize",
    "commands/test_export.py": "interop: stablehlo",
    "commands/test_style.py": "interpret/synthesis: restyle",
    "compare/test_run.py": "compare: float64 gan_sides html_report pair_sides sides stage_checks "
    "view_sides interop/torch_twins: clip embedding trainer",
    "data/files/test_coco.py": "data/files: coco_captions data: gather",
    "data/meshes/test_mesh.py": "data/meshes: mend triangles",
    "data/meshes/test_mesh_files.py": "data/meshes: ply text_formats",
    "data/meshes/test_shapenet.py": "data/meshes: json_entries",
    "data/files/test_voc.py": "data/files: voc_segmentation",
    "data/files/test_voc_folder.py": "data/files: folder_walk",
    "data/splits/test_stream.py": "data: source data/splits: contiguous",
    "data/synthetic/test_shapes.py": "data/synthetic: base outlines",
    "data/synthetic/test_solids.py": "data/synthetic: ray_tracer solid_surfaces",
    "data/masks/test_mask_folder.py": "data: annotations data/masks: masked_images",
    "data/test_box_checks.py": "data/images: letterbox",
    "data/test_load.py": "data/tfds: decoded",
    "data/tables/test_csv_table.py": "data/tables: csv_head csv_text",
    "data/tables/test_open.py": "data/tables: array_labels pixels",
    "data/files/test_open.py": "data/files: own_path data: registry",
    "data/test_config.py": "data: made_names",
    "data/tfds/test_open.py": "data/tfds: prepared rows",
    "detection/dense/test_centernet.py": "detection/dense: heatmap map_heads",
    "detection/dense/test_retinanet.py": "detection/dense: levels",
    "detection/test_task.py": "detection: evaluate predict",
    "detection/torchvision/test_region_cnns.py": "detection/instances: detector heads "
    "proposals region_cnn detection/torchvision: region_rules",
    "detection/two_stage/test_faster_rcnn.py": "detection/two_stage: sampler",
    "detection/torchvision/test_dense_nets.py": "detection/torchvision: dense_rules "
    "region_detect registry vgg_maps",
    "detection/torchvision/test_predict.py": "detection/torchvision: coco_names load",
    "diagnose/test_recipe.py": "diagnose: data_checks init_checks training_checks verdict "
    "search: programs",
    "experiments/test_generative.py": "generative: sample_evaluator",
    "faults/test_checkpoints.py": "runs: manifest environment",
    "experiments/test_clip.py": "selfsup: clip_predict clip_task word_start",
    "faults/runs/test_lost_parts.py": "runs: resume",
    "faults/test_folder.py": "runs: lock",
    "faults/test_resume.py": "runs: metrics_log",
    "faults/test_signals.py": "runs: signals",
    "generative/autoregressive/test_sampling.py": "generative/autoregressive: masked_conv "
    "pixelcnn pixelrnn",
    "generative/gan/test_task.py": "generative/gan: networks layers: spatial_attention",
    "generative/test_autoencoder.py": "generative: latent_walks",
    "generative/test_diffusion.py": "generative: denoising unet",
    "generative/test_langevin.py": "generative: modes",
    "interop/torch_twins/test_registry.py": "interop/torch_twins: classifiers clips segmenters "
    "sequences",
    "models/weights/test_weight_rules.py": "models/weights: rule_sets",
    "models/weights/test_published.py": "models/weights: preprocessing weight_file",
    "classification/test_robust.py": "classification: robust_pictures",
    "commands/test_explain.py": "interpret: explain_files subjects interpret/attribution: methods",
    "interpret/synthesis/test_ascent.py": "interpret/synthesis: targets",
    "interpret/synthesis/test_descent.py": "interpret/synthesis: inversion",
    "interpret/attribution/test_gradients.py": "interpret/attribution: guided occlusion",
    "interpret/test_explain_boxes.py": "interpret: boxes",
    "language/test_captioner.py": "language: caption_task evaluation: cached_features",
    "language/test_tbptt.py": "language: char_lm",
    "layers/norm/test_group_norm.py": "layers/norm: registry",
    "layers/sequence/test_recurrent.py": "interop: torch_rnn",
    "layers/sequence/test_transformer.py": "layers/sequence: attention embed",
    "losses/test_classification.py": "ops: precision",
    "losses/test_sequence.py": "metrics: sequence",
    "metrics/test_coco_ap.py": "metrics: coco_matching",
    "models/test_registry.py": "models: named register",
    "models/small/test_small_convnets.py": "models/small: mnist_inception mnist_residual",
    "models/weights/test_torchvision_rules.py": "models/convnets: alexnet convnext densenet "
    "googlenet resnet squeezenet vgg models/mobile: mobilenet mobilenet_v3 "
    "models/transformers: swin",
    "models/weights/test_efficientnet_lite_rules.py": "models/mobile: efficientnet_lite",
    "models/weights/test_facts.py": "models/weights: imagenet",
    "models/weights/test_known_files.py": "models/weights: weights_folder",
    "models/segmentation/test_torchvision_nets.py": "models/weights: segmenter_rules",
    "models/summary/test_table.py": "models/summary: receptive_field",
    "ops/boxes/test_geometry.py": "detection: box_coder",
    "ops/forms/test_bilinear.py": "ops/forms: conv_geometry cpu_conv max_pool",
    "ops/test_attention.py": "ops: embedding_lookup position_encoding",
    "ops/test_conv_transpose.py": "layers: conv_transpose",
    "optim/test_update_rules.py": "optim: optimizer",
    "ops/test_matmul.py": "layers: dense",
    "experiments/test_two_views.py": "evaluation: probe_evaluator",
    "selfsup/test_two_view_task.py": "selfsup: two_view_methods",
    "selfsup/pretext/test_tasks.py": "selfsup/pretext: networks layers: patches",
    "rl/agents/test_agent.py": "rl/agents: learners rl: task",
    "rl/agents/test_dqn.py": "rl/agents: memory networks",
    "rl/test_replay.py": "rl: learner_keys",
    "rl/environments/test_check.py": "rl/environments: registry",
    "rl/environments/test_environment.py": "rl/environments: acrobot canvas cartpole mountain_car "
    "pendulum",
    "runs/loggers/test_log.py": "runs/loggers: mlflow_logger wandb_logger",
    "runs/test_processes.py": "runs: agreement",
    "runs/test_tensorboard.py": "training: tensorboard_summaries",
    "search/test_sweep.py": "search: seeds sweep_table trial_log",
    "test_cli.py": "training: restore commands: completion",
    "test_configs.py": "runs: results",
    "video/flow/test_lucas_kanade.py": "video/flow: coarse_to_fine",
    "video/models/test_fusion.py": "video/models: conv_stack",
    "video/models/test_torchvision_rules.py": "video/models: s3d video_resnet",
    "vision3d/fields/test_marching_cubes.py": "vision3d/fields: cell_cases",
    "vision3d/fields/test_voxels.py": "vision3d/fields: crossings signed_distance",
    "vision3d/test_pointnet.py": "vision3d: part_scores point_groups pointnet2",
    "vision3d/single_view/test_graph_conv.py": "vision3d/single_view: template",
    "vision3d/single_view/test_pixel2mesh.py": "vision3d/single_view: image_encoder",
    "vision3d/single_view/test_mesh_scores.py": "vision3d/single_view: mesh_evaluator",
    "vision3d/surfaces/test_geometry.py": "vision3d/surfaces: subdivision",
    "segmentation/test_task.py": "segmentation: evaluate predict",
    "training/test_freeze.py": "runs: run_folder",
    "skeleton/test_my_experiment.py": "commands: new skeleton: test_my_experiment",
    "training/test_loop.py": "training: divergence plan tally validation",
    "training/test_step.py": "training: state task",
}

# Tests of what no one module does alone.
CHAINS = {
    "tests/accelerator/test_families.py": "segmenters, clips, 3-D and detectors on an accelerator",
    "tests/accelerator/test_models.py": "models, on an accelerator and on the CPU",
    "tests/accelerator/test_ops.py": "ops, on an accelerator and on the CPU",
    "tests/accelerator/test_process.py": "whole runs on an accelerator",
    "tests/classic/test_worked_examples.py": "a course's numbers, through backprop and losses",
    "tests/detection/test_all_detectors.py": "detectors on devices, resumed, with many boxes",
    "tests/detection/test_learning.py": "detectors from loss to box",
    "tests/models/weights/test_full_models.py": "every model of torchvision at full size",
    "tests/models/test_paper_forms.py": "options of many models that torchvision does not have",
    "tests/ops/test_loop_form.py": "the compiled form of layers in the loop",
    "tests/training/test_bfloat16.py": "what each family of networks computes in bfloat16",
    "tests/training/test_search_step.py": "L-BFGS from the config through the loop",
    "tests/training/test_stream_loop.py": "both placements of data under the loop",
}

UNTESTED = {
    "jaxdl/typing.py": "types alone: pyright judges it",
    "jaxdl/bench/data_loading.py": "times torch's loaders, for minutes; `bench data` runs it",
    "jaxdl/bench/clip_loading.py": "times torch's loader; `bench clips` runs it",
    "jaxdl/bench/accelerator/worker.py": "a process of `jaxdl bench --device`",
    "jaxdl/bench/worker.py": "a process of `jaxdl bench`, run by a slow test",
    "jaxdl/compare/speed.py": "times of two processes; `jaxdl compare` runs it",
    "jaxdl/language/translation_task.py": "run by every translation config of test_experiments",
}


def judged_by() -> dict[str, str]:
    """`jaxdl/ops/conv.py` -> the test that judges it, for every line of `JUDGES`."""
    lines = {}
    for test, words in JUDGES.items():
        folder = ""
        for word in words.split():
            if word.endswith(":"):
                folder = f"jaxdl/{word[:-1]}"
            else:
                lines[f"{folder}/{word}.py"] = f"tests/{test}"
    return lines
