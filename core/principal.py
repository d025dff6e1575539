"""Principal components, for the reducer of that name and as a first step of others."""

from __future__ import annotations

import numpy as np


def principal_components(
    X: np.ndarray, n_components: int, seed: int = 0, whiten: bool = False
) -> np.ndarray:
    """The scores of the leading principal components, in double precision.

    Hotelling (1933); large matrices by random projection (Halko, Martinsson and Tropp, 2011,
    https://arxiv.org/abs/0909.4061), for which alone the seed counts. Signs are settled, so the
    same input gives the same values.

    Parameters
    ----------
    X : (n, d) float
    n_components : more than min(n, d) gives min(n, d)
    whiten : scale every component to variance 1; one without variance stays 0

    Returns
    -------
    (n, m) float64, centred, by falling variance

    Examples
    --------
    >>> scores = principal_components(np.array([[0.0, 0.0], [3.0, 4.0]]), 1)
    >>> abs(scores).round(6).tolist()
    [[2.5], [2.5]]
    """
    from sklearn.decomposition import PCA

    X = np.asarray(X, np.float64)
    m = min(n_components, *X.shape)
    if (X == X[0]).all():
        return np.zeros((len(X), m))
    scores = PCA(m, random_state=seed).fit_transform(X)
    if whiten:
        spread = scores.std(axis=0, ddof=1)
        flat = spread <= spread.max() * 1e-10
        scores = np.where(flat, 0.0, scores / np.where(flat, 1.0, spread))
    return scores
