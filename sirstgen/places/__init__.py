"""Where things are in a frame: which pixels show sky, which water, which ground."""
