"""Programs for those who work on imagesearch; the site needs none of them."""
