"""Compare runs: what differs in their set-up, in their numbers and findings, and where they first part."""

from debugstore.analysis.compare.comparison import FEW, compare
from debugstore.analysis.compare.select import select_runs
from debugstore.analysis.compare.values import Comparison, Divergence, Level, State

__all__ = ["FEW", "Comparison", "Divergence", "Level", "State", "compare", "select_runs"]
