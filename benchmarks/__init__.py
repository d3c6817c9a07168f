"""birdcolor's speed beside what people would use instead; `python -m benchmarks` measures, README.md explains."""
