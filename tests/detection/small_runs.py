"""The flags that make the scripts of detectors small; see `tests/small_runs.py`."""

SHORT = ["--loop.steps", "2", "--loop.devices", "1"]  # one: half of the time is compiling
BOXES = [
    *("--data.synthetic_rows", "16", "--data.batch_size", "8", "--data.image_size", "24", *SHORT),
    *("--model.name", "deep_convnet", "--model.filters", "4", "4", "--model.pools", "1", "2"),
    *("--optim.warmup", "0"),
]
CELLS = [*BOXES, "--head.stage", "stage2"]
STAGE = [*CELLS, "--head.hidden", "4"]
FASTER = [*BOXES, "--head.hidden", "4", "--head.stages", "stage2", "--head.post_nms_top_k", "4"]
TOWERS = [
    *(*BOXES, "--head.stages", "stage2", "--head.features", "8", "--head.depth", "1"),
    *("--head.norm_groups", "2"),
]
REGIONS = [
    *(*BOXES, "--head.stages", "stage1", "stage2", "--head.features", "4", "--head.hidden", "4"),
    *("--head.mask_features", "2", "--head.mask_convs", "1", "--head.samples_per_image", "8"),
]
DETECTION = {
    "detection.centernet": ("shapes_centernet", STAGE),
    "detection.cornernet": ("shapes_cornernet", [*CELLS, "--head.features", "4"]),
    "detection.detr": ("shapes_detr", [*CELLS, "--head.hidden", "4"]),
    "detection.faster_rcnn": ("shapes_faster_rcnn", FASTER),
    "detection.fcos": ("shapes_fcos", [*TOWERS, "--head.strides", "4", "8"]),
    "detection.localize": ("shapes_localize", STAGE),
    "detection.mask_rcnn": ("shapes_mask_rcnn", REGIONS),
    "detection.one_stage": ("shapes_one_stage", STAGE),
    "detection.regions": ("shapes_fast_rcnn", [*STAGE, "--head.max_proposals", "6"]),
    "detection.retinanet": ("shapes_retinanet", [*TOWERS, "--head.sides", "8", "16"]),
    "detection.ssd": (
        "shapes_ssd",
        [
            *(*BOXES, "--head.stages", "stage2", "--head.extra", "4"),
            *("--head.scales", "0.2", "0.5", "0.9", "--head.lite", "true"),
        ],
    ),
}
