"""What pycocotools says of problems that are given as lists of rows."""

import contextlib
import io

import pytest


def judge(kind, truth, found, *, images, classes, sigmas=None):
    """The numbers of `COCOeval(kind)`: rows are its annotations without ids, labels from 0."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")

    def index(rows):
        made = coco.COCO()
        made.dataset = {
            "images": [{"id": i + 1, "height": 140, "width": 140} for i in range(images)],
            "categories": [{"id": k + 1} for k in range(classes)],
            "annotations": [
                {"iscrowd": 0}
                | row
                | {"id": n + 1, "image_id": row["image"] + 1, "category_id": row["label"] + 1}
                for n, row in enumerate(rows)
            ],
        }
        made.createIndex()
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        run = evaluation.COCOeval(index(truth), index(found), kind)
        if sigmas is not None:
            run.params.kpt_oks_sigmas = sigmas
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats
