"""The faults, a file for each place they are made in. A case's letters and number are its name in the docs."""
