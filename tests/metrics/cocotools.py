"""What pycocotools says of problems that are given as lists of rows."""

import contextlib
import io

import pytest


def judge(kind, truth, found, *, images, classes, sigmas=None):
    """The numbers of `COCOeval(kind)`: rows are its annotations without ids, labels from 0.

    A row that is `ignored` counts neither way. pycocotools has that flag, and overwrites it with
    `iscrowd` when it reads the rows: here it is set after that.
    """
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

    class Evaluation(evaluation.COCOeval):
        def _prepare(self):
            super()._prepare()
            for rows in self._gts.values():
                for row in rows:
                    row["ignore"] = row["ignore"] or row.get("ignored", False)

    with contextlib.redirect_stdout(io.StringIO()):
        run = Evaluation(index(truth), index(found), kind)
        if sigmas is not None:
            run.params.kpt_oks_sigmas = sigmas
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats
