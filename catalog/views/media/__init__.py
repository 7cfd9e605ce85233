"""The files of images, served by the site."""
