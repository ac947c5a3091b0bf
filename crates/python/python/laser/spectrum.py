"""Singular values of a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

# NumPy is imported where it is used, because the command `laser` imports this package and does not need it.


class Spectrum:
    """Singular values of one matrix, descending, in ``values``."""

    def __init__(self, matrix: str, values: "numpy.ndarray[Any, Any]") -> None:
        self.matrix = matrix
        self.values = values

    @property
    def effective_rank(self) -> float:
        """Exponential of the entropy of the normalised singular values (Roy and Vetterli, 2007)."""
        import numpy

        shares = self.values[self.values > 0] / self.values.sum()
        return float(numpy.exp(-(shares * numpy.log(shares)).sum()))

    def energy(self, rank: int) -> float:
        """Share of the squared singular values in the largest ``rank`` components."""
        squares = self.values**2
        return float(squares[:rank].sum() / squares.sum())

    def plot(self, axes: Any = None) -> Any:
        """Draws the values on a logarithmic scale with Matplotlib; returns the axes."""
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError("drawing a spectrum needs matplotlib: pip install matplotlib") from error
        import numpy

        axes = axes if axes is not None else pyplot.gca()
        axes.semilogy(numpy.arange(1, len(self.values) + 1), self.values)
        axes.set(xlabel="component", ylabel="singular value", title=self.matrix)
        return axes

    def __array__(self, dtype: Any = None, copy: Any = None) -> "numpy.ndarray[Any, Any]":
        import numpy

        return numpy.array(self.values, dtype=dtype) if copy else numpy.asarray(self.values, dtype=dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Spectrum({self.matrix}: {len(self)} values, effective rank {self.effective_rank:.1f})"
