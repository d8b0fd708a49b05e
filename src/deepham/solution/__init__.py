"""A solved economy, whatever solved it, and how it is kept."""
