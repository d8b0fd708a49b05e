"""What a solution is measured by, and held to."""
