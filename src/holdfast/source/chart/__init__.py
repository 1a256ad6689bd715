"""Charts of Helm repositories, mirrored as Git: each version is a commit. See docs/decisions/0027."""
