"""What runs leave on the disk, one and many: folders, checkpoints and status; what those of a sweep are going to be and
came to, one table and one figure of them."""
