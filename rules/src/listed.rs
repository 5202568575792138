//! Names as a list for a sentence.

/// Up to three names, and how many more there are.
pub(crate) fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let quoted: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match (names.len(), quoted.as_slice()) {
        (more @ 4.., _) => format!("{} and {} more", quoted.join(", "), more - SHOWN),
        (_, [rest @ .., last]) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}
