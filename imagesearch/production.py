"""What IMAGESEARCH_PRODUCTION=1 demands of the other settings."""

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

# As `manage.py check --deploy` demands.
MIN_KEY_LENGTH = 50

REQUIRED_VARIABLES = {
    "IMAGESEARCH_SECRET_KEY": f"{MIN_KEY_LENGTH} or more random characters",
    "IMAGESEARCH_ALLOWED_HOSTS": "the host names of the site",
    "IMAGESEARCH_BACKUP_DIR": "the folder of the backups, or none if they are made in another way",
}


def check_environment(variables: Mapping[str, str]) -> None:
    """Check what must not be left to its default on the internet.

    Args:
        variables: of the environment.

    Raises:
        ImproperlyConfigured: names the variables that are missing or not safe.
    """
    values = {name: variables.get(name, "").strip() for name in REQUIRED_VARIABLES}
    problems = [f"{name} must be set: {REQUIRED_VARIABLES[name]}." for name, value in values.items() if not value]
    if values["IMAGESEARCH_SECRET_KEY"] and len(values["IMAGESEARCH_SECRET_KEY"]) < MIN_KEY_LENGTH:
        problems.append(f"IMAGESEARCH_SECRET_KEY is shorter than {MIN_KEY_LENGTH} characters.")
    if "*" in values["IMAGESEARCH_ALLOWED_HOSTS"].replace(" ", "").split(","):
        problems.append("IMAGESEARCH_ALLOWED_HOSTS is *; name the hosts of the site.")
    if variables.get("IMAGESEARCH_DEBUG", "").strip().lower() in ("1", "true", "yes", "on"):
        problems.append("IMAGESEARCH_DEBUG must not be set.")
    if problems:
        raise ImproperlyConfigured("IMAGESEARCH_PRODUCTION is set, but " + " ".join(problems))
