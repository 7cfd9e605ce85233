"""What the tests of the admin share."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse


@pytest.fixture
def admin(client: Client, keeper: User) -> Client:
    """A superuser's browser."""
    client.force_login(keeper)
    return client


@pytest.fixture
def staff(db: None):
    """A function that gives the browser of a member of staff with just these rights."""

    def sign_in(*rights: str) -> Client:
        user = User.objects.create_user("stella", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def act(client: Client, action: str, images: list, **more: object):
    """Choose an action of the list of images."""
    form = {"action": action, "_selected_action": [image.pk for image in images], **more}
    return client.post(reverse("admin:catalog_image_changelist"), form, follow=True)
