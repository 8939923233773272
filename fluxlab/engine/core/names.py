"""The names of a trace's matrices."""

from __future__ import annotations

from fluxlab.engine.core import formulas, scopes
from fluxlab.engine.core.errors import UnknownName, unknown
from fluxlab.engine.core.matrix import Matrix


class Names:
    """Which matrix a name stands for: `layer 1/dC_dw`, `dC_dw`, or an alias.

    Attributes
    ----------
    all : every matrix, in the order of making.
    by_name, aliases : matrices by full name, and by what they are called as well.
    unnamed : those that wait to be called by their formula.
    """

    def __init__(self) -> None:
        self.all: list[Matrix] = []
        self.by_name: dict[str, Matrix] = {}
        self.aliases: dict[str, Matrix] = {}
        self.unnamed: list[Matrix] = []
        self._scopes: dict[str, int] = {}  # how often a scope of that name was begun
        self._numbered: dict[str, int] = {}  # w: 4, if w, w_2 and w_3 are taken
        self._called: dict[tuple[str, Matrix], str] = {}

    def add(self, matrix: Matrix) -> None:
        """A new matrix, which has no name yet."""
        self.all.append(matrix)

    # -- looking up ---------------------------------------------------------------------------

    def find(self, name: str) -> Matrix:
        """A matrix by its full name, an alias, or a short name if only one matrix has it."""
        if not isinstance(name, str):
            raise unknown("matrix", name, [*self.by_name, *self.aliases])
        found = self.by_name.get(name, self.aliases.get(name))
        if found is not None:
            return found
        short = [m for m in self.all if m.local == name]
        if len(short) == 1:
            return short[0]
        if short:
            names = ", ".join(m.name for m in short[:40])
            raise UnknownName(f"{name!r} is the name of {len(short)} matrices; say which: {names}.")
        self._refuse_gradient(name)
        raise unknown("matrix", name, [*self.by_name, *self.aliases])

    def _refuse_gradient(self, name: str) -> None:
        """Say why a matrix has no gradient, if it is its gradient that was asked for."""
        scope, _, local = name.rpartition("/")
        of = f"{scope}/{local[4:]}" if scope else local[4:]
        if not local.startswith("dC_d") or of not in self:
            return
        if "dC_dC" not in self.by_name:
            raise UnknownName(
                f"{name!r}: this trace has no backward pass yet. Record it with t.backward()."
            )
        raise UnknownName(
            f"{name!r}: {of} has no gradient here. No gradient flows to data such as targets, to a "
            "number written in the formula, through a comparison, or to what the cost does not "
            "depend on."
        )

    def __contains__(self, name: object) -> bool:
        return name in self.by_name or name in self.aliases

    def called(self, matrix: Matrix, scope: str) -> str:
        """What a matrix is called within a scope: layer 1's `h` is layer 2's `x`."""
        return self._called.get((scope, matrix), matrix.local) if scope else matrix.local

    def new_scope(self, name: str) -> str:
        """A name for a scope within the current one: `std`, then `std 2`, `std 3`, ..."""
        outer = scopes.here()
        full = f"{outer}/{name}" if outer else name
        count = self._scopes[full] = self._scopes.get(full, 0) + 1
        return name if count == 1 else f"{name} {count}"

    # -- naming -------------------------------------------------------------------------------

    def give(self, matrix: Matrix, local: str) -> None:
        """Name a matrix `local`, or `local_2`, `local_3`, ... if its scope has that already."""
        name = f"{matrix.scope}/{local}" if matrix.scope else local
        if name in self.by_name:
            count = self._numbered.get(name, 2)
            while f"{name}_{count}" in self.by_name:
                count += 1
            self._numbered[name] = count
            name, local = f"{name}_{count}", f"{local}_{count}"
        matrix._local = local
        self.by_name[name] = matrix

    def rename(self, matrix: Matrix, local: str, scope: str | None = None) -> None:
        """Give a matrix another name; a name that is taken gets a number."""
        target = matrix.scope if scope is None else scope
        matrix.temporary = False
        if (matrix._local, matrix.scope) == (local, target):
            return
        if matrix._local:
            self._release(matrix.name)
        matrix.scope = target
        self.give(matrix, local)

    def _release(self, name: str) -> None:
        del self.by_name[name]
        base, _, number = name.rpartition("_")
        if base in self._numbered and number.isdecimal():
            self._numbered[base] = min(self._numbered[base], int(number))

    def by_formula(self) -> None:
        """Call every matrix that nobody has named by its formula, in the order of making."""
        for matrix in self.unnamed:
            if not matrix._local:
                assert matrix.step is not None
                self.give(matrix, formulas.expression(matrix.step))
        self.unnamed.clear()

    def alias(self, name: str, matrix: Matrix) -> None:
        """Let `name` stand for `matrix` as well, unless it already stands for something."""
        if name not in self.by_name:
            self.aliases.setdefault(name, matrix)
            scope, _, local = name.rpartition("/")
            if scope != matrix.scope:
                self.call_elsewhere(scope, matrix, local)

    def call_elsewhere(self, scope: str, matrix: Matrix, local: str) -> None:
        """Within a scope that is not its own, the matrix is called `local`."""
        self._called.setdefault((scope, matrix), local)

    @property
    def elsewhere(self) -> list[tuple[str, Matrix, str]]:
        """What matrices are called outside of their own scopes: (scope, matrix, name)."""
        return [(scope, matrix, local) for (scope, matrix), local in self._called.items()]
