"""The forms of the tokens of services that a program talks to: chats, mail, money, tools. Pure data.

In the shape of `sandbox/token_forms.py`, which has those of code, registries, models and clouds.
"""

from __future__ import annotations

from sandbox.token_forms import Vendor

_ALNUM = r"[A-Za-z0-9]"
_HEX_64 = r"[0-9a-f]{64}"

SERVICES = (
    # Chats and mail.
    Vendor(
        "Telegram",
        "https://core.telegram.org/bots/api#authorizing-your-bot",
        {":AA": r"\d{7,12}:AA[A-Za-z0-9_-]{32,}"},
        reach=12,
    ),
    Vendor(
        "Slack",
        "https://docs.slack.dev/authentication/tokens",
        {
            **{f"xox{kind}-": r"[A-Za-z0-9-]{24,}" for kind in "abeoprs"},
            "xoxe.xox": r"[bp]-[A-Za-z0-9-]{24,}",
            "xapp-": r"\d-[A-Za-z0-9-]{24,}",
        },
    ),
    Vendor(
        "Slack webhooks",
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
        {"hooks.slack.com": r"/(?:services|workflows|triggers)/([A-Za-z0-9/]{30,})"},
    ),
    Vendor(
        "Discord webhooks",
        "https://discord.com/developers/docs/resources/webhook",
        {
            "discord.com": r"/api/(?:v\d+/)?webhooks/\d+/([A-Za-z0-9_-]{60,})",
            "discordapp.com": r"/api/(?:v\d+/)?webhooks/\d+/([A-Za-z0-9_-]{60,})",
        },
    ),
    Vendor("Twilio", "https://www.twilio.com/docs/iam/api-keys", {"SK": r"[0-9a-f]{32}\b"}),
    Vendor(
        "SendGrid",
        "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
        {"SG.": r"[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"},
    ),
    Vendor(
        "Mailgun",
        "https://documentation.mailgun.com/docs/mailgun/api-reference/mg-auth",
        {"key-": r"[0-9a-f]{32}\b"},
    ),
    Vendor(
        "Mailchimp",
        "https://mailchimp.com/developer/marketing/guides/quick-start/",
        {"-us": r"(?<![0-9a-f])[0-9a-f]{32}-us\d{1,2}\b"},
        reach=33,
    ),
    Vendor(
        "Brevo",
        "https://developers.brevo.com/docs/getting-started",
        {"xkeysib-": r"[0-9a-f]{64}-[A-Za-z0-9]{16}"},
    ),
    Vendor(
        "Resend",
        "https://resend.com/docs/api-reference/introduction",
        {"re_": r"[A-Za-z0-9]{8}_[A-Za-z0-9]{24}\b"},
    ),
    # Money and shops.
    Vendor(
        "Stripe",
        "https://docs.stripe.com/keys",
        {
            **{
                f"{kind}_{mode}_": rf"{_ALNUM}{{16,}}"
                for kind in ("sk", "rk")
                for mode in ("live", "test")
            },
            "whsec_": r"[A-Za-z0-9+/=]{24,}",
        },
    ),
    Vendor(
        "Shopify",
        "https://shopify.dev/docs/apps/build/authentication-authorization",
        {f"shp{kind}_": r"[0-9a-fA-F]{32}" for kind in ("at", "ca", "pa", "ss", "tka")},
    ),
    Vendor(
        "Square",
        "https://developer.squareup.com/docs/build-basics/access-tokens",
        {"EAAA": r"[A-Za-z0-9_-]{56,}", "sq0": r"(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}"},
    ),
    # Tools of teams.
    Vendor(
        "Linear",
        "https://linear.app/developers/graphql",
        {"lin_api_": rf"{_ALNUM}{{40,}}", "lin_oauth_": r"[0-9a-f]{64}"},
    ),
    Vendor(
        "Notion",
        "https://developers.notion.com/docs/authorization",
        {"ntn_": rf"{_ALNUM}{{40,}}", "secret_": rf"{_ALNUM}{{43}}\b"},
    ),
    Vendor(
        "Figma",
        "https://www.figma.com/developers/api#access-tokens",
        {"figd_": r"[A-Za-z0-9_-]{36,}"},
    ),
    Vendor(
        "Airtable",
        "https://airtable.com/developers/web/guides/personal-access-tokens",
        {"pat": r"[A-Za-z0-9]{14}\.[0-9a-f]{64}"},
    ),
    Vendor(
        "Postman",
        "https://learning.postman.com/docs/developer/postman-api/authentication/",
        {"PMAK-": r"[0-9a-f]{24}-[0-9a-f]{34}"},
    ),
    Vendor(
        "HashiCorp Vault",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens",
        {f"hv{kind}.": r"[A-Za-z0-9_-]{24,}" for kind in "sbr"},
    ),
    Vendor(
        "Terraform",
        "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
        {".atlasv1.": r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}"},
        reach=14,
    ),
    Vendor(
        "Pulumi",
        "https://www.pulumi.com/docs/administration/access-identity/access-tokens/",
        {"pul-": r"[0-9a-f]{40}"},
    ),
    Vendor(
        "Doppler",
        "https://docs.doppler.com/docs/service-tokens",
        {"dp.": r"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}"},
    ),
    Vendor(
        "1Password",
        "https://developer.1password.com/docs/service-accounts/",
        {"ops_": r"eyJ[A-Za-z0-9+/=_-]{100,}"},
    ),
    Vendor(
        "Tailscale",
        "https://tailscale.com/kb/1277/key-prefixes",
        {"tskey-": r"[a-z]{2,10}-[A-Za-z0-9_-]{16,}"},
    ),
    Vendor(
        "Supabase",
        "https://supabase.com/docs/guides/api/api-keys",
        {"sbp_": r"[0-9a-f]{40}", "sb_secret_": r"[A-Za-z0-9_-]{24,}"},
    ),
    Vendor(
        "PlanetScale",
        "https://planetscale.com/docs/api/reference/service-tokens",
        {"pscale_": r"(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}"},
    ),
    Vendor("Neon", "https://neon.com/docs/manage/api-keys", {"napi_": r"[a-z0-9]{60,}"}),
    Vendor(
        "Databricks",
        "https://docs.databricks.com/aws/en/dev-tools/auth/pat",
        {"dapi": r"[0-9a-f]{32}(?:-\d)?\b"},
    ),
    Vendor(
        "Grafana",
        "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
        {"glsa_": r"[A-Za-z0-9]{32}_[0-9a-fA-F]{8}", "glc_": r"[A-Za-z0-9+/=]{40,}"},
    ),
    Vendor(
        "New Relic",
        "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/",
        {"NRAK-": r"[A-Z0-9]{27}"},
    ),
    Vendor(
        "Sentry",
        "https://docs.sentry.io/account/auth-tokens/",
        {"sntrys_": r"eyJ[A-Za-z0-9+/=_]{80,}", "sntryu_": r"[0-9a-f]{64}"},
    ),
    Vendor(
        "Dynatrace",
        "https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/access-tokens",
        {"dt0": r"[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"},
    ),
    Vendor(
        "CircleCI",
        "https://circleci.com/docs/managing-api-tokens/",
        {"CCIPAT_": r"[A-Za-z0-9]{22}_[0-9a-f]{40}", "CCIPRJ_": r"[A-Za-z0-9]{22}_[0-9a-f]{40}"},
    ),
    Vendor(
        "Buildkite",
        "https://buildkite.com/docs/apis/managing-api-tokens",
        {"bkua_": r"[0-9a-f]{40}"},
    ),
    Vendor(
        "SonarQube",
        "https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens",
        {f"sq{kind}_": r"[0-9a-f]{40}" for kind in "pua"},
    ),
    Vendor(
        "Mapbox",
        "https://docs.mapbox.com/help/dive-deeper/access-tokens/",
        {"sk.ey": r"[A-Za-z0-9_-]{40,600}\.[A-Za-z0-9_-]{20,}"},
    ),
    Vendor(
        "Contentful",
        "https://www.contentful.com/developers/docs/references/authentication/",
        {"CFPAT-": r"[A-Za-z0-9_-]{43}"},
    ),
)
