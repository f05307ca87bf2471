//! Chinese characters in the traditional script and their simplified counterparts.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Pairs of a traditional and a simplified character.
const PAIRS: &str = include_str!("script/traditional.txt");

static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| traditional_pairs().collect());

/// Every traditional character that has a simplified one of its own, with that one. Some simplified characters are the
/// traditional ones of another pair.
pub fn traditional_pairs() -> impl Iterator<Item = (char, char)> {
    PAIRS.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).filter_map(|pair| {
        let mut characters = pair.chars();
        Some((characters.next()?, characters.next()?))
    })
}

/// The simplified counterpart of `c`; `c` itself where there is none. One character for one, so places in a text stay.
pub fn to_simplified(c: char) -> char {
    SIMPLIFIED.get(&c).copied().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traditional_characters_become_simplified_and_others_stay() {
        let text: String = "廣州市房地產中介協會，5G 网络".chars().map(to_simplified).collect();
        assert_eq!(text, "广州市房地产中介协会，5G 网络");
    }
}
