"""The fixtures of small trainings."""

from making.training_fixtures import frames, learnable, one_thread, settings, tiny_net  # noqa: F401
