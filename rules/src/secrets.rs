//! Whether a text looks like a secret.

/// What the keys of well-known services begin with, what behind it there are at least, and what they are.
const PREFIXES: [(&str, usize, &str); 22] = [
    ("sk-", 20, "an API key"),
    ("sk_live_", 16, "a Stripe key"),
    ("sk_test_", 16, "a Stripe key"),
    ("rk_live_", 16, "a Stripe key"),
    ("whsec_", 16, "a webhook secret"),
    ("ghp_", 30, "a GitHub token"),
    ("gho_", 30, "a GitHub token"),
    ("ghs_", 30, "a GitHub token"),
    ("ghu_", 30, "a GitHub token"),
    ("github_pat_", 30, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("npm_", 30, "an npm token"),
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("AIza", 30, "a Google API key"),
    ("xoxb-", 16, "a Slack token"),
    ("xoxp-", 16, "a Slack token"),
    ("xoxa-", 16, "a Slack token"),
    ("xapp-", 16, "a Slack token"),
    ("hf_", 30, "a Hugging Face token"),
    ("dop_v1_", 30, "a DigitalOcean token"),
    ("SG.", 30, "a SendGrid key"),
];

/// Words that tell in a name that its value is a secret.
const TELLING: [&str; 12] = [
    "apikey",
    "auth",
    "authorization",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "secrets",
    "token",
];

/// Words that tell together with the word `key` before or behind them.
const OF_KEYS: [&str; 10] = [
    "access",
    "api",
    "auth",
    "encryption",
    "hmac",
    "jwt",
    "private",
    "secret",
    "session",
    "signing",
];

/// Words of a value that stands for a secret in an example.
const PLACEHOLDERS: [&str; 10] = [
    "change",
    "dummy",
    "example",
    "fake",
    "here",
    "insert",
    "placeholder",
    "sample",
    "xxxx",
    "your",
];

/// The shortest text that a telling name makes a secret.
const MIN_CHARS: usize = 16;

/// What a text looks like that is given to a name; `None` if it does not look like a secret.
pub(crate) fn looks_like(name: Option<&str>, text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    if let Some(what) = known(text) {
        return Some(what);
    }
    if has_password(text) {
        return Some("a URL with a password");
    }
    if let Some((scheme, rest)) = text.split_once(' ')
        && ["Bearer", "Basic", "Token"].iter().any(|it| it.eq_ignore_ascii_case(scheme))
    {
        let looks = known(rest).is_some() || is_random(rest);
        return looks.then_some("credentials");
    }
    (name.is_some_and(is_telling) && is_random(text)).then_some("a secret")
}

/// The keys of well-known services, and JSON Web Tokens.
fn known(text: &str) -> Option<&'static str> {
    let of_service = PREFIXES.iter().find(|(prefix, least, _)| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.len() >= *least && is_random(rest))
    });
    if let Some((_, _, what)) = of_service {
        return Some(what);
    }
    let is_web_token =
        text.starts_with("eyJ") && text.split('.').count() == 3 && text.len() > 60 && is_key(text);
    is_web_token.then_some("a JSON Web Token")
}

/// Whether a text is a URL with a password that is not a word for one: `redis://:x9Kd2p@cache.example.com`.
fn has_password(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else { return false };
    let Some((_, password)) = user.split_once(':') else { return false };
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_local = ["localhost", "127.", "[::1]"].iter().any(|it| host.starts_with(it));
    let is_word = ["pass", "pw"].iter().chain(&TELLING).any(|it| password.eq_ignore_ascii_case(it));
    !scheme.is_empty()
        && scheme.bytes().all(is_scheme)
        && !password.is_empty()
        && is_key(password)
        && !host.is_empty()
        && !is_local
        && !is_word
}

/// Whether a name says that its value is a secret: `apiKey`, `API_TOKEN`, `x-auth-token`. What a name says of the secret
/// (`tokenType`, `passwordField`) is none: only its last words count.
fn is_telling(name: &str) -> bool {
    let words = words(name);
    let [.., last] = words.as_slice() else { return false };
    let before = words.len().checked_sub(2).map_or("", |at| words[at].as_str());
    TELLING.contains(&last.as_str())
        || (last == "key" && OF_KEYS.contains(&before))
        || (last == "id" && before == "secret")
        || OF_KEYS.iter().any(|it| last.strip_suffix("key") == Some(it))
}

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_inside = false;
    let mut was_lower = false;
    for char in name.chars() {
        if !char.is_ascii_alphanumeric() {
            is_inside = false;
            continue;
        }
        if !is_inside || (char.is_ascii_uppercase() && was_lower) {
            words.push(String::new());
        }
        (is_inside, was_lower) = (true, !char.is_ascii_uppercase());
        if let Some(word) = words.last_mut() {
            word.push(char.to_ascii_lowercase());
        }
    }
    words
}

