"""Secrets; none of those here was ever one, and none is written out whole."""

import random
import string

import pytest
from hypothesis import given, settings

from filters.edits import apply_edits, find_edits
from filters.program.credentials import TOKENS, SecretGroup, Secrets
from tests.filters.program.files import bundled_files, pieces
from tests.filters.texts import AWKWARD, batch


def made_up(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(7).choices(alphabet, k=size))


def redacted(text: str) -> str:
    texts = batch([text])
    return apply_edits(texts.texts, find_edits([Secrets()], texts)).text(0)


_HEX, _UPPER = "0123456789abcdef", string.ascii_uppercase + string.digits
FOUND = [
    ("Amazon Web Services", "AKIA" + made_up(16, _UPPER)),
    ("Anthropic", "sk-" + "ant-api03-" + made_up(90)),
    ("Azure", "Account" + "Key=" + made_up(86) + "=="),
    ("GitHub", "gh" + "p_" + made_up(36)),
    ("GitHub", "github" + "_pat_" + made_up(82)),
    ("GitLab", "glp" + "at-" + made_up(20)),
    ("Google", "AI" + "za" + made_up(35)),
    ("Google", "ya29" + "." + made_up(40)),
    ("Hugging Face", "h" + "f_" + made_up(34, string.ascii_letters)),
    ("JSON Web Token", "ey" + "J" + made_up(20) + ".ey" + "J" + made_up(30) + "." + made_up(43)),
    ("npm", "np" + "m_" + made_up(36)),
    ("OpenAI", "sk" + "-proj-" + made_up(30) + "T3Blbk" + "FJ" + made_up(30)),
    ("PyPI", "py" + "pi-AgEIcHlwaS5vcmc" + made_up(60)),
    ("SendGrid", "S" + "G." + made_up(22) + "." + made_up(43)),
    ("Slack", "xo" + "xb-" + made_up(24)),
    ("Slack", "hooks.slack" + ".com/services/T" + made_up(8) + "/B" + made_up(8) + "/" + made_up(24)),
    ("Stripe", "sk" + "_live_" + made_up(24)),
    ("Telegram", "846251973" + ":AA" + made_up(33)),
    ("Twilio", "S" + "K" + made_up(32, _HEX)),
]


@pytest.mark.parametrize("secret", [secret for _, secret in FOUND])
def test_tokens_of_services_are_replaced_and_nothing_around_them(secret: str) -> None:
    assert redacted(f"é x = '{secret}'; y") == "é x = '|||SECRET|||'; y"


def test_every_service_has_a_known_token() -> None:
    assert {service for service, _ in FOUND} == set(TOKENS)


def test_a_private_key_goes_to_its_end() -> None:
    begin, end = "-----BEGIN RSA " + "PRIVATE KEY-----", "-----END RSA " + "PRIVATE KEY-----"
    body = f"\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC\n\n{made_up(60)}\n{made_up(60)}=\n"
    assert redacted(f"a\n{begin}{body}{end}\nb") == "a\n|||SECRET|||\nb"
    assert redacted(f"a {begin} b") == "a |||SECRET||| b"
    assert redacted("-----BEGIN PUBLIC KEY-----") == "-----BEGIN PUBLIC KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgres://me:{}@host/db", "postgres://me:|||SECRET|||@host/db"),
        ('API_KEY = "{}"', 'API_KEY = "|||SECRET|||"'),
        ("'client_secret': '{}'", "'client_secret': '|||SECRET|||'"),
        ('"dbPassword": "{}",', '"dbPassword": "|||SECRET|||",'),
        ("token := '{}'", "token := '|||SECRET|||'"),
    ],
)
def test_values_that_their_place_gives_away_are_replaced_alone(text: str, left: str) -> None:
    assert redacted(text.format(made_up(20))) == left


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "AKIA" + "A" * 16,
        "x" + "AKIA" + made_up(16, _UPPER),
        "AKIA" + made_up(17, _UPPER),
        "https://user:password@host",
        "https://user:$PASSWORD1@host",
        "https://host:8080/@x",
        'password = "correct-horse-battery"',
        'password = "my-password-123456"',
        'token = "aaaaaaaaaaaaaaaa1"',
        'token = "a1b2"',
        f"hash = '{made_up(40, _HEX)}'",
        f"token = get('{made_up(40)}')",
        "xoxb-your-token-here",
        made_up(200),
    ],
)
def test_what_is_made_up_or_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_secrets_are_counted_by_document() -> None:
    one = "gh" + "p_" + made_up(36)
    group = SecretGroup()
    assert group.measure(batch(["", one, "a", f"{one} {one}"]))["num_secrets"].tolist() == [0, 1, 0, 2]
    assert group.measure(batch([]))["num_secrets"].tolist() == []


def test_bundled_files_hold_no_secrets() -> None:
    texts = [text for _, text in bundled_files()]
    assert SecretGroup().measure(batch([*texts, *AWKWARD]))["num_secrets"].sum() == 0


@settings(max_examples=200)
@given(pieces(*(secret for _, secret in FOUND), "token = '", "'", "://a:", "@", "-----BEGIN PRIVATE KEY-----", "-"))
def test_what_was_replaced_is_found_no_more(text: str) -> None:
    once = redacted(text)
    assert len(Secrets().find(batch([text]))) >= once.count("|||SECRET|||")
    assert once.count("|||SECRET|||") == len(Secrets().find(batch([text])))


@pytest.mark.parametrize("piece", ["sk-", "eyJ", "://a:", 'token="a', "-----BEGIN PRIVATE KEY-----", "1:AA", "xoxb-"])
def test_a_megabyte_of_one_opening_takes_no_time(piece: str) -> None:
    assert len(Secrets().find(batch([piece * (1_000_000 // len(piece))]))) <= 1_000_000 // len(piece)


def test_fingerprints_are_the_same_in_every_process() -> None:
    assert SecretGroup().fingerprint() == Secrets().fingerprint()
