"""Synthetic datasets for infrared small-target (SIRST) detection."""

__version__ = "0.1.0"
