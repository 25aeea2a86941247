"""A deployed environment as people and commands reach it: what its stack tells, its AWS services, and its API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.failure import Failure
from infra.local.emulator import Emulator, credentials
from infra.local.home import Home
from infra.settings import read_settings

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

LOCAL = "local"
"""The environment of `baton up`; every other one lives in an AWS account."""

_WANTED: Mapping[str, tuple[str, str]] = {
    "NEW_PASSWORD_REQUIRED": ("NEW_PASSWORD", "A password of your own (12 characters, of four kinds)"),
    "SOFTWARE_TOKEN_MFA": ("SOFTWARE_TOKEN_MFA_CODE", "The code of your authenticator"),
}
"""What the user pool may want besides the password, under which name it takes it, and how a person is asked for it."""


@dataclass(frozen=True)
class Deployed:
    """The stack of an environment. `region` is the one of its settings, or else the one that AWS is configured for."""

    environment: str
    home: Home = field(default_factory=Home.usual)
    region: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it lives on this machine."""
        return self.environment == LOCAL

    @property
    def stack(self) -> str:
        """The stack's name."""
        return f"baton-{self.environment}"

    def client(self, service: str) -> Any:
        """A client of an AWS service where this environment lives.

        Raises:
            Failure: it is the local one and does not run, or AWS is not configured.
        """
        try:
            if not self.is_local:
                return boto3.client(service, region_name=self.region)
            own = credentials()
            return boto3.client(
                service,
                endpoint_url=Emulator(self.home).endpoint,
                region_name=own["AWS_REGION"],
                aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"total_max_attempts": 3, "mode": "standard"}),
            )
        except BotoCoreError as error:
            remedy = "Set AWS_PROFILE, or AWS credentials and AWS_REGION, as for any other AWS tool."
            raise Failure("AWS is not configured here.", remedy, str(error)) from error

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """What the stack tells about itself: `ApiUrl`, `UserPoolId` and so on.

        Raises:
            Failure: the stack is not there.
        """
        formation: CloudFormationClient = self.client("cloudformation")
        remedy = (
            "Start it with `baton up`." if self.is_local else f"Deploy it with `baton deploy --env {self.environment}`."
        )
        try:
            stacks = formation.describe_stacks(StackName=self.stack)["Stacks"]
        except (ClientError, BotoCoreError) as error:
            raise Failure(f"The stack {self.stack} cannot be found.", remedy, str(error)) from error
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    @property
    def api(self) -> str:
        """The API's address, without a slash at its end."""
        if self.is_local:
            number = (urlsplit(self.outputs["ApiUrl"]).hostname or "").partition(".")[0]
            return f"{Emulator(self.home).endpoint}/_aws/execute-api/{number}/$default"
        return self.outputs["ApiUrl"].rstrip("/")

    def sign_in(self, user: str, password: str, ask: Callable[[str], str] | None = None) -> str:
        """A token of a user of the stack's own user pool.

        `ask` asks the person for what the pool wants besides: a password of their own at the first sign-in, or the
        code of their authenticator.

        Raises:
            Failure: the pool does not let that user in.
        """
        if "UserPoolId" not in self.outputs:
            remedy = "Sign in there and put the token into BATON_TOKEN."
            raise Failure(f"People sign in to {self.environment} with their own provider.", remedy)
        pool: CognitoIdentityProviderClient = self.client("cognito-idp")
        client = self.outputs["UserPoolClientId"]
        try:
            answer: Any = pool.initiate_auth(
                ClientId=client,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": user, "PASSWORD": password},
            )
            while "AuthenticationResult" not in answer:
                wanted = _WANTED.get(answer["ChallengeName"])
                if ask is None or wanted is None:
                    what = f"{user} must first answer {answer['ChallengeName']}."
                    raise Failure(what, "Sign in once in a terminal, or put a token into BATON_TOKEN.")
                answer = pool.respond_to_auth_challenge(
                    ClientId=client,
                    ChallengeName=answer["ChallengeName"],
                    Session=answer["Session"],
                    ChallengeResponses={"USERNAME": user, wanted[0]: ask(wanted[1])},
                )
        except (ClientError, BotoCoreError) as error:
            raise Failure(f"{user} could not sign in.", "Check the address and the password.", str(error)) from error
        token: str = answer["AuthenticationResult"]["IdToken"]
        return token


def of_environment(environment: str) -> Deployed:
    """An environment by its name, where its settings say that it is.

    Raises:
        SettingsError: its settings cannot be read.
    """
    return (
        Deployed(environment)
        if environment == LOCAL
        else Deployed(environment, region=read_settings(environment).region)
    )


