//! Finds the name that was probably meant.

/// Most candidates that are compared.
const MAX_CANDIDATES: usize = 200;

/// The candidate closest to a misspelled name, if one is close enough to be worth offering.
///
/// A difference only in case always is. Otherwise one edit for every three letters is allowed (two swapped
/// neighbours are one edit), so that short names do not match everything.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let letters = name.chars().count();
    let allowed = letters / 3;
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter(|candidate| candidate.chars().count().abs_diff(letters) <= allowed)
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate)
        })
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn close_names_are_offered_and_distant_ones_are_not() {
        let names = ["send", "close", "getWebSockets", "serializeAttachment"];
        for (given, expected) in [
            ("sned", Some("send")),
            ("Send", Some("send")),
            ("getwebsockets", Some("getWebSockets")),
            ("getWebsocket", Some("getWebSockets")),
            ("serialiseAttachment", Some("serializeAttachment")),
            ("broadcast", None),
            ("end", Some("send")),
            ("x", None),
            ("sb", None),
        ] {
            assert_eq!(closest(given, names), expected, "{given}");
        }
    }
}
