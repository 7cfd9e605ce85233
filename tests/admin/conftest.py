"""Fixtures of the admin tests."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse


@pytest.fixture
def admin(client: Client, superuser: User) -> Client:
    """A test client, signed in as a superuser."""
    client.force_login(superuser)
    return client


@pytest.fixture
def staff(db: None):
    """A function that returns the client of a staff member with the given permissions only."""

    def sign_in(*codenames: str) -> Client:
        user = User.objects.create_user("stella", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def run_action(client: Client, action: str, images: list, **fields: object):
    """Run an action of the image list."""
    form = {"action": action, "_selected_action": [image.pk for image in images], **fields}
    return client.post(reverse("admin:catalog_image_changelist"), form, follow=True)
