"""Runs `measurement.main`."""

from benchmarks.mutated_pictures.measurement import main

if __name__ == "__main__":
    main()
