from catalog.imaging.digests import sha256


def test_the_digest_matches_the_published_example():
    """The one-block example of FIPS 180-4."""
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
