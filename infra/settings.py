"""Everything in which one environment differs from another: one YAML file each, typed, with errors that name the key.

No secret stands in such a file. A key `secret`, or a team's `slack`, holds a *name*; `baton secrets set NAME` stores
the text of that name under `/baton/<environment>/<name>`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, ValidationError, model_validator

from functions.ingest.settings import BudgetLimits, EventTypes, Form, HubSpotHost, SecretWriteKey, WriteKey
from functions.notify.settings import Team
from infra.failure import Failure
from shared.adapters.yaml12 import Document, YamlError, read_yaml

ENVIRONMENTS = Path(__file__).parent / "environments"

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,19}$")]
EMAIL_ADDRESS: Final = r"^[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+$"
EmailAddress = Annotated[str, StringConstraints(pattern=EMAIL_ADDRESS)]
RECIPIENTS_OF_A_MAIL: Final = 50
"""How many addresses SES takes in one message, copies counted."""
Sender = Annotated[str, StringConstraints(pattern=r"^([^<>@\r\n]+ )?<?[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+>?$")]
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
SECRET_NAME_LENGTH: Final = 100
ERASURE_SECRET: Final = "erasure"  # noqa: S105 - its name
"""The secret with which the names of erased people are made into tombstones. Baton makes it once, and nobody replaces
it: the people who were erased before would not be known again."""
LEAD_PAGE_SECRET: Final = "lead-page"  # noqa: S105 - its name
"""The secret with which links to a lead's page are signed. Baton makes it, and `baton secrets rotate` replaces it."""
OWN_SECRETS: Final = (ERASURE_SECRET, LEAD_PAGE_SECRET)
LeadLink = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]*\{lead\}[^\s{}]*$")]
ApiAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#{}]+(\{api\}[^\s?#{}]*)?$")]
LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""The retentions that CloudWatch Logs offers, in days."""


class SettingsError(Failure):
    """A settings file does not fit. `problems` holds one line for each key that is wrong."""

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{source} does not fit:\n{lines}", f"Correct {source} and run the command again.")
        self.problems = problems

    def __str__(self) -> str:
        return self.what


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Throttle(_Part):
    """What the API takes before it answers 429: `rate` requests a second in the long run, `burst` at once."""

    rate: Annotated[int, Field(ge=1, le=10_000)] = 200
    burst: Annotated[int, Field(ge=1, le=5_000)] = 400


class Domain(_Part):
    """A name of one's own for the API. Its certificate lives in the environment's region."""

    name: Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]+\.)+[a-z]{2,}$")]
    certificate: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$")]


class Retention(_Part):
    """How long things are kept, in days. An activity's retention is the horizon of every score."""

    activities: Annotated[int, Field(ge=1, le=3650)] = 760
    anonymous: Annotated[int, Field(ge=1, le=3650)] = 90
    logs: LogDays = 30
    archive: Annotated[int, Field(ge=1, le=3650)] = 90


class OwnUsers(_Part):
    """People sign in with the stack's own Cognito user pool; its groups are the roles."""

    kind: Literal["cognito"] = "cognito"

    @property
    def roles_claim(self) -> str:
        """The claim that Cognito gives the groups."""
        return "cognito:groups"


class OpenIdConnect(_Part):
    """People sign in with the company's provider, which puts their roles into the claim `roles_claim`."""

    kind: Literal["oidc"]
    issuer: Annotated[str, StringConstraints(pattern=r"^https://[^\s?#]+$")]
    audience: Annotated[tuple[str, ...], Field(min_length=1)]
    roles_claim: str = "roles"


class RuleTerms(_Part):
    """What must be before new rules hold: the words of these roles, each another person's; none for a team of one.

    A publish that would bring more than `handoff_budget` percent more handoffs needs a reason besides.
    """

    approvals: tuple[Literal["admin", "marketing", "sales"], ...] = ("marketing", "sales")
    handoff_budget: Annotated[int, Field(ge=0, le=1000)] = 15

    @model_validator(mode="after")
    def _names_each_role_once(self) -> Self:
        if len(set(self.approvals)) < len(self.approvals):
            msg = "approvals: a role stands there twice, and one person's word for each is asked"
            raise ValueError(msg)
        return self


SignIn = Annotated[OwnUsers | OpenIdConnect, Field(discriminator="kind")]


