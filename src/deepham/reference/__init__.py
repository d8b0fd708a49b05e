"""The conventional solution that results are held against, from the same Economy object."""
