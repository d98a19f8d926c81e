"""How segregated is a board? Measures of a Schelling model, on one array of seats.

``share_happy`` and ``same_colour_share`` look at neighbours. ``dissimilarity`` and ``isolation``
are the indices of residential segregation, computed from counts in districts; here, districts are
tiles of the board. ``clusters`` are the connected areas of one group.

None of these is 0 on a board where agents sit at random: with few agents a tile, chance alone
makes tiles uneven. Compare with a shuffled board. Used in lesson 07.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workshop_lib.abm.rules import EMPTY, Rules, as_board, happy, like_and_all, whole
from workshop_lib.errors import BadInputError

TILES = 4  # on each side, unless told otherwise


class Clusters(NamedTuple):
    """Connected areas of one group each."""

    number: int
    sizes: np.ndarray  # agents in each, the largest first


def share_happy(board: np.ndarray, rules: Rules) -> float:
    """Return the share of the agents that are happy, from 0 to 1; NaN without agents.

    >>> from workshop_lib.abm.rules import classroom
    >>> share_happy([[0, 0, 1, -1]], classroom(happy_count=1))  # the two on the left are
    0.6666666666666666
    """
    board = as_board(board, len(rules.groups))
    agents = (board != EMPTY).sum()
    return float(happy(board, rules).sum() / agents) if agents else float("nan")


def same_colour_share(board: np.ndarray, torus: bool = False) -> float:
    """Return the share of neighbouring pairs (of 8 neighbours) that are of one group.

    Returns:
        Σ like neighbours / Σ neighbours, both over all agents, from 0 to 1; NaN if nobody has a
        neighbour. With two groups of equal size that sit at random, about one half.

    Source: "% similar" of Wilensky (1997), NetLogo Segregation model.

    >>> same_colour_share([[0, 0, 1, 1]])  # of three pairs, two are alike
    0.6666666666666666
    """
    board = as_board(board)
    like, every = like_and_all(board, max(1, int(board.max()) + 1), torus)
    pairs = every.sum(dtype=int)
    return float(like.sum(dtype=int) / pairs) if pairs else float("nan")


def dissimilarity(board: np.ndarray, tiles: int = TILES, group: int = 0) -> float:
    """Return the index of dissimilarity D of a group and all others.

    Args:
        board: shape (height, width).
        tiles: the board is cut into tiles × tiles districts, as equal as can be.
        group: the one of interest; with two groups, both give the same.

    Returns:
        D = ½ Σ |x_i / X − y_i / Y|, with x_i of the group's X agents and y_i of the Y others in
        tile i: the share of the group that would have to move for an even spread. From 0 to 1;
        NaN if the board has none of the group, or nobody else.

    Raises:
        BadInputError: more tiles than rows or columns.

    Source: Massey and Denton (1988), The Dimensions of Residential Segregation, Social Forces 67.

    >>> dissimilarity([[0, 0, 1, 1]] * 4, tiles=2), dissimilarity([[0, 1, 0, 1]] * 4, tiles=2)
    (1.0, 0.0)
    """
    members, others = counts_by_tile(board, tiles, group)
    if not members.sum() or not others.sum():
        return float("nan")
    return float(np.abs(members / members.sum() - others / others.sum()).sum() / 2)


def isolation(board: np.ndarray, tiles: int = TILES, group: int = 0) -> float:
    """Return the index of isolation xPx of a group: how much it meets only itself.

    Args:
        board, tiles, group: as in :func:`dissimilarity`.

    Returns:
        xPx = Σ x_i / X · x_i / t_i, with t_i all agents in tile i: the share of the group in the
        tile of its average member. From the group's share of all agents (even spread) to 1; NaN
        if the board has none of the group.

    Raises:
        BadInputError: more tiles than rows or columns.

    Source: Massey and Denton (1988), The Dimensions of Residential Segregation, Social Forces 67.

    >>> isolation([[0, 0, 1, 1]] * 4, tiles=2), isolation([[0, 1, 0, 1]] * 4, tiles=2)
    (1.0, 0.5)
    """
    members, others = counts_by_tile(board, tiles, group)
    if not members.sum():
        return float("nan")
    everybody = np.maximum(members + others, 1)  # an empty tile has no members either
    return float((members / members.sum() * members / everybody).sum())


def counts_by_tile(board: np.ndarray, tiles: int, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how many agents of a group, and how many others, each tile has, shape (tiles²,)."""
    board = as_board(board)
    if whole(tiles) is None or not 1 <= tiles <= min(board.shape):
        raise BadInputError(
            f"tiles is {tiles!r}, but the board has {board.shape[0]} rows and {board.shape[1]} "
            f"columns. Choose a whole number from 1 to {min(board.shape)}."
        )
    if whole(group) is None or group < 0:
        raise BadInputError(f"The group is {group!r}. Groups are counted from 0.")
    down, right = (np.arange(size) * tiles // size for size in board.shape)
    tile = down[:, None] * tiles + right  # Shape: (height, width)
    members = np.bincount(tile[board == group], minlength=tiles**2)
    return members, np.bincount(tile[board != EMPTY], minlength=tiles**2) - members


def clusters(board: np.ndarray, torus: bool = False) -> Clusters:
    """Return the number and the sizes of connected areas of one group.

    Two agents are connected if they are of one group and sit side by side or one before the other
    (4 neighbours; corners don't connect), or through others of their group.

    Args:
        board: shape (height, width).
        torus: whether the left side meets the right, and the top the bottom.

    Returns:
        Clusters(number, sizes); each agent is in one cluster, so the sizes sum to the agents.

    >>> clusters([[0, 0, 1], [1, -1, 1]])
    Clusters(number=3, sizes=array([2, 2, 1]))
    """
    from scipy.ndimage import label

    board = as_board(board)
    areas = np.zeros(board.shape, np.int64)  # 0 is no area
    number = 0
    for group in range(int(board.max()) + 1):
        found, count = label(board == group)
        areas += np.where(found > 0, found + number, 0)
        number += count
    if torus:
        areas = joined(areas, board)[areas]
    sizes = np.bincount(areas.ravel())[1:]
    sizes = np.sort(sizes[sizes > 0])[::-1]
    return Clusters(len(sizes), sizes)


def joined(areas: np.ndarray, board: np.ndarray) -> np.ndarray:
    """Return each area's new number, once those that meet across the torus's seams are joined."""
    joined_to = list(range(int(areas.max()) + 1))

    def root(area: int) -> int:
        while joined_to[area] != area:
            area = joined_to[area]
        return area

    for first, last in ((np.s_[0], np.s_[-1]), (np.s_[:, 0], np.s_[:, -1])):
        met = (board[first] == board[last]) & (board[first] != EMPTY)
        for one, other in zip(areas[first][met].tolist(), areas[last][met].tolist(), strict=True):
            joined_to[root(other)] = root(one)
    return np.array([root(area) for area in range(len(joined_to))])


def measures(board: np.ndarray, rules: Rules, tiles: int | None = None) -> dict[str, float]:
    """Return all measures of a board.

    Args:
        board: shape (height, width).
        rules: for happiness and the torus.
        tiles: for the indices; None: 4 on each side, or fewer on a smaller board.

    Returns:
        "share_happy", "same_colour", "dissimilarity" and "isolation" (of group 0), "clusters"
        (their number) and "largest_cluster" (its agents).

    Used in lesson 07.

    >>> from workshop_lib.abm.rules import classroom
    >>> measures([[0, 0, 1, 1]] * 2, classroom())["clusters"]
    2
    """
    board = as_board(board)
    tiles = min(TILES, *board.shape) if tiles is None else tiles
    areas = clusters(board, rules.torus)
    return {
        "share_happy": share_happy(board, rules),
        "same_colour": same_colour_share(board, rules.torus),
        "dissimilarity": dissimilarity(board, tiles),
        "isolation": isolation(board, tiles),
        "clusters": areas.number,
        "largest_cluster": int(areas.sizes[0]) if areas.number else 0,
    }