class Settings(_Part):
    """One environment. The comments in `environments/prod.yaml` say the same to the person who edits it."""

    environment: EnvironmentName
    runs_on: Literal["aws", "this_machine"] = "aws"
    account: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = None
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] | None = None

    origins: tuple[Origin, ...] = ()
    write_keys: tuple[WriteKey, ...] = ()
    forms: tuple[Form, ...] = ()
    catalogue: EventTypes = {}
    throttle: Throttle = Throttle()
    budgets: BudgetLimits = BudgetLimits()
    domain: Domain | None = None
    api_address: ApiAddress | None = None

    teams: dict[str, Team]
    email_from: Sender | None = None
    lead_link: LeadLink | None = None
    lead_page_days: Annotated[int, Field(ge=1, le=365)] = 30
    consent_required: StrictBool = True
    allow_local_receivers: StrictBool = False

    rules: RuleTerms = RuleTerms()
    sign_in: SignIn = OwnUsers()
    retention: Retention = Retention()
    deletion_protection: StrictBool = True
    alarm_emails: tuple[EmailAddress, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = tuple(_contradictions(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def parameter(self, secret: str) -> str:
        """The name under which Parameter Store keeps a secret of this environment."""
        return f"/baton/{self.environment}/{secret}"


def read_settings(environment: str, path: Path | None = None) -> Settings:
    """The settings of an environment, from its file under `environments/` or from `path`.

    Raises:
        Failure: there is no such environment, or no such file.
        SettingsError: a key of the file is wrong; the message names each.
    """
    known = sorted(found.stem for found in ENVIRONMENTS.glob("*.yaml"))
    if path is None and environment not in known:
        near = get_close_matches(environment, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"The environments here are {', '.join(known)}."
        raise Failure(f"There is no environment {environment!r}.", f"{hint} Each is a file in {ENVIRONMENTS}.")
    file = path or ENVIRONMENTS / f"{environment}.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be read ({error.strerror}).", "Name another settings file.") from error
    return parse_settings(text, environment, source=str(file))


def parse_settings(text: str, environment: str, source: str = "the settings") -> Settings:
    """The settings that a YAML text holds.

    Raises:
        SettingsError: the text is no YAML mapping, or a key of it is wrong.
    """
    try:
        read = read_yaml(text)
    except YamlError as error:
        at = f" (line {error.line})" if error.line else ""
        raise SettingsError(source, (error.message + at,)) from error
    document = read.value
    if not isinstance(document, Mapping):
        raise SettingsError(source, ("it must be a mapping of settings, such as `origins: []`",))
    if "environment" in document:
        raise SettingsError(source, ("environment: the file's name says it; leave the key out",))
    try:
        return Settings.model_validate({**document, "environment": environment})
    except ValidationError as error:
        raise SettingsError(source, tuple(_problems(error, read))) from error


def _contradictions(settings: Settings) -> list[str]:
    """What each key alone allows and the whole does not. Every line starts with the key to change."""
    found = []
    if settings.allow_local_receivers and settings.runs_on == "aws":
        found.append("allow_local_receivers: only an environment with `runs_on: this_machine` may call local receivers")
    if "default" not in settings.teams:
        found.append("teams: a team `default` must receive what names no other team")
    for name, team in settings.teams.items():
        if not (team.writes_mail or team.slack or team.webhook):
            found.append(f"teams.{name}: needs at least one of email, slack, webhook, or a member with an email")
        found += _wrong_with_people(name, team, settings.teams)
        if team.writes_mail and not settings.email_from:
            found.append(f"email_from: teams.{name} is told by e-mail, which needs a sender")
        if team.webhook and not team.webhook.url.startswith("https://") and not settings.allow_local_receivers:
            found.append(f"teams.{name}.webhook.url: must start with https://")
        named = [team.slack, team.webhook.secret if team.webhook else None]
        found += [
            f"teams.{name}: {_secret_rule(text)}" for text in named if text is not None and not _is_secret_name(text)
        ]
    for place, key in enumerate(settings.write_keys):
        if isinstance(key, SecretWriteKey) and not _is_secret_name(key.secret):
            found.append(f"write_keys.{place}.secret: {_secret_rule(key.secret)}")
    found += _wrong_with_hosts(settings.forms)
    for title, names in (
        ("write_keys", [key.name for key in settings.write_keys]),
        ("forms", [form.name for form in settings.forms]),
    ):
        found += [
            f"{title}: the name {name!r} is used twice" for name in sorted({n for n in names if names.count(n) > 1})
        ]
    return found


def _wrong_with_hosts(forms: Sequence[Form]) -> list[str]:
    """What of the forms that others show does not fit."""
    found = [
        f"forms.{place}.hosted_by.secret: {_secret_rule(form.signing_secret)}"
        for place, form in enumerate(forms)
        if form.signing_secret is not None and not _is_secret_name(form.signing_secret)
    ]
    places = [form.hosted_by.place for form in forms if isinstance(form.hosted_by, HubSpotHost)]
    return found + [
        f"forms: the form {guid} of HubSpot's portal {portal} is there twice"
        for portal, guid in sorted({place for place in places if places.count(place) > 1})
    ]


def _wrong_with_people(name: str, team: Team, teams: Mapping[str, Team]) -> list[str]:
    """What of a team's addresses and members does not fit together."""
    at = f"teams.{name}"
    names = [member.name for member in team.members]
    found = [
        f"{at}.members: the name {each!r} is used twice" for each in sorted({n for n in names if names.count(n) > 1})
    ]
    found += [
        f"{at}.members: {each!r} is the name of a team, and a rule file's `to:` must mean one of the two"
        for each in names
        if each in teams
    ]
    addresses = [("email", address) for address in team.email]
    addresses += [(f"members.{member.name}.email", member.email) for member in team.members if member.email]
    found += [
        f"{at}.{key}: {address!r} is no e-mail address, such as ada@example.com"
        for key, address in addresses
        if not re.fullmatch(EMAIL_ADDRESS, address)
    ]
    mails = [team.recipients()] + [team.recipients(one, other) for one in names for other in (None, *names)]
    most = max(len(to) + len(copies) for to, copies in mails)
    if most > RECIPIENTS_OF_A_MAIL:
        found.append(
            f"{at}.email: a mail would go to {most} addresses, and SES takes {RECIPIENTS_OF_A_MAIL}: "
            "name a distribution list instead"
        )
    return found


def _is_secret_name(text: str) -> bool:
    is_name = len(text) <= SECRET_NAME_LENGTH and re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", text) is not None
    return is_name and text not in OWN_SECRETS


def _secret_rule(text: str) -> str:
    if "://" in text or len(text) > SECRET_NAME_LENGTH:
        return "this looks like the secret itself; write a name here and store it with `baton secrets set NAME`"
    if text in OWN_SECRETS:
        return f"{text!r} is a secret of Baton's own: choose another name"
    return f"{text!r} is no name of a secret: use a-z, 0-9, - _ and ."


def _problems(error: ValidationError, read: Document) -> list[str]:
    """One line for each finding: the key with its path, what is wrong, the nearest valid key, and the file's line."""
    found = []
    for finding in error.errors(include_url=False):
        written = _written(finding["loc"])
        path = ".".join(str(part) for part in written)
        at = f" (line {read.line_of(tuple(written))})"
        if finding["type"] == "extra_forbidden":
            valid = _keys_at(finding["loc"][:-1])
            near = get_close_matches(str(finding["loc"][-1]), valid, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"the keys here are {', '.join(valid)}"
            found.append(f"{path}: there is no such key; {hint}{at}")
        elif finding["type"] in {"union_tag_invalid", "union_tag_not_found"}:
            at = f" (line {read.line_of((*written, 'kind'))})"
            found.append(f"{path}.kind: {_wrong_kind(finding['input'], _kinds_at(finding['loc']))}{at}")
        elif not path:
            found += str(finding["msg"]).removeprefix("Value error, ").splitlines()
        else:
            found.append(f"{path}: {str(finding['msg']).removeprefix('Value error, ')}{at}")
    return found


def _wrong_kind(told: Mapping[str, Any], kinds: Sequence[str]) -> str:
    if "kind" not in told:
        return f"it is missing; the kinds here are {', '.join(kinds)}"
    near = get_close_matches(str(told["kind"]), kinds, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"the kinds here are {', '.join(kinds)}"
    return f"there is no kind {told['kind']!r}; {hint}"


def _written(loc: tuple[int | str, ...]) -> list[int | str]:
    """The path as the file writes it: without the tags that pydantic inserts where a `kind` chooses the model."""
    written: list[int | str] = []
    annotation: Any = Settings
    for part in loc:
        models = _models(annotation)
        if len(models) > 1 and (tagged := _tagged(models, part)) is not None:
            annotation = tagged
            continue
        written.append(part)
        annotation = _below(annotation, part)
    return written


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    return [name for model in _models_at(loc) for name in model.model_fields if name != "environment"]


def _kinds_at(loc: tuple[int | str, ...]) -> list[str]:
    return [kind for model in _models_at(loc) for kind in get_args(model.model_fields["kind"].annotation)]


def _models_at(loc: tuple[int | str, ...]) -> list[type[BaseModel]]:
    annotation: Any = Settings
    for part in loc:
        models = _models(annotation)
        tagged = _tagged(models, part) if len(models) > 1 else None
        annotation = tagged if tagged is not None else _below(annotation, part)
    return _models(annotation)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that a value of this annotation can be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return [model for argument in get_args(annotation) for model in _models(argument)]
    return []


def _tagged(models: list[type[BaseModel]], part: int | str) -> type[BaseModel] | None:
    return next(
        (m for m in models if "kind" in m.model_fields and part in get_args(m.model_fields["kind"].annotation)), None
    )


def _below(annotation: Any, part: int | str) -> Any:
    """The annotation of what stands under a key or a place of a value with this annotation."""
    for model in _models(annotation):
        if isinstance(part, str) and part in model.model_fields:
            return model.model_fields[part].annotation
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return next((below for a in get_args(annotation) if (below := _below(a, part)) is not None), None)
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple:
        return arguments[0]
    return arguments[1] if get_origin(annotation) is dict else None
