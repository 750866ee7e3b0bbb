"""Places where secrets stand whatever they look like: headers, URLs, assignments, key files. Pure data.

They complement `sandbox/token_forms.py`, in the same shape; the sources are the standards that describe the places.
"""

from __future__ import annotations

from sandbox.token_forms import Vendor

_VALUE = r"[\"']?\s{0,3}[:=]\s{0,3}(?:b?[\"'])?"
_DIGIT = r"(?=[^\s\"']{0,64}\d)"
"""A word without a digit is rather a word of a sentence than a secret."""

# A scheme's credentials (RFC 9110, 11.4), those with parameters to the end of the line, or a bare value.
_CREDENTIALS = (
    r"(?:[Bb]asic\s+([A-Za-z0-9+/=_-]{6,})"
    rf"|(?:[Bb]earer|BEARER|[Tt]oken|[Aa]pi[Kk]ey)\s+({_DIGIT}[^\s\"'\\]{{8,}}|[^\s\"'\\]{{20,}})"
    r"|(?:[Dd]igest|[Nn]egotiate|[Oo][Aa]uth|AWS4-HMAC-SHA256)\s+([^\r\n]{6,})"
    rf"|({_DIGIT}[^\s\"'<>\\]{{12,}}))"
)
_KEY_HEADERS = (
    *("X-Api-Key", "X-API-Key", "X-API-KEY", "x-api-key", "X-Auth-Token", "x-auth-token"),
    *("X-Vault-Token", "x-vault-token", "x-goog-api-key", "X-Goog-Api-Key"),
    *("Private-Token", "PRIVATE-TOKEN", "private-token", "Job-Token", "JOB-TOKEN"),
)
_KEY_NAMES = (
    *("access_token", "refresh_token", "id_token", "auth_token", "api_token", "client_secret"),
    *("api_key", "apikey", "apiKey", "secret_key", "access_key", "accessToken", "clientSecret"),
)
_PEM_TEXT = r"(?:[^-]|-(?!----)){0,20000}"
_KEY_BREAK = r"(?:[\s│>|\"']|\\[nr])"
_KEY_WORDS = rf"(?:[A-Za-z0-9+/=]{{16,}}{_KEY_BREAK}*)*"

PLACES = (
    Vendor(
        "URL user info",
        "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        {
            "://": r"(?:[^\s/?#@:\"'<>]{0,32}:(?![$*{<\[]|%[s(])([^\s/?#\"'<>]{1,512})@"
            r"|([^\s/?#@:\"'<>]{16,}(?::[^\s/?#@\"'<>]{0,64})?)@)"
        },
    ),
    Vendor(
        "Authorization header",
        "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2",
        dict.fromkeys(("Authorization", "authorization", "AUTHORIZATION"), _VALUE + _CREDENTIALS),
    ),
    Vendor(
        "Bearer token",
        "https://www.rfc-editor.org/rfc/rfc6750#section-2.1",
        dict.fromkeys(("Bearer", "bearer"), rf"\s+({_DIGIT}[A-Za-z0-9_.~+/=-]{{16,}})"),
    ),
    Vendor(
        "Cookie header",
        "https://www.rfc-editor.org/rfc/rfc6265#section-4",
        dict.fromkeys(
            ("Cookie", "cookie"), r"[\"']?:\s{0,3}[\"']?([^\s=;:\"'(){}]{1,64}=[^\r\n\"']{4,})"
        ),
    ),
    Vendor(
        "Key header",
        "https://swagger.io/docs/specification/v3_0/authentication/api-keys/",
        dict.fromkeys(_KEY_HEADERS, rf"{_VALUE}({_DIGIT}[^\s\"'<>\\]{{8,}})"),
    ),
    Vendor(
        "OAuth parameter",
        "https://www.rfc-editor.org/rfc/rfc6749#section-5.1",
        dict.fromkeys(_KEY_NAMES, rf"{_VALUE}({_DIGIT}[A-Za-z0-9+/=_.~%-]{{16,}})"),
    ),
    Vendor(
        "Password",
        "https://www.rfc-editor.org/rfc/rfc6749#section-4.3",
        dict.fromkeys(
            ("password", "Password", "passwd", "passphrase"),
            rf"{_VALUE}({_DIGIT}[^\s\"'<>(){{}}\[\],;&\\$]{{8,}})",
        ),
    ),
    Vendor(
        "JSON Web Token",
        "https://www.rfc-editor.org/rfc/rfc7519#section-3",
        {"eyJ": r"[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{16,}"},
    ),
    Vendor(
        # "BEGIN RSA PRIVATE KEY", "BEGIN OPENSSH PRIVATE KEY", "BEGIN PGP PRIVATE KEY BLOCK" and their kind.
        "Private key",
        "https://www.rfc-editor.org/rfc/rfc7468#section-10",
        {
            "BEGIN": rf"(?<=----BEGIN)[A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-{{4,5}}{_KEY_BREAK}{{0,8}}"
            rf"(?:({_PEM_TEXT}[A-Za-z0-9+/=])(?={_KEY_BREAK}*-----END)|({_KEY_WORDS}))"
        },
    ),
    Vendor(
        "PuTTY private key",
        "https://the.earth.li/~sgtatham/putty/0.81/htmldoc/AppendixC.html",
        {
            "Private-Lines": r": \d{1,4}((?:(?:[\s│]|\\[nr])+[A-Za-z0-9+/=]{16,})+"
            r"(?:(?:[\s│]|\\[nr])+[A-Za-z0-9+/=]{1,15}(?=(?:\s|\\[nr])+Private-MAC))?)"
        },
    ),
    Vendor(
        "age",
        "https://github.com/C2SP/C2SP/blob/main/age.md",
        {"AGE-SECRET-KEY-1": r"[A-Z0-9]{58,}", "AGE-PLUGIN-": r"[A-Z0-9+._]{1,40}-1[A-Z0-9]{6,}"},
    ),
)

NAME = r"(?:[A-Z][A-Z0-9]*_)+(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|(?:API|ACCESS|SECRET|PRIVATE|AUTH)_?KEY)"
"""Names of environment variables that hold a secret, by the habit of all who name them."""

NAMED = rf"{_VALUE}({_DIGIT}(?!/)[A-Za-z0-9+/=_.~%@!^-]{{12,}})"
"""What follows a NAME when it is a secret."""
