"""What the scripts call, and `deepham.solve`."""
