"""Data: FLUX's `matrix_data_preprocessor`, small sets, and a student's own table.

`fl.data.iris()`, `fl.data.table("cats.csv", target="breed")`: everything is found here.
Imports: core, catalogue.
"""

from fluxlab.engine.data.bits import GATES, bits, gate, parity
from fluxlab.engine.data.datasets import (
    blobs,
    breast_cancer,
    circles,
    diabetes,
    digits,
    iris,
    moons,
    polynomial,
    spirals,
)
from fluxlab.engine.data.preprocessor import matrix_data_preprocessor
from fluxlab.engine.data.splits import Part, Scaling, Split, split
from fluxlab.engine.data.stories import story
from fluxlab.engine.data.tables import table

__all__ = [
    "GATES",
    "Part",
    "Scaling",
    "Split",
    "bits",
    "blobs",
    "breast_cancer",
    "circles",
    "diabetes",
    "digits",
    "gate",
    "iris",
    "matrix_data_preprocessor",
    "moons",
    "parity",
    "polynomial",
    "spirals",
    "split",
    "story",
    "table",
]
