"""Any registered model on any labeled image set: jaxdl run digits_lenet, or mnist_mlp5, or ..."""

from jaxdl.classification.task import ClassifierConfig as Config
from jaxdl.classification.task import classifier_task as build
from jaxdl.cli import main
from jaxdl.evaluation.predict import predict_classes as predict

__all__ = ["Config", "build", "predict"]

if __name__ == "__main__":
    main(__file__)
