"""What all benchmarks share: the record of a run, and the documents they read."""
