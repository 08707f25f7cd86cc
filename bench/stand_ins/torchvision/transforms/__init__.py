"""Empty: files of images are not read."""
