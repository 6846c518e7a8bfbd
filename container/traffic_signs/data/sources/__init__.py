"""The layouts in which images come: GTSRB as published, folders per class, drawn signs, a download."""
