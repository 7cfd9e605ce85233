import pytest

pytest.register_assert_rewrite("tests.imaging.archives.archive_files")
