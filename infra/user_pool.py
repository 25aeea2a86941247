"""People who sign in to the API, and the roles that they have."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.acknowledgement import acknowledge

ROLES: Final = {
    "admin": "May do everything.",
    "marketing": "Reads leads, says which of them are one person, and drafts, approves and publishes rules.",
    "sales": "Reads leads, adjusts their scores, answers handoffs, and drafts and approves rules.",
    "analyst": "Reads, drafts, simulates and proposes rules; sees no lead.",
}

INVITATION: Final = cognito.UserInvitationConfig(
    email_subject="You may sign in to Baton",
    email_body=(
        "You may sign in to Baton as {username}. The first time it asks for a password of your own in place of this:"
        "\n\n{####}"
    ),
)
"""The mail to whom an admin brings in. The password stands last and alone: a full stop would be copied with it."""


class UserPool(Construct):
    """A user pool into which an admin brings people; its groups are their roles."""

    def __init__(self, scope: Construct, construct_id: str, *, protected: bool) -> None:
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            user_invitation=INVITATION,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_digits=True, require_lowercase=True, require_uppercase=True, require_symbols=True
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            deletion_protection=protected,
            removal_policy=RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.pool,
            "AwsSolutions-COG2",
            "Everybody may add a second factor; a script that signs in with a password of its own could not.",
        )
        acknowledge(
            self.pool,
            "AwsSolutions-COG8",
            "The plus plan is charged for each user; a team that wants its checks signs in with its own provider.",
        )
        for precedence, (role, description) in enumerate(ROLES.items()):
            self.pool.add_group(role.capitalize(), group_name=role, description=description, precedence=precedence)
        self.client = self.pool.add_client(
            "CommandLine",
            auth_flows=cognito.AuthFlow(user_password=True),
            disable_o_auth=True,
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(7),
        )
