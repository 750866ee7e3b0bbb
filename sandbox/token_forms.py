"""The forms of the tokens of code hosts, registries, models and clouds, each with the page of the vendor that shows it. Pure data.

A form is a keyword, by which it is found quickly, and what follows it. Bodies are written as "at least so long": vendors
make tokens longer over the years, and a mark must never leave the end of one. Texts are matched as ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_ALNUM = r"[A-Za-z0-9]"
_BASE64 = r"[A-Za-z0-9+/=_-]"
_VALUE = r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
"""Between a name and its value, in environments, YAML, JSON and headers."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who gives out tokens: `forms` maps a keyword to the pattern of what follows it.

    Where a pattern has a group, only the group is secret. `reach` is how many characters of a token may stand before its
    keyword; the patterns of such a vendor describe the whole token.
    """

    name: str
    source: str
    forms: dict[str, str] = field(hash=False)
    reach: int = 0


_GITHUB = "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats"
_HEX_64 = r"[0-9a-f]{64}"

PLATFORMS = (
    # Code and where it is kept.
    Vendor(
        "GitHub",
        _GITHUB,
        {
            "ghp_": rf"{_ALNUM}{{36,}}",
            "gho_": rf"{_ALNUM}{{36,}}",
            "ghu_": r"[A-Za-z0-9_.-]{36,}",
            "ghr_": rf"{_ALNUM}{{36,}}",
            "github_pat_": r"[A-Za-z0-9_]{60,}",
        },
    ),
    Vendor(
        # Since April 2026 `ghs_<app>_<JWT>` beside the 36 characters of old.
        "GitHub App",
        "https://github.blog/changelog/2026-05-15-github-app-installation-tokens-per-request-override-header/",
        {"ghs_": r"[A-Za-z0-9_.-]{36,}"},
    ),
    Vendor(
        "GitLab",
        "https://docs.gitlab.com/security/tokens/#token-prefixes",
        dict.fromkeys(
            (
                *("glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-"),
                *("glimt-", "glagent-", "glwt-", "glsoat-", "glffct-", "GR1348941"),
            ),
            r"[A-Za-z0-9_.=-]{20,}",
        ),
    ),
    Vendor(
        "Atlassian and Bitbucket",
        "https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/",
        {
            "ATATT3": rf"{_BASE64}{{60,}}",
            "ATCTT3": rf"{_BASE64}{{60,}}",
            "ATBB": rf"{_ALNUM}{{28,}}",
        },
    ),
    # Package registries.
    Vendor("npm", "https://docs.npmjs.com/about-access-tokens", {"npm_": rf"{_ALNUM}{{36,}}"}),
    Vendor(
        "npm's older tokens",
        "https://docs.npmjs.com/using-private-packages-in-a-ci-cd-workflow",
        {
            "_authToken": _VALUE + r"([A-Za-z0-9+/=_.-]{20,})",
            "_auth": _VALUE + r"([A-Za-z0-9+/=]{12,})",
        },
    ),
    Vendor("PyPI", "https://pypi.org/help/#apitoken", {"pypi-": r"[A-Za-z0-9_-]{60,}"}),
    Vendor(
        "RubyGems",
        "https://guides.rubygems.org/api-key-scopes/",
        {"rubygems_": r"[0-9a-f]{48}"},
    ),
    Vendor(
        "crates.io",
        "https://doc.rust-lang.org/cargo/reference/publishing.html",
        {"cio": rf"{_ALNUM}{{32}}\b"},
    ),
    Vendor(
        "NuGet",
        "https://learn.microsoft.com/en-us/nuget/nuget-org/publish-a-package",
        {"oy2": r"[a-z0-9]{43}\b"},
    ),
    Vendor(
        "Docker",
        "https://docs.docker.com/security/access-tokens/",
        {"dckr_pat_": r"[A-Za-z0-9_-]{24,}", "dckr_oat_": r"[A-Za-z0-9_-]{24,}"},
    ),
    Vendor(
        "Clojars",
        "https://github.com/clojars/clojars-web/wiki/Deploy-Tokens",
        {"CLOJARS_": r"[0-9a-f]{60}"},
    ),
    Vendor(
        "JFrog",
        "https://jfrog.com/help/r/jfrog-platform-administration-documentation/understanding-identity-tokens",
        {"AKCp": rf"{_ALNUM}{{60,}}", "cmVmd": rf"{_ALNUM}{{59}}\b"},
    ),
    # Models.
    Vendor(
        "Anthropic",
        "https://docs.anthropic.com/en/api/overview",
        {
            "sk-ant-api": r"[A-Za-z0-9_-]{40,}",
            "sk-ant-admin": r"[A-Za-z0-9_-]{40,}",
            "sk-ant-oat": r"[A-Za-z0-9_-]{40,}",
            "sk-ant-ort": r"[A-Za-z0-9_-]{40,}",
            "sk-ant-": r"[A-Za-z0-9_-]{32,}",
        },
    ),
    Vendor(
        "OpenAI",
        "https://platform.openai.com/docs/api-reference/authentication",
        {
            "sk-proj-": r"[A-Za-z0-9_-]{40,}",
            "sk-svcacct-": r"[A-Za-z0-9_-]{40,}",
            "sk-admin-": r"[A-Za-z0-9_-]{40,}",
            "sk-": r"(?=[A-Za-z]{0,31}\d)[A-Za-z0-9]{32,}",
        },
    ),
    Vendor(
        "Hugging Face",
        "https://huggingface.co/docs/hub/security-tokens",
        {"hf_": rf"{_ALNUM}{{34,}}", "api_org_": rf"{_ALNUM}{{34,}}"},
    ),
    Vendor("Groq", "https://console.groq.com/docs/quickstart", {"gsk_": rf"{_ALNUM}{{48,}}"}),
    Vendor(
        "Replicate",
        "https://replicate.com/docs/reference/http#authentication",
        {"r8_": rf"{_ALNUM}{{37,}}"},
    ),
    Vendor(
        "Perplexity",
        "https://docs.perplexity.ai/getting-started/quickstart",
        {"pplx-": rf"{_ALNUM}{{48,}}"},
    ),
    Vendor("xAI", "https://docs.x.ai/docs/tutorial", {"xai-": rf"{_ALNUM}{{64,}}"}),
    Vendor(
        "OpenRouter",
        "https://openrouter.ai/docs/api-reference/authentication",
        {"sk-or-v1-": _HEX_64},
    ),
    Vendor(
        "LangSmith",
        "https://docs.langchain.com/langsmith/create-account-api-key",
        {"lsv2_": r"(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"},
    ),
    # Clouds.
    Vendor(
        "AWS",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids",
        dict.fromkeys(("AKIA", "ASIA", "ABIA", "ACCA"), r"[A-Z2-7]{16}\b"),
    ),
    Vendor(
        "AWS secrets",
        "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
        {
            "aws_secret_access_key": _VALUE + r"([A-Za-z0-9/+=]{40})",
            "SecretAccessKey": _VALUE + r"([A-Za-z0-9/+=]{40})",
            "aws_session_token": _VALUE + r"([A-Za-z0-9/+=]{80,})",
            "SessionToken": _VALUE + r"([A-Za-z0-9/+=]{80,})",
            "X-Amz-Signature": _VALUE + r"([0-9a-f]{64})",
            "X-Amz-Security-Token": _VALUE + r"([A-Za-z0-9/+=%]{80,})",
        },
    ),
    Vendor(
        "Amazon Bedrock",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        {"ABSK": r"[A-Za-z0-9+/=]{100,}", "bedrock-api-key-": r"[A-Za-z0-9+/=]{60,}"},
    ),
    Vendor(
        "Google Cloud",
        "https://cloud.google.com/docs/authentication/api-keys",
        {"AIza": r"[A-Za-z0-9_-]{35}"},
    ),
    Vendor(
        "Google OAuth",
        "https://developers.google.com/identity/protocols/oauth2",
        {
            "ya29.": r"[A-Za-z0-9_-]{30,}",
            "GOCSPX-": r"[A-Za-z0-9_-]{28}",
            "1//0": r"[A-Za-z0-9_-]{40,}",
        },
    ),
    Vendor(
        "Google Cloud Storage",
        "https://cloud.google.com/storage/docs/authentication/hmackeys",
        {"GOOG1E": r"[A-Z0-9]{55}"},
    ),
    Vendor(
        "Azure storage and messaging",
        "https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string",
        {
            "AccountKey": r"=([A-Za-z0-9+/=]{40,})",
            "SharedAccessKey": r"=([A-Za-z0-9+/=]{40,})",
            "SharedAccessSignature": r"=([^\s;\"']{40,})",
            "sig=": r"([A-Za-z0-9+/=%]{40,})",
        },
    ),
    Vendor(
        "Microsoft Entra",
        "https://learn.microsoft.com/en-us/purview/sit-defn-azure-ad-client-secret",
        {"Q~": r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"},
        reach=5,
    ),
    Vendor(
        "Azure DevOps",
        "https://learn.microsoft.com/en-us/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate",
        {"JQQJ99": r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{18}AZDO[A-Za-z0-9]{4}"},
        reach=52,
    ),
    Vendor(
        "DigitalOcean",
        "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
        {"dop_v1_": _HEX_64, "doo_v1_": _HEX_64, "dor_v1_": _HEX_64},
    ),
    Vendor(
        "Fly.io",
        "https://fly.io/docs/security/tokens/",
        {"fm2_": r"[A-Za-z0-9+/=_-]{60,}", "fo1_": r"[A-Za-z0-9_-]{40,}"},
    ),
    Vendor(
        "Heroku",
        "https://devcenter.heroku.com/articles/authentication",
        {"HRKU-": r"[A-Za-z0-9_-]{36,}"},
    ),
    Vendor(
        "Netlify",
        "https://docs.netlify.com/api-and-cli-guides/api-guides/get-started-with-api/",
        {"nfp_": rf"{_ALNUM}{{36,}}"},
    ),
    Vendor(
        "Alibaba Cloud",
        "https://www.alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair",
        {"LTAI": rf"{_ALNUM}{{16,26}}\b"},
    ),
)
