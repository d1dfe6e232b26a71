"""Low-rank factors: of given matrices, and of synthetic ones made from their own singular values.

One stored factorisation serves every rank: W_k = left[:, :k] @ right[:k] (prefix property).
"""

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Floats = NDArray[np.floating]


def factorise(matrix: Floats, rank: int) -> tuple[Floats, Floats]:
    """(rows, rank) and (rank, columns): the best approximation of that rank (Eckart-Young).

    From the eigenvectors of the smaller Gram matrix, in the matrix's own precision; singular
    values that vanish give zero rows. ValueError for a rank outside [1, min(rows, columns)].
    """
    rows, columns = matrix.shape
    if not 1 <= rank <= min(rows, columns):
        raise ValueError(f"rank {rank} of a {rows} x {columns} matrix")
    wide = rows <= columns
    gram = matrix @ matrix.T if wide else matrix.T @ matrix
    _, vectors = np.linalg.eigh(gram)
    kept = np.ascontiguousarray(vectors[:, ::-1][:, :rank])
    # U U^T W for the smaller side's U: the best approximation whatever the singular values
    return (kept, kept.T @ matrix) if wide else (matrix @ kept, np.ascontiguousarray(kept.T))


def _mix(block: Floats32, signs: list[NDArray[np.float32]]) -> Floats32:
    """An orthogonal transform of each row: random signs and cosine transforms in turn."""
    from scipy.fft import dct

    mixed = block
    for sign in signs:
        mixed = dct(mixed * sign, type=2, norm="ortho", axis=1, overwrite_x=True)
    return np.ascontiguousarray(mixed, dtype=np.float32)


def orthonormal_rows(count: int, size: int, rng: np.random.Generator) -> Floats32:
    """(count, size) orthonormal rows: random ones of a random orthogonal matrix.

    Costs O(count size log size): two rounds of random signs and a fast cosine transform.
    """
    rows = np.zeros((count, size), dtype=np.float32)
    rows[np.arange(count), rng.choice(size, size=count, replace=False)] = 1.0
    signs = [rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=size) for _ in range(2)]
    return _mix(rows, signs)


def led_by(rows: Floats32, directions: Floats32) -> Floats32:
    """Orthonormal rows turned so that the first ones span given orthonormal directions.

    A block reflection: with A the first rows and B the directions, B rotated within its span so
    that A B^T is symmetric, x -> x - (A - B)^T (1 - A B^T)^-1 (A - B) x takes A to B.
    """
    count = len(directions)
    if count == 0:
        return rows
    first = rows[:count].astype(np.float64)
    left, _, right = np.linalg.svd(first @ directions.T.astype(np.float64))
    target = left @ right @ directions
    difference = first - target
    inner = np.eye(count) - first @ target.T
    scaled = np.linalg.solve(inner, difference).astype(np.float32)
    turned: Floats32 = rows - (rows @ difference.T.astype(np.float32)) @ scaled
    return turned


def leading_directions(samples: Floats32, count: int) -> Floats32:
    """(at most count, columns): orthonormal directions that hold most of the samples' energy.

    samples is (samples, columns), not centred: where the mean is large it comes first.
    """
    _, vectors = np.linalg.eigh(samples @ samples.T)
    kept = vectors[:, ::-1][:, : min(count, len(samples))]
    directions, _ = np.linalg.qr((samples.T @ kept).astype(np.float64))
    return np.ascontiguousarray(directions.T, dtype=np.float32)


def partly(directions: Floats32, share: float, rng: np.random.Generator) -> Floats32:
    """Orthonormal rows that see `share` of the energy along orthonormal directions.

    sqrt(share) Q + sqrt(1 - share) R with R random, orthonormal and at right angles to Q; there
    must be room for both.
    """
    count, columns = directions.shape
    if 2 * count > columns:
        raise ValueError(f"{count} directions and as many others exceed {columns} columns")
    random = orthonormal_rows(count, columns, rng)
    random -= (random @ directions.T) @ directions
    others, _ = np.linalg.qr(random.T.astype(np.float64))
    mixed = np.sqrt(share) * directions + np.sqrt(1.0 - share) * others.T
    return np.asarray(mixed, dtype=np.float32)


def synthetic_factors(
    singular: NDArray[np.float64],
    rows: int,
    columns: int,
    directions: Floats32,
    rng: np.random.Generator,
) -> tuple[Floats32, Floats32]:
    """left (rows, count) and right (count, columns) of a matrix with these singular values.

    left has orthonormal columns times the singular values, right orthonormal rows, the first of
    which span `directions` (count of directions, columns).
    """
    count = len(singular)
    left = orthonormal_rows(count, rows, rng).T * singular.astype(np.float32)
    right = led_by(orthonormal_rows(count, columns, rng), directions)
    return np.ascontiguousarray(left), right
