"""What economists look at: business cycles, responses, welfare and distributions of solved economies, on one page."""