_VERSIONS_AND_DRAFTS = "`baton rules history` and `baton rules drafts` show those that there are."
_THERE_ARE = (
    ("/v1/leads", "`baton leads list` shows those that there are."),
    ("/v1/handoffs", "`baton handoffs list` shows those that there are."),
    ("/v1/noise", "`baton noise list` shows what is marked."),
    ("/v1/rules/drafts", "`baton rules drafts` shows those that there are."),
    ("/v1/rules/differences", _VERSIONS_AND_DRAFTS),
    ("/v1/simulations", _VERSIONS_AND_DRAFTS),
    ("/v1/rules", "`baton rules history` shows the versions that there are."),
)
"""What to do where nothing is under a path, the nearest first."""


_OPTIONS = frozenset({"at", "known", "limit", "rules", "since"})
"""What every command that sends it has as an option of that name."""


class Told(dict[str, Any]):
    """An object of an answer of the API; what it does not tell, an API of another release does.

    Raises:
        Failure: a command asks it for something that it does not tell.
    """

    def __missing__(self, name: str) -> Any:
        raise Failure(
            f"The API is of another release than this command, probably an older one: it does not tell {name!r}.",
            "Bring the two together: `baton deploy --env ENVIRONMENT` (on this machine `baton up`) puts this command's "
            "release there.",
        )


@dataclass(frozen=True)
class Api:
    """The HTTP API, for somebody who is signed in."""

    address: str
    token: str

    def get(self, path: str, query: Mapping[str, str | int | None] | None = None) -> Any:
        """What the API answers to a GET, with the query's empty parameters left out."""
        asked = urlencode(
            {name: value for name, value in (query or {}).items() if value is not None}, errors="surrogatepass"
        )
        return self._call("GET", f"{path}?{asked}" if asked else path)

    def post(self, path: str, body: Any) -> Any:
        """What the API answers to a POST of JSON.

        It goes as UTF-8, of which the API takes more than of escapes; what is no text is left for the API to refuse.
        """
        return self._call("POST", path, json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        try:
            answer = urllib3.request(method, self.address + path, body=body, headers=headers, timeout=30)
        except urllib3.exceptions.HTTPError as error:
            raise Failure(
                f"The API at {self.address} does not answer.", "Is it deployed and running?", str(error)
            ) from error
        try:
            told = json.loads(answer.data, object_hook=Told) if answer.data else None
        except ValueError:
            told = None
        if answer.status == HTTPStatus.UNAUTHORIZED:
            what = f"The API refuses this sign-in: {_message(told) or answer.reason}."
            raise Failure(what, "Sign in again; a token is good for an hour, also the one in BATON_TOKEN.")
        if answer.status == HTTPStatus.FORBIDDEN:
            what = f"The API does not allow it: {_message(told) or answer.reason}."
            raise Failure(what, "Ask somebody whose role allows it, or sign in as another user.")
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refusal(answer.status, told, path)
        return told


class Refusal(Failure):
    """The API did not do what it was asked at a path.

    `status` is HTTP's, `answer` the JSON that came with it, `field` what of that which was sent it does not take.
    """

    def __init__(self, status: int, answer: Any, path: str = "") -> None:
        told, is_ours = _message(answer), status >= HTTPStatus.INTERNAL_SERVER_ERROR
        what = sentence(told) if told and not is_ours else f"The API answers {status}: {told or 'no reason given'}"
        super().__init__(what, "See `baton logs admin`." if is_ours else "", "\n".join(_details(answer)))
        self.field = _field(answer)
        if status == HTTPStatus.UNPROCESSABLE_ENTITY and self.field in _OPTIONS:
            self.remedy = f"Correct --{self.field}."
        if status == HTTPStatus.NOT_FOUND:
            self.remedy = next((remedy for place, remedy in _THERE_ARE if path.startswith(place)), "")
        self.status = status
        self.answer = answer


def sentence(message: str) -> str:
    """A message of the API as a sentence."""
    return f"{message[:1].upper()}{message[1:]}{'' if message.endswith(('.', '!', '?')) else '.'}"


def path_of(*parts: str) -> str:
    """A path of the API from its parts, each quoted; what is no text is left for the API to refuse."""
    return "/" + "/".join(quote(part, safe="", errors="surrogatepass") for part in parts)


def _details(answer: Any) -> Iterator[str]:
    """Where the fault is, and each problem of a rule file, in words."""
    details = answer.get("details") if isinstance(answer, dict) else None
    if not isinstance(details, dict):
        return
    problems = details.get("problems") or ()
    if (field := _field(answer)) and field not in _OPTIONS and not problems:
        yield f"It is about {field}."
    for each in problems:
        place = f"{each['at']}: " if each["at"] else ""
        hint = f" ({each['hint']})" if each["hint"] else ""
        yield f"{place}{each['message']}{hint}"


def _field(answer: Any) -> str:
    """What of that which was sent the API has something against."""
    details = answer.get("details") if isinstance(answer, dict) else None
    return str(details.get("at") or "") if isinstance(details, dict) else ""


def _message(answer: Any) -> str:
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""
