"""Synthetic datasets for infrared small-target (SIRST) detection."""
