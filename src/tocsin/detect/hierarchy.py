"""At which level an excess lives: nation, state or county.

The nodes of a tree are tested from the root down; the children of a node are tested only when the node itself
is discovered. A discovery with none among its children is *spread*: it shows in the sum only, as a nationwide
rise that is too small in every state. A leaf that is discovered is *local*.

A node's own p-value may be given (from its own series, the sum). Where none is, it is combined from its
children: by Simes' rule (valid where the tests are independent or positively dependent) or by the mean of
e-values (valid under any dependence, less sharp). Where both are there, twice the smaller one counts, so that
neither a rise spread thin nor one in a single county is lost.

Rules:

``yekutieli``  Every family of siblings by Benjamini and Hochberg at ``rate``. With independent families the
               false discovery rate over the whole tree is at most ``2 * delta * rate``, delta about 1.44.
``selective``  Bogomolov, Peterson, Benjamini and Sabatti: a family's rate is ``rate`` times the share of
               its parent's siblings that were discovered, on all levels above. On each level, the mean share
               of false discoveries over the families that were opened is held at ``rate``.

References
----------
Yekutieli (2008), Journal of the American Statistical Association 103:309, doi:10.1198/016214507000001373;
Benjamini, Bogomolov (2014), J. R. Stat. Soc. B 76:297, doi:10.1111/rssb.12028;
Bogomolov, Peterson, Benjamini, Sabatti (2021), Biometrika 108:575, doi:10.1093/biomet/asaa086;
Simes (1986), Biometrika 73:751, doi:10.1093/biomet/73.3.751.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.contract import Floats, one_of
from tocsin.model import ConfigError, MethodError
from tocsin.stats import evalues
from tocsin.stats.multiplicity import benjamini_hochberg, simes

Ints = NDArray[np.int64]
RULES = ("yekutieli", "selective")
COMBINATIONS = ("simes", "e_mean")
NOTHING, SPREAD, LOCAL, ABOVE = "nothing", "spread", "local", "above"
"""What is said of a node: no discovery; discovered and no child is; a discovered leaf; a child is too."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tree:
    """Areas and what they belong to.

    Parameters
    ----------
    parent : ndarray of int64, shape (n,)
        Number of the node above; -1 for a root. Several roots are a family of their own.

    Raises
    ------
    MethodError
        When a parent does not exist, or the nodes run in a circle.

    Examples
    --------
    >>> tree = Tree(parent=np.array([-1, 0, 0, 1, 1]))
    >>> tree.depth.tolist(), tree.children(1).tolist(), tree.leaves.tolist()
    ([0, 1, 1, 2, 2], [3, 4], [2, 3, 4])
    """

    parent: Ints

    def __post_init__(self) -> None:
        n = len(self.parent)
        wrong = (self.parent < -1) | (self.parent >= n)
        if wrong.any():
            node = int(np.flatnonzero(wrong)[0])
            raise MethodError(f"parent of node {node}: got {self.parent[node]}, allowed: -1 to {n - 1}")
        at = self.parent.copy()
        for _ in range(n + 1):
            if (at < 0).all():
                return
            at = np.where(at >= 0, self.parent[at], -1)
        raise MethodError("tree: got nodes that are above themselves, allowed: a way from each to a root")

    @property
    def depth(self) -> Ints:
        """Steps to the root, shape (n,)."""
        depth, at = np.zeros(len(self.parent), np.int64), self.parent.copy()
        while (at >= 0).any():
            depth += at >= 0
            at = np.where(at >= 0, self.parent[at], -1)
        return depth

    @property
    def leaves(self) -> Ints:
        """Nodes without children."""
        return np.setdiff1d(np.arange(len(self.parent)), self.parent)

    def children(self, node: int) -> Ints:
        """Nodes below a node; -1: the roots."""
        return np.flatnonzero(self.parent == node)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """What testing down a tree found.

    Parameters
    ----------
    p : ndarray of float64, shape (n,)
        P-value of each node; NaN where unknown.
    tested, found : ndarray of bool, shape (n,)
        Whether the node's family was opened; whether it is a discovery.
    says : tuple of str
        Of each node, ``nothing``, ``spread``, ``local`` or ``above``.
    """

    p: Floats
    tested: NDArray[np.bool_]
    found: NDArray[np.bool_]
    says: tuple[str, ...]


