"""Tokens made up at run time in the forms that the vendors show, so that none stands in the repository.

A template names the random characters: `{w22}` are 22 of the class w. What stands between ‹ and › is the secret where
a form is a place rather than a token.
"""

from __future__ import annotations

import random
import re
import string
from dataclasses import dataclass

_CLASSES = {
    "a": string.ascii_letters + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
    "d": string.digits,
    "h": "0123456789abcdef",
    "l": string.ascii_lowercase + string.digits,
    "q": string.ascii_uppercase + "234567",
    "u": string.ascii_uppercase + string.digits,
    "w": string.ascii_letters + string.digits + "_-",
}

TOKENS = """
ghp_{a36}
gho_{a36}
ghu_{a36}
ghs_{a36}
ghs_{d7}_ey{w60}.ey{w300}.{w86}
ghr_{a76}
github_pat_{a22}_{a59}
glpat-{w20}
glpat-{w27}.01.{l9}
gldt-{w20}
glrt-{w20}
glrtr-{w20}
glcbt-64_{w20}
glptt-{h40}
glft-{w20}
glimt-{w25}
glagent-{w50}
glwt-{w20}
glsoat-{w20}
glffct-{w20}
gloas-{h64}
GR1348941{w20}
ATATT3xFfGF0{w180}={u8}
ATCTT3xFfGN0{w170}={u8}
ATBB{a32}
npm_{a36}
pypi-AgEIcHlwaS5vcmc{w140}
rubygems_{h48}
cio{a32}
oy2{l43}
dckr_pat_{w27}
dckr_oat_{w32}
CLOJARS_{h60}
AKCp{a69}
cmVmd{a59}
sk-ant-api03-{w93}AA
sk-ant-admin01-{w93}AA
sk-ant-oat01-{w93}AA
sk-ant-ort01-{w93}AA
sk-ant-sid01-{w86}
sk-proj-{w74}T3BlbkFJ{w74}
sk-svcacct-{w74}T3BlbkFJ{w74}
sk-admin-{w58}T3BlbkFJ{w58}
sk-{a20}T3BlbkFJ{a20}
sk-{h32}
hf_{a34}
api_org_{a34}
gsk_{a52}
r8_{a37}
pplx-{a48}
xai-{a80}
sk-or-v1-{h64}
lsv2_pt_{h32}_{h10}
AKIA{q16}
ASIA{q16}
ABIA{q16}
ACCA{q16}
ABSK{b128}
bedrock-api-key-{b120}
AIza{w35}
ya29.a0{w160}
GOCSPX-{w28}
1//0{w100}
GOOG1E{u55}
{a3}8Q~{w34}
{a52}JQQJ99{a18}AZDO{a4}
dop_v1_{h64}
doo_v1_{h64}
dor_v1_{h64}
fm2_lJPE{b400}
fo1_{w43}
HRKU-AA{w58}
nfp_{a40}
LTAI{a20}
{d10}:AA{w33}
xoxb-{d12}-{d13}-{a24}
xoxp-{d12}-{d12}-{d13}-{h32}
xoxa-2-{d12}-{d12}-{h32}
xoxs-{d12}-{d12}-{d12}-{h10}
xoxr-{d12}-{d12}-{d12}-{h32}
xoxo-{d12}-{d12}-{a24}
xoxe-1-{a146}
xoxe.xoxp-1-{a166}
xapp-1-A{u10}-{d13}-{h64}
SK{h32}
SG.{w22}.{w43}
key-{h32}
{h32}-us21
xkeysib-{h64}-{a16}
re_{a8}_{a24}
sk_live_{a24}
sk_test_{a99}
rk_live_{a24}
rk_test_{a24}
whsec_{a32}
shpat_{h32}
shpca_{h32}
shppa_{h32}
shpss_{h32}
shptka_{h32}
EAAA{w60}
sq0atp-{w22}
lin_api_{a40}
lin_oauth_{h64}
ntn_{d11}{a35}
secret_{a43}
figd_{w40}
pat{a14}.{h64}
PMAK-{h24}-{h34}
hvs.{w24}
hvb.{w150}
hvr.{w90}
{a14}.atlasv1.{w67}
pul-{h40}
dp.pt.{a43}
dp.st.dev_main.{a43}
ops_eyJ{b300}
tskey-auth-{a16}-{a32}
sbp_{h40}
sb_secret_{w22}_{w8}
pscale_tkn_{w43}
napi_{l64}
dapi{h32}
glsa_{a32}_{h8}
glc_ey{b120}
NRAK-{u27}
sntrys_eyJ{b120}_{b43}
sntryu_{h64}
dt0c01.{u24}.{u64}
CCIPAT_{a22}_{h40}
CCIPRJ_{a22}_{h40}
bkua_{h40}
squ_{h40}
sqp_{h40}
sqa_{h40}
sk.ey{w80}.{w22}
CFPAT-{w43}
eyJ{w34}.eyJ{w120}.{w43}
AGE-SECRET-KEY-1{u58}
AGE-PLUGIN-YUBIKEY-1{u20}
"""

