"""Hypothesis profiles: `dev` by hand, `ci` where CI is set, `deep` in `make test-all`."""

import os
import tempfile
from pathlib import Path

from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, print_blob=True, database=None
)
settings.register_profile("deep", max_examples=500, deadline=None, print_blob=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)

# Weights are cached; not in the user's own folder, and shared by the workers of a run.
os.environ.setdefault("DEEPX_CACHE", str(Path(tempfile.gettempdir()) / "deepx-sim-tests"))
