"""How many examples a property test takes in the profile in force."""

import os


def examples(usual: int, *, deep: int = 10_000) -> int:
    """For `@settings(max_examples=examples(200))`: `usual`, and `deep` in the deep profile."""
    return deep if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else usual
