"""`${env:NAME}` and `${file:PATH}`, in secrets and elsewhere."""

from __future__ import annotations

from pathlib import Path

from headgate.config.secrets import Secret, weakness
from tests.config.policy_files import HEAD, errors, good


def test_a_reference_elsewhere_is_resolved_as_if_its_text_stood_there(tmp_path: Path) -> None:
    (tmp_path / "idle").write_text("90s\n")
    text = """
        version: 1
        providers: {house: {dialect: openai, endpoints: ["http://${env:HOST}:8000/v1"], headers: {x-note: "$${HOST}"}}}
        http: {max_connections: "${env:MAX}", idle: "${file:idle}"}
        listen: {open: "${env:OPEN}"}
    """
    policy = good(tmp_path, text, {"HOST": "10.0.0.5", "MAX": "5_000", "OPEN": "false"})
    assert policy.http.max_connections == 5000
    assert policy.http.idle == 90_000
    assert policy.listen.open is False
    assert policy.providers["house"].endpoints is not None
    assert str(policy.providers["house"].endpoints[0]) == "http://10.0.0.5:8000/v1"
    assert policy.providers["house"].headers == {"x-note": "${HOST}"}


def test_a_missing_one_is_an_error_at_its_line(tmp_path: Path) -> None:
    text = HEAD + 'http:\n  idle: "${env:IDEL}"\n  read_gap: "${file:absent}"\npassthrough: "${home}"\n'
    assert errors(tmp_path, text, {"IDLE": "3s"}) == [
        "policy.yaml:4:9: http.idle: the environment has no `IDEL`; did you mean `IDLE`?",
        f"policy.yaml:5:13: http.read_gap: the file `{tmp_path}/absent` cannot be read: no such file or directory",
        "policy.yaml:6:14: passthrough: `${home}` is not understood; write ${env:NAME} or ${file:PATH}",
    ]


def test_a_value_with_line_breaks_is_refused(tmp_path: Path) -> None:
    found = errors(tmp_path, HEAD + 'passthrough: "${env:X}"\n', {"X": "sim\nlog: {}"})
    assert found == ["policy.yaml:3:14: passthrough: what `${env:X}` stands for has line breaks or control characters"]


def test_a_secret_stays_a_reference(tmp_path: Path) -> None:
    text = """
        version: 1
        providers: {openai: {credential: ["${env:A}", "${file:keys/b}", "${file:/run/c}"]}}
    """
    policy = good(tmp_path, text, {"A": "canary"})
    assert policy.providers["openai"].credential == [
        Secret("env", "A"),
        Secret("file", str(tmp_path / "keys/b")),
        Secret("file", "/run/c"),
    ]


def test_a_secret_is_one_reference_and_nothing_else(tmp_path: Path) -> None:
    text = 'version: 1\nproviders:\n  openai: {credential: "Bearer ${env:A}"}\n  groq: {credential: "${env:A-B}"}\n'
    assert errors(tmp_path, text) == [
        "policy.yaml:3:24: providers.openai.credential: "
        "a secret is one ${env:NAME} or one ${file:PATH}, with nothing around it",
        "policy.yaml:4:22: providers.groq.credential: `A-B` is not the name of an environment variable",
    ]


def test_no_output_shows_a_secret(tmp_path: Path) -> None:
    canary = "hg-canary-0123456789"
    policy = good(tmp_path, f"version: 1\nproviders: {{openai: {{credential: {canary}}}}}\n")
    assert canary not in repr(policy)
    wrong = f"""
        version: 1
        providers:
          openai: {canary}
          groq: {{credential: [[{canary}]]}}
          xai: {{credentials: {canary}}}
        keys: [{{name: a, secret: {{b: {canary}}}}}, {canary}]
    """
    told = "\n".join(errors(tmp_path, wrong))
    assert canary not in told
    assert "providers.openai: a map is needed, not a text" in told


def test_what_a_reference_stood_for_is_told_as_the_reference(tmp_path: Path) -> None:
    canary = "sk-Canary-" + "0123456789" * 8
    text = """
        version: 1
        passthrough: "${env:K}"
        providers: {house: {dialect: openai, endpoints: ["https://${env:K}/v1", "${env:K}"]}}
        http: {idle: "${env:K}", origins: ["${env:K}"]}
        workers: "${env:K}"
        log: {level: "${env:K}"}
    """
    told = errors(tmp_path, text, {"K": canary})
    assert len(told) == 7
    assert "canary" not in "\n".join(told).lower()
    assert "policy.yaml:3:14: passthrough: no provider `${env:K}`; there is `house`" in told


def test_weak_secrets_are_told_from_strong_ones() -> None:
    assert weakness("short") == "shorter than 20 characters"
    assert weakness("my-password-is-long-enough") == "holds a word that is guessed first"
    assert weakness("aaaaaaaaaaaaaaaaaaaaaaaaaaab") == "repeats too few characters"
    assert weakness("hg_8fjKd03nXzPqLw72MvRt5YbC1eGhUa9s") is None
