"""Scripts that made the weights in data/models/. Not installed; see training/README.md."""
