"""What the project costs: time to accuracy, time of a step, memory, growth. `scripts/benchmark.py` runs it."""
