"""Programs for developers of imagesearch. The site does not need them."""
