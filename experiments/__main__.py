"""`python -m experiments` is `deepx`."""

from experiments.cli import main

if __name__ == "__main__":
    main()
