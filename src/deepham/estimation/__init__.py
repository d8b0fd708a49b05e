"""Parameters of an economy estimated by moments of data, with the solution of a whole box of calibrations."""
