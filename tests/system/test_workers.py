"""Several workers share the work."""

from tests.system.site import expect_whole


def test_two_workers_index_no_image_twice_and_both_do_some_of_the_work(site, folder):
    site.environment["IMAGESEARCH_THREADS"] = "1"
    pictures = folder(200)
    site.manage("import_images", pictures, "--no-wait")
    workers = [site.command("index_for_a_while", name=name) for name in ()]
    assert workers == []