def node_p(tree: Tree, p: Floats, *, combine: str = "simes") -> Floats:
    """P-value of each node from its own and those below it.

    Parameters
    ----------
    tree : Tree
        n nodes.
    p : ndarray of float64, shape (n,)
        Own p-values; NaN where there is none.
    combine : str
        ``simes`` or ``e_mean``.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where neither the node nor anything below it is known.

    Examples
    --------
    >>> tree = Tree(parent=np.array([-1, 0, 0]))
    >>> node_p(tree, np.array([np.nan, 0.01, 0.6])).tolist()
    [0.02, 0.01, 0.6]
    """
    one_of("hierarchy", "combine", combine, COMBINATIONS)
    out = np.array(p, float)
    depth = tree.depth
    order = np.argsort(tree.parent, kind="stable")
    begin = np.searchsorted(tree.parent[order], np.arange(len(p)))
    end = np.searchsorted(tree.parent[order], np.arange(len(p)), "right")
    for node in np.argsort(-depth, kind="stable"):
        below = out[order[begin[node] : end[node]]]
        if not len(below) or np.isnan(below).all():
            continue
        if combine == "simes":
            family = simes(below)
        else:
            family = float(evalues.to_p(evalues.merged(evalues.from_p(below))))
        out[node] = family if np.isnan(out[node]) else min(1.0, 2 * min(out[node], family))
    return out


def descend(tree: Tree, p: Floats, *, rate: float, rule: str = "selective", combine: str = "simes") -> Levels:
    """Test a tree from the root down.

    Parameters
    ----------
    tree : Tree
        n nodes.
    p : ndarray of float64, shape (n,)
        Own p-values of the nodes; NaN where there is none.
    rate : float
        False discovery rate, see the rules above.
    rule : str
        ``yekutieli`` or ``selective``.
    combine : str
        See :func:`node_p`.

    Returns
    -------
    Levels

    Raises
    ------
    ConfigError
        When a setting is not allowed.

    Examples
    --------
    >>> tree = Tree(parent=np.array([-1, 0, 0, 1, 1, 2, 2]))  # nation, two states, four counties
    >>> p = np.array([np.nan, np.nan, np.nan, 1e-6, 0.4, 0.7, 0.9])
    >>> descend(tree, p, rate=0.1).says
    ('above', 'above', 'nothing', 'local', 'nothing', 'nothing', 'nothing')
    """
    one_of("hierarchy", "rule", rule, RULES)
    if not 0 < rate < 1:
        raise ConfigError("hierarchy", "rate", rate, "a number between 0 and 1")
    n = len(tree.parent)
    values = node_p(tree, p, combine=combine)
    tested, found = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    # Families to open, by parent, with the rate that is left for them.
    waiting = [(-1, rate)]
    while waiting:
        node, left = waiting.pop()
        family = tree.children(node)
        known = int((~np.isnan(values[family])).sum())
        if not known:
            continue
        tested[family] = True
        hits = family[benjamini_hochberg(values[family], left)]
        found[hits] = True
        below = left * len(hits) / known if rule == "selective" else rate
        waiting += [(int(hit), below) for hit in hits]
    return Levels(p=values, tested=tested, found=found, says=_says(tree, found))


def _says(tree: Tree, found: NDArray[np.bool_]) -> tuple[str, ...]:
    leaf = np.zeros(len(found), np.bool_)
    leaf[tree.leaves] = True
    child_found = np.zeros(len(found), np.bool_)
    inner = tree.parent[found & (tree.parent >= 0)]
    child_found[inner] = True
    return tuple(
        NOTHING if not hit else ABOVE if child else LOCAL if end else SPREAD
        for hit, child, end in zip(found.tolist(), child_found.tolist(), leaf.tolist(), strict=True)
    )
