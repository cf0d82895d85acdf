"""Healthy regimes: no finding of `warning` or above may touch one. A regime is named after its row of the traps."""
