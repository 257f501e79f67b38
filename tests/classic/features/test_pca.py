"""PCA and scaling against scikit-learn's; whitened features, by their covariance."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import decomposition, preprocessing
from sklearn.base import clone

from jaxdl.classic.features.pca import PCA, decorrelate, principal_components, recorrelate, whiten
from jaxdl.classic.features.standardize import fit_scaling, scale


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 5).astype(np.float32)


@pytest.mark.parametrize("num", [None, 3])
@pytest.mark.parametrize("whitened", [False, True])
def test_pca_is_scikit_learns(rows, num, whitened):
    theirs = decomposition.PCA(num, whiten=whitened, svd_solver="covariance_eigh").fit(rows)
    ours = clone(PCA(num=num, whitened=whitened)).fit(rows)
    np.testing.assert_allclose(ours.components_.axes.T, theirs.components_, atol=1e-4)
    np.testing.assert_allclose(ours.components_.variances, theirs.explained_variance_, 1e-4, 1e-4)
    coordinates = ours.transform(rows)
    np.testing.assert_allclose(coordinates, theirs.transform(rows), atol=2e-3)
    np.testing.assert_allclose(
        ours.inverse_transform(coordinates), theirs.inverse_transform(coordinates), atol=2e-3
    )


def test_decorrelated_is_diagonal_and_whitened_is_the_identity(rows):
    found = principal_components(rows)
    covariance = np.cov(np.asarray(decorrelate(found, rows)).T)
    np.testing.assert_allclose(covariance, np.diag(found.variances), atol=1e-3)
    np.testing.assert_allclose(np.cov(np.asarray(whiten(found, rows)).T), np.eye(6), atol=1e-3)
    np.testing.assert_allclose(recorrelate(found, decorrelate(found, rows)), rows, atol=1e-3)


def test_eps_holds_directions_without_variance_down():
    flat = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    flat[:, 2] = 1e-4 * flat[:, 2]
    found = principal_components(flat)
    assert np.std(whiten(found, flat, eps=0.0)[:, 2]) > 0.5
    assert np.std(whiten(found, flat, eps=0.1)[:, 2]) < 1e-3


def test_too_many_components_are_refused():
    with pytest.raises(ValueError, match=r"1 <= num <= 3, got 5 rows and num 4"):
        principal_components(jnp.ones((5, 3)), num=4)


def test_scaling_of_features_is_scikit_learns(rows):
    rows = np.concatenate([rows, np.full((200, 1), 7, np.float32)], axis=1)  # never changes
    ours = fit_scaling(rows[:150])
    want = preprocessing.StandardScaler().fit(rows[:150])
    np.testing.assert_allclose(scale(ours, rows), want.transform(rows), atol=1e-4)


@pytest.mark.parametrize("divide", [True, False])
@pytest.mark.parametrize("per", ["channel", "feature"])
def test_scaling_of_images(per, divide):
    images = np.random.default_rng(2).integers(0, 256, (9, 4, 5, 3)).astype(np.uint8)
    axes = (0, 1, 2) if per == "channel" else (0,)
    want = images - images.mean(axis=axes, keepdims=True)
    want = want / images.std(axis=axes, keepdims=True) if divide else want
    got = scale(fit_scaling(images, per=per, divide=divide), images)
    np.testing.assert_allclose(got, want, atol=1e-4)


def test_unknown_way_of_scaling_is_refused():
    with pytest.raises(ValueError, match=r"per must be one of feature, channel, got 'pixel'"):
        fit_scaling(np.ones((2, 2)), per="pixel")
