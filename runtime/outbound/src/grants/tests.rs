use super::*;

fn grants(list: &str) -> Grants {
    Grants::new(list.split_whitespace().map(|text| text.parse().expect(text)).collect())
}

fn find(grants: &Grants, url: &str) -> Result<Cover, Refusal> {
    grants.find(&Target::of(&url.parse().expect(url)).expect(url))
}

#[test]
fn a_name_allows_itself_on_every_port_and_with_a_port_on_that_one() {
    let granted = grants("api.example.com other.example:8443 BÜCHER.example");
    for url in [
        "https://api.example.com/",
        "http://api.example.com/",
        "https://API.example.com.:9999/",
        "https://other.example:8443/",
        "https://bücher.example/",
        // A port that a wildcard would leave out.
        "http://api.example.com:25/",
    ] {
        assert_eq!(find(&granted, url), Ok(Cover::Named), "{url}");
    }
    for url in [
        "https://example.com/",
        "https://x.api.example.com/",
        "https://api.example.com.evil.example/",
        "https://evilapi.example.com/",
        "https://other.example/",
        "https://1.1.1.1/",
    ] {
        assert_eq!(find(&granted, url), Err(Refusal::NoGrant), "{url}");
    }
}

#[test]
fn a_star_allows_names_below_a_name_and_not_the_name_itself() {
    let granted = grants("*.example.com");
    assert_eq!(find(&granted, "https://a.example.com/"), Ok(Cover::Wildcard));
    assert_eq!(find(&granted, "https://a.b.example.com/"), Ok(Cover::Wildcard));
    for url in
        ["https://example.com/", "https://aexample.com/", "https://example.com.evil.example/"]
    {
        assert_eq!(find(&granted, url), Err(Refusal::NoGrant), "{url}");
    }
    assert_eq!(find(&granted, "http://a.example.com:25/"), Err(Refusal::BadPort));
    assert_eq!(find(&grants("*.example.com:25"), "http://a.example.com:25/"), Ok(Cover::Wildcard));
}

#[test]
fn a_star_alone_allows_what_is_public() {
    let granted = grants("*");
    for url in ["https://example.com/", "http://1.1.1.1:8080/", "http://[2606:4700::1]/"] {
        assert_eq!(find(&granted, url), Ok(Cover::Wildcard), "{url}");
    }
    for url in [
        "http://localhost/",
        "http://a.localhost:8080/",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
    ] {
        assert_eq!(find(&granted, url), Err(Refusal::Internal), "{url}");
    }
    assert_eq!(find(&granted, "http://example.com:6000/"), Err(Refusal::BadPort));
}

#[test]
fn an_internal_address_is_allowed_once_it_or_its_host_is_named() {
    let granted = grants("* db.internal 10.1.2.3:80 [::1] localhost");
    let address = |text: &str| text.parse().expect("an address");
    for url in [
        "http://10.1.2.3/",
        "http://[::1]:9/",
        "http://localhost/",
        "http://db.internal/",
        "http://[::ffff:10.1.2.3]/",
    ] {
        assert_eq!(find(&granted, url), Ok(Cover::Named), "{url}");
    }
    assert_eq!(find(&granted, "http://10.1.2.3:81/"), Err(Refusal::Internal));
    // What names resolve to.
    assert!(granted.covers(Cover::Named, address("192.168.0.1"), 80));
    assert!(granted.covers(Cover::Wildcard, address("10.1.2.3"), 80));
    assert!(granted.covers(Cover::Wildcard, address("::ffff:10.1.2.3"), 80));
    assert!(!granted.covers(Cover::Wildcard, address("10.1.2.3"), 81));
    assert!(!granted.covers(Cover::Wildcard, address("10.1.2.4"), 80));
    assert!(granted.covers(Cover::Wildcard, address("1.1.1.1"), 81));
}

#[test]
fn without_grants_nothing_is_allowed_and_open_ones_allow_everything() {
    assert!(Grants::default().is_empty());
    assert_eq!(find(&Grants::default(), "https://example.com/"), Err(Refusal::NoGrant));
    let open = Grants::open_beyond(vec!["api.example.com".parse().expect("a host")]);
    assert_eq!(find(&open, "https://api.example.com/"), Ok(Cover::Named));
    for url in ["http://127.0.0.1:25/", "https://example.com/"] {
        assert_eq!(find(&open, url), Ok(Cover::Open), "{url}");
    }
}

#[test]
fn what_is_no_grant_gets_an_error_that_says_how_to_write_one() {
    for (text, error) in [
        ("", GrantError::Empty),
        ("https://example.com", GrantError::Scheme),
        ("example.com/path", GrantError::NotAHost("example.com/path".to_owned())),
        ("10.0.0.0/8", GrantError::NotAHost("10.0.0.0/8".to_owned())),
        ("a b", GrantError::NotAHost("a b".to_owned())),
        ("user@example.com", GrantError::NotAHost("user@example.com".to_owned())),
        (".", GrantError::NotAHost(".".to_owned())),
        ("*.", GrantError::NotAHost("*.".to_owned())),
        ("api.*.com", GrantError::Star),
        ("*example.com", GrantError::Star),
        ("*.*.com", GrantError::Star),
        ("*.1.1.1.1", GrantError::Star),
        ("example.com:", GrantError::Port(String::new())),
        ("example.com:0", GrantError::Port("0".to_owned())),
        ("example.com:+80", GrantError::Port("+80".to_owned())),
        ("example.com:65536", GrantError::Port("65536".to_owned())),
    ] {
        assert_eq!(text.parse::<Grant>(), Err(error), "{text}");
    }
}

#[test]
fn grants_are_printed_as_they_are_written() {
    let list = "api.example.com *.example.org:8443 * *:443 10.1.2.3 [fd00::1]:80";
    assert_eq!(grants(list).to_string(), list.replace(' ', ", "));
    assert_eq!(grants("::1").to_string(), "[::1]");
    assert_eq!(Grants::default().to_string(), "none");
    assert_eq!(Grants::open_beyond(Vec::new()).to_string(), "every host");
}

#[test]
fn a_list_has_one_grant_a_line_and_comments() {
    let text = "# hosts\napi.example.com   # payments\n\n  *.example.org:443\r\n";
    let list = Grants::parse_list(text).map(Grants::new).map(|grants| grants.to_string());
    assert_eq!(list.as_deref(), Ok("api.example.com, *.example.org:443"));
    let error = Grants::parse_list("a.example\nhttp://b.example").expect_err("a URL");
    assert_eq!(error.to_string(), "line 2: write the host alone, without http:// or https://");
}
