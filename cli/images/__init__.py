"""Building and pushing the images."""
