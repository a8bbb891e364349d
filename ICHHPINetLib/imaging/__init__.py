"""All that concerns images before and after the network: files, geometry, intensities."""
