"""One of each thing that a package can add to dtbsim; pyproject.toml names them, docs/extending.md explains them."""