PLACES = """
//registry.example/:_authToken=‹{w36}›
//registry.example/:_auth=‹{a40}==›
aws_secret_access_key = ‹{b40}›
"SecretAccessKey": "‹{b40}›"
aws_session_token=‹IQoJb3JpZ2luX2Vj{b300}›
"SessionToken":"‹{b300}›"
https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature=‹{h64}›
https://b.s3.amazonaws.com/k?X-Amz-Security-Token=‹IQoJ{a300}›
DefaultEndpointsProtocol=https;AccountName=x;AccountKey=‹{b86}==›;
Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=‹{b43}=›
SharedAccessSignature=‹sr=x&sig={a44}&se=1700000000›
https://x.blob.core.windows.net/c?sv=2024-01-01&sig=‹{a42}%3D›
https://hooks.slack.com/services/‹T{u10}/B{u10}/{a24}›
https://discord.com/api/webhooks/{d18}/‹{w68}›
https://discordapp.com/api/webhooks/{d18}/‹{w68}›
postgres://app:‹{a14}›@db.example:5432/app
https://‹{a40}›@git.example/x.git
https://‹{a40}:x-oauth-basic›@git.example/x.git
Authorization: Basic ‹{b38}==›
authorization: Bearer ‹7{w40}›
'Authorization': 'token ‹{h40}›'
AUTHORIZATION: ‹4{a30}›
Authorization: AWS4-HMAC-SHA256 ‹Credential=x/20260101/eu/s3/aws4_request,Signature={h64}›
curl --oauth2-bearer x; Bearer ‹9{w40}›
Set-Cookie: ‹session={h40}; Path=/›
cookie: ‹sid={h40}›
X-Api-Key: ‹3{a31}›
PRIVATE-TOKEN: ‹5{w20}›
X-Vault-Token: ‹1{w30}›
"access_token": "‹2{w60}›"
client_secret=‹8{w40}›
password=‹7{a12}›
passwd: ‹7{a12}›
DEPLOY_TOKEN=‹6{a30}›
export MY_API_KEY='‹6{a30}›'
-----BEGIN PRIVATE KEY-----|‹{b64}|{b64}|{b40}›|-----END PRIVATE KEY-----
-----BEGIN OPENSSH PRIVATE KEY-----|‹{b70}|{b70}|{b30}›|-----END OPENSSH PRIVATE KEY-----
-----BEGIN RSA PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED|DEK-Info: AES-128-CBC,{u32}||‹{b64}|{b64}|{b20}›|-----END RSA PRIVATE KEY-----
-----BEGIN PGP PRIVATE KEY BLOCK-----||‹{b64}|{b64}|{b20}›|=x1Y/|-----END PGP PRIVATE KEY BLOCK-----
Private-Lines: 3|‹{b64}|{b64}|{b24}›|Private-MAC: 00
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A text that holds a secret; `secret` is the part of it that nobody may see."""

    template: str
    text: str
    secret: str


def samples(seed: int = 0) -> list[Sample]:
    """Return a sample of every form, other ones for each seed."""
    chance = random.Random(seed)
    templates = [*TOKENS.split("\n"), *PLACES.split("\n")]
    return [_sample(template, chance) for template in templates if template]


def _sample(template: str, chance: random.Random) -> Sample:
    def characters(match: re.Match[str]) -> str:
        return "".join(chance.choices(_CLASSES[match[1]], k=int(match[2])))

    filled = re.sub(r"\{([a-z])(\d+)\}", characters, template.replace("|", "\n"))
    before, _, rest = filled.partition("‹")
    secret, _, after = rest.partition("›")
    if not rest:
        return Sample(template, filled, filled)
    return Sample(template, before + secret + after, secret)
