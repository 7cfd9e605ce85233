from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from catalog.management.base import CatalogueCommand
from catalog.models import ApiToken
from catalog.services.accounts import tokens


class Command(CatalogueCommand):
    help = "Make, list and revoke tokens for the API."
    supports_json = False  # not before the subcommand, but after it

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", required=True)
        create = commands.add_parser("create", help="make a token and print it; it cannot be shown again")
        create.add_argument("user", metavar="USER", help="the account that the token acts for")
        create.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=ApiToken.Scope.values,
            dest="scopes",
            help="what the token may do, as far as its account may; can be repeated",
        )
        create.add_argument(
            "--expires",
            type=int,
            default=tokens.DEFAULT_DAYS,
            metavar="DAYS",
            help=f"days until it expires, at most {tokens.MAX_DAYS} (default: {tokens.DEFAULT_DAYS})",
        )
        create.add_argument("--name", default="", help="what the token is for")
        list_parser = commands.add_parser("list", help="list the tokens, without their secrets")
        revoke = commands.add_parser("revoke", help="make a token invalid at once")
        revoke.add_argument("prefix", metavar="PREFIX", help="the prefix that the list shows, or the whole token")
        for parser_of_command in (create, list_parser, revoke):
            parser_of_command.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        run = {"create": self._create, "list": self._list, "revoke": self._revoke}[options["subcommand"]]
        run(options)

    def _create(self, options: dict[str, Any]) -> None:
        if not 1 <= options["expires"] <= tokens.MAX_DAYS:
            raise CommandError(f"--expires is {options['expires']}; it must be between 1 and {tokens.MAX_DAYS}.")
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['user']!r}.")
        token, text = tokens.create_token(user, options["scopes"], days=options["expires"], name=options["name"][:120])
        if options["json"]:
            self.write_json({"token": text, **_as_json(token)})
        else:
            self.stdout.write(text)

    def _list(self, options: dict[str, Any]) -> None:
        rows = [_as_json(token) for token in ApiToken.objects.select_related("user")]
        if options["json"]:
            self.write_json({"tokens": rows})
        for row in rows if not options["json"] else []:
            self.stdout.write(
                "{prefix}  {user}  {scopes}  {state}  expires {expires}  last used {last_used}  {name}".format(
                    **row | {"scopes": ",".join(row["scopes"]), "last_used": row["last_used"] or "never"}
                )
            )

    def _revoke(self, options: dict[str, Any]) -> None:
        match = tokens.TOKEN.fullmatch(options["prefix"])
        prefix = match[1] if match else options["prefix"]
        found = ApiToken.objects.filter(prefix=prefix)
        if not found:
            raise CommandError(f"There is no token with the prefix {prefix!r}.")
        count = tokens.revoke(found)
        if options["json"]:
            self.write_json({"revoked": count})
        else:
            self.stdout.write("The token is revoked." if count else "The token was revoked before.")


def _as_json(token: ApiToken) -> dict[str, Any]:
    return {
        "prefix": token.prefix,
        "user": token.user.get_username(),
        "name": token.name,
        "scopes": token.scopes,
        "state": "valid" if token.is_valid() else "revoked" if token.revoked_at else "expired",
        "expires": token.expires_at.isoformat(timespec="seconds"),
        "last_used": token.last_used_at and token.last_used_at.isoformat(timespec="seconds"),
    }