/// Whether a text has only what keys are made of: base64, hexadecimal, and what stands between parts.
fn is_key(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.~:!@#$%^&*".contains(&byte))
}

/// Whether a text was made by chance, not by a person: letters and digits by turns, and few of them twice.
fn is_random(text: &str) -> bool {
    if text.len() < MIN_CHARS || !is_key(text) {
        return false;
    }
    // A path, the name of a host, or a room.
    if text.starts_with('/') || text.contains("://") {
        return false;
    }
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let bytes = text.as_bytes();
    let has_digit = bytes.iter().any(u8::is_ascii_digit);
    let has_letter = bytes.iter().any(u8::is_ascii_alphabetic);
    // Words have few changes from one kind to the other, and those at their ends: `chat-room-2024`, `fooBarBaz`.
    let changes = bytes.windows(2).filter(|pair| {
        let [a, b] = [kind(pair[0]), kind(pair[1])];
        a != b && a != 3 && b != 3
    });
    has_digit && has_letter && changes.count() * 5 >= text.len() && bits(bytes) >= 3.0
}

/// The entropy of a byte, in bits, by how often each is there.
fn bits(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = bytes.len() as f64;
    let share = |count: u32| f64::from(count) / total;
    counts.into_iter().filter(|&it| it > 0).map(|it| -share(it) * share(it).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_does_so_by_its_form_or_by_its_name() {
        for (name, text) in [
            (None, "sk-proj-Zq8Xv2Lr5Tn1Wk7Yb4Cd9Ef3Gh6"),
            (None, "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
            (None, "AKIAIOSF4DNN7EX3MPLE"),
            (None, "xoxb-1234a5678b9-Ab1Cd2Ef3Gh4Ij5"),
            (None, "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
            (None, "Bearer a8f5f167f44f4964e6c998dee827110c"),
            (None, "https://service:hunter2@api.acme.io/v1"),
            (None, "redis://:x9Kd2p@cache.acme.io:6379/0"),
            (Some("apiKey"), "a8f5f167f44f4964e6c998dee827110c"),
            (Some("ADMIN_TOKEN"), "Zq8Xv2Lr5Tn1Wk7Y"),
            (Some("clientSecret"), "3f1a9c-77b2e4-0d5f6a"),
            (Some("signingKey"), "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="),
            (Some("x-auth-token"), "q1w2e3r4t5y6u7i8"),
        ] {
            assert!(looks_like(name, text).is_some(), "{name:?} {text}");
        }
    }

    #[test]
    fn words_paths_examples_and_what_has_another_name_look_like_none() {
        for (name, text) in [
            (None, "a8f5f167f44f4964e6c998dee827110c"),
            (Some("hash"), "a8f5f167f44f4964e6c998dee827110c"),
            (Some("tokenType"), "urn:ietf:params:oauth:token-type:jwt"),
            (Some("token"), "refresh-token-cookie"),
            (Some("apiKey"), "YOUR_API_KEY_HERE_1a2b3c4d5e6f"),
            (Some("apiKey"), "sk-your-key-goes-here-0000"),
            (Some("passwordField"), "a8f5f167f44f4964e6c998dee827110c"),
            (Some("password"), "must-have-8-characters-or-more"),
            (Some("token"), "https://example.com/a1b2c3d4e5f6a7b8"),
            (Some("auth"), "/api/v1/auth2/login3/x4y5z6"),
            (Some("storageKey"), "user/1a2b3c4d5e6f7a8b"),
            (Some("secret"), "hunter2"),
            (None, "postgres://app:app@localhost:5432/test"),
            (None, "https://user:password@api.acme.io/"),
            (None, "https://user@api.acme.io:8080/a:b@c"),
            (None, "see https://acme.io/ or mail: me@acme.io"),
            (None, "sk-SK"),
            (None, "sk-this-is-a-css-class-name"),
            (None, "Bearer realm=zigttp-server"),
            (Some("authorization"), "Bearer "),
        ] {
            assert_eq!(looks_like(name, text), None, "{name:?} {text}");
        }
    }
}
